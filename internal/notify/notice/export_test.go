package notice

// Known returns the number of feeds whose state is kept.
func (n *Notices) Known() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.feeds)
}
