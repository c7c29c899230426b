package intake

// Sight is sight for the tests.
type Sight struct {
	Begins, Reached, Deliveries, Waiting, Next uint64
	Shared                                     bool
}

// Lost is what the stream lost between the two; before is nil at the first look.
func Lost(before *Sight, now Sight) uint64 {
	if before == nil {
		return now.in().lost(nil)
	}
	return now.in().lost(new(before.in()))
}

func (s Sight) in() sight {
	return sight{begins: s.Begins, reached: s.Reached, deliveries: s.Deliveries, waiting: s.Waiting, next: s.Next, shared: s.Shared}
}
