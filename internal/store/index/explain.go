package index

import (
	"cmp"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Unmet names what of the choice keeps a gallery out, such as "match.tags" or
// "exclude.sections"; it is empty where the selection chooses the gallery.
func (s *Selection) Unmet(e *Entry) string { return cmp.Or(s.Excluded(e), s.Unmatched(e)) }

// Excluded names the list of what the choice excludes that keeps a gallery out; empty: none.
func (s *Selection) Excluded(e *Entry) string {
	for _, l := range s.choice.Exclude.lists() {
		if len(l.names) > 0 && meets(l.names, l.kind, e.Facets) {
			return "exclude." + l.key
		}
	}
	return ""
}

// Unmatched names the list of what the choice matches that does not have a gallery; empty:
// none.
func (s *Selection) Unmatched(e *Entry) string {
	for _, l := range s.choice.Match.lists() {
		if !meets(l.names, l.kind, e.Facets) {
			return "match." + l.key
		}
	}
	return ""
}

// Above counts the galleries that the selection shows above e at t, which may be any
// instant: it goes by what is stored now, and lets nothing take effect. It looks at
// all galleries.
func (s *Selection) Above(e *Entry, t time.Time) int {
	x, ns := s.index, t.UnixNano()
	x.mu.RLock()
	defer x.mu.RUnlock()
	at := func(e *Entry) *Entry { // as it is for the audience, and ordered, then
		then := *s.forAudience(e, ns)
		then.shown = then.shownAt(ns)
		return &then
	}
	place, n := at(x.entries[gallery.Key(e.ID)]), 0
	for other := range s.candidates {
		if other = at(other); other.ID != e.ID && other.visible(ns) && s.chooses(other.Facets) && s.choice.Order.compare(other, place) > 0 {
			n++
		}
	}
	return n
}
