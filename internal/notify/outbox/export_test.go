package outbox

// Aside is how many notices are put aside.
func (b *Outbox) Aside() int {
	n := 0
	b.book.read(func(shards []part, _ map[string]*late) {
		for _, part := range shards {
			n += len(part.aside)
		}
	})
	return n
}
