package index

import "time"

// Skew is how far the clocks of the nodes, and the server's, are allowed to be apart.
const Skew = 5 * time.Second

// lateRange is a stretch of time; the zero value is none.
type lateRange struct{ from, until int64 }

// note extends the range to when the record of e was stored, if this process received it late: [Skew] after that or later.
func (s *lateRange) note(e *Entry, now int64) {
	if now-e.stored < int64(Skew) {
		return
	}
	if *s == (lateRange{}) {
		s.from, s.until = e.stored, e.stored
	}
	s.from, s.until = min(s.from, e.stored), max(s.until, e.stored)
}

// Late reports whether this process may have received late a record that was stored in
// the second of t: what it showed before may have that second for its date. It is also
// true of any time between two records that came late.
func (x *Index) Late(t time.Time) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ns := t.UnixNano()
	return x.late != lateRange{} && x.late.from-int64(time.Second) < ns && ns < x.late.until+int64(time.Second)
}
