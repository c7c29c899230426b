package gallery

import (
	"slices"
	"time"
)

// Terms are what decides when, and to which audiences, a gallery and its slides are
// shown: all that an index has to keep for it.
type Terms struct {
	Published time.Time
	Updated   time.Time
	Expires   time.Time // zero: never
	Rights    Rights
	Sources   []string
	Slides    []SlideTerms // in order
}

// SlideTerms are the [Terms] of one slide.
type SlideTerms struct {
	Credit string
	Rights Rights
}

// Window is the time in which there may be an audience that sees a gallery on these
// terms. It returns as [Audience.Window] does.
func (t *Terms) Window() (from, until time.Time, ok bool) {
	anybody := *t
	anybody.Rights.Allow, anybody.Rights.Deny = nil, nil
	return new(Audience).Window(&anybody)
}

// Restricted reports whether g has rights that name audiences or that begin at an
// instant.
func (g *Gallery) Restricted() bool {
	restricts := func(r *Rights) bool { return !r.From.IsZero() || len(r.Allow) > 0 || len(r.Deny) > 0 }
	return restricts(&g.Rights) || slices.ContainsFunc(g.Slides, func(s Slide) bool { return restricts(&s.Rights) })
}

// Terms returns those of g. It shares memory with g.
func (g *Gallery) Terms() *Terms {
	t := &Terms{
		Published: g.Published, Updated: g.Updated, Expires: g.Expires,
		Rights: g.Rights, Sources: g.Sources, Slides: make([]SlideTerms, len(g.Slides)),
	}
	for i := range g.Slides {
		t.Slides[i] = SlideTerms{g.Slides[i].Credit, g.Slides[i].Rights}
	}
	return t
}
