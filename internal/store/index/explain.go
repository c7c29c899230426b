package index

import "time"

// Unmet is the name of the list of the match that a gallery does not meet, such as
// "tags"; empty where the selection chooses it.
func (s *Selection) Unmet(e *Entry) string { return s.match.unmet(e.Facets) }

// Above counts the galleries that the selection shows above e at t, which may be any
// instant: it goes by what is stored now, and lets nothing take effect. It looks at
// all galleries.
func (s *Selection) Above(e *Entry, t time.Time) int {
	x := s.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	at := func(e *Entry) *Entry { // as it is ordered then
		then := *e
		then.shown = e.shownAt(t.UnixNano())
		return &then
	}
	place, n := at(e), 0
	for other := range s.candidates {
		if other.ID != e.ID && other.VisibleAt(t) && s.match.matches(other.Facets) && s.order.compare(at(other), place) > 0 {
			n++
		}
	}
	return n
}
