package gallery

import (
	"slices"
	"time"
)

// Allowed reports whether r lets its holder be shown at t.
func (r Rights) Allowed(t time.Time) bool {
	return (r.Syndicate == nil || *r.Syndicate) && (r.Until.IsZero() || t.Before(r.Until))
}

// VisibleAt reports whether g may be in feeds and on pages at t: published,
// not expired, and free to be syndicated.
func (g *Gallery) VisibleAt(t time.Time) bool {
	return !t.Before(g.Published) && (g.Expires.IsZero() || t.Before(g.Expires)) && g.Rights.Allowed(t)
}

// End is the first instant at which g may no longer be shown: the earlier of
// its expiry and the end of its rights; zero when neither is set.
func (g *Gallery) End() time.Time {
	switch {
	case g.Expires.IsZero():
		return g.Rights.Until
	case g.Rights.Until.IsZero() || g.Expires.Before(g.Rights.Until):
		return g.Expires
	}
	return g.Rights.Until
}

// UpdatedAt is when what is shown of g at t last changed, as readers are told:
// the latest of Updated, the end of an embargo, and each instant up to t at which
// the rights of a slide ran out.
func (g *Gallery) UpdatedAt(t time.Time) time.Time {
	at := g.Updated
	if g.Published.After(at) {
		at = g.Published
	}
	for _, end := range g.SlideEnds() {
		if !end.After(t) && end.After(at) {
			at = end
		}
	}
	return at
}

// SlideWithdrawn is when the slide with that index was withdrawn because its rights ran
// out, not before the revision that says so. ok is false where they have not at t, and
// where the slide was never shown.
func (g *Gallery) SlideWithdrawn(i int, t time.Time) (when time.Time, ok bool) {
	r := g.Slides[i].Rights
	if !g.Published.Before(r.Until) || r.Allowed(t) || !r.Allowed(g.Published) {
		return time.Time{}, false
	}
	if r.Until.Before(g.Updated) {
		return g.Updated, true
	}
	return r.Until, true
}

// SlidesAt returns the slides that may be shown at t, in order. It shares no
// memory with g.Slides when one had to be left out.
func (g *Gallery) SlidesAt(t time.Time) []Slide {
	hidden := func(s Slide) bool { return !s.Rights.Allowed(t) }
	if !slices.ContainsFunc(g.Slides, hidden) {
		return g.Slides
	}
	return slices.DeleteFunc(slices.Clone(g.Slides), hidden)
}

// SlideEnds returns, in order and without repetition, the instants at which
// the rights of a slide that may be syndicated at all run out.
func (g *Gallery) SlideEnds() []time.Time {
	var ends []time.Time
	for _, s := range g.Slides {
		if !s.Rights.Until.IsZero() && (s.Rights.Syndicate == nil || *s.Rights.Syndicate) {
			ends = append(ends, s.Rights.Until)
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	return slices.CompactFunc(ends, time.Time.Equal)
}
