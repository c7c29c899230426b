package intake

// sight is what one look at the event stream shows. Sequences are the stream's.
type sight struct {
	begins     uint64 // the first message that is still there
	reached    uint64 // the last one that was handed out; 0: none yet
	deliveries uint64 // to all nodes, those made again included
	waiting    uint64 // events that were never handed out
	shared     bool   // the stream holds messages of others too
	next       uint64 // the first event that waits, in one that is shared; 0: not known
}

// passed is up to where every message was handed out or is gone. A stream that
// never held any begins with 0.
func (s sight) passed() uint64 { return max(s.reached, max(s.begins, 1)-1) }

// lost is how many events the stream dropped before they were handed out, since
// the look before; before is nil at the first. It is never too many: an event
// that was handed out twice can hide one.
func (s sight) lost(before *sight) uint64 {
	switch {
	case before == nil && (s.shared || s.reached == 0):
		return 0 // what is gone was others', or the consumer begins
	case before == nil:
		return s.passed() - s.reached
	case s.older(*before):
		return 0
	case s.shared:
		return s.lostAmong(*before)
	}
	gap := s.passed() - min(s.passed(), max(s.reached, before.passed()))
	skipped := s.passed() - before.passed()
	return max(gap, skipped-min(skipped, s.deliveries-before.deliveries))
}

// lostAmong tells by what waited, is not waiting and was not handed out.
func (s sight) lostAmong(before sight) uint64 {
	accounted := s.waiting + s.deliveries - before.deliveries
	lost := before.waiting - min(before.waiting, accounted)
	if before.next > 0 && s.begins > before.next && s.reached < before.next {
		lost = max(lost, 1)
	}
	return lost
}

// older reports whether stream or consumer were made anew after before.
func (s sight) older(before sight) bool {
	return s.begins < before.begins || s.reached < before.reached || s.deliveries < before.deliveries
}
