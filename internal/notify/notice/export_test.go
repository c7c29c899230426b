package notice

// Known returns of how many feeds something is remembered.
func (n *Notices) Known() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.known)
}
