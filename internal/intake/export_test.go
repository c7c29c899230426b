package intake

// Sight is sight for the tests.
type Sight struct{ Begins, Reached, Deliveries, Waiting, Next uint64 }

func (s Sight) in() *sight {
	return &sight{begins: s.Begins, reached: s.Reached, deliveries: s.Deliveries, waiting: s.Waiting, next: s.Next}
}

// Lost is what the stream of ours alone, or one that is shared, lost between the
// two; before is nil at the first look.
func Lost(before *Sight, now Sight, alone bool) uint64 {
	var b *sight
	if before != nil {
		b = before.in()
	}
	if alone {
		return now.in().lost(b)
	}
	return now.in().lostAmong(b)
}
