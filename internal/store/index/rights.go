package index

import (
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// timedSlide is what decides about slides whose rights begin or run out: equal
// ones are one.
type timedSlide struct {
	From   int64    `json:"f,omitzero"` // Unix nanoseconds; 0: at once
	Until  int64    `json:"u,omitzero"` // 0: for good
	Credit string   `json:"c,omitzero"`
	Allow  []string `json:"a,omitzero"`
	Deny   []string `json:"d,omitzero"`
}

// timedSlides are those of g that may be shown to anybody.
func timedSlides(g *gallery.Gallery) (all []timedSlide) {
	for i := range g.Slides {
		r := &g.Slides[i].Rights
		if r.From.IsZero() && r.Until.IsZero() || r.Syndicate != nil && !*r.Syndicate {
			continue
		}
		s := timedSlide{nanos(r.From), nanos(r.Until), g.Slides[i].Credit, r.Allow, r.Deny}
		if !slices.ContainsFunc(all, s.equals) {
			all = append(all, s)
		}
	}
	return all
}

func (s timedSlide) equals(o timedSlide) bool {
	return s.From == o.From && s.Until == o.Until && s.Credit == o.Credit && slices.Equal(s.Allow, o.Allow) && slices.Equal(s.Deny, o.Deny)
}

// slides are those of a line; a record from before slides had rights that begin knows
// only when some run out.
func (l *line) slides() []timedSlide {
	if l.Slides != nil {
		return l.Slides
	}
	var all []timedSlide
	for _, end := range l.SlideEnds {
		all = append(all, timedSlide{Until: end})
	}
	return all
}

// admit notes what of e the audience may see, whatever the time.
func (e *Entry) admit(a *gallery.Audience) {
	if e.extra != nil && len(e.extra.left) > 0 {
		x := *e.extra
		x.left = slices.Clone(x.left)
		for i := range x.left {
			d := &x.left[i]
			d.hidden = !d.all && !admits(a, d.facets)
		}
		e.extra = &x
	}
	if d := e.lastTakenDown(); e.Rank.TakeDown {
		e.hidden = d != nil && d.hidden
	} else {
		e.hidden = !admits(a, e.Facets)
	}
	if slides := e.timedSlides(); len(slides) > 0 {
		terms := new(gallery.Terms)
		for _, s := range slides {
			terms.Slides = append(terms.Slides, gallery.SlideTerms{
				Credit: s.Credit, Rights: gallery.Rights{From: instantOf(s.From), Until: instantOf(s.Until), Allow: s.Allow, Deny: s.Deny},
			})
		}
		x := *e.extra
		x.slideStarts, x.slideEnds = nil, nil
		starts, ends := a.SlideInstants(terms)
		for _, t := range starts {
			x.slideStarts = append(x.slideStarts, nanos(t))
		}
		for _, t := range ends {
			x.slideEnds = append(x.slideEnds, nanos(t))
		}
		e.extra = &x
	}
}

// admits reports whether there is any time at which the audience may see a gallery with
// these facets.
func admits(a *gallery.Audience, fs []Facet) bool {
	var t gallery.Terms
	for _, f := range fs {
		switch p := f.Value(); p.Kind {
		case Source:
			t.Sources = append(t.Sources, p.Name)
		case Allowed:
			t.Rights.Allow = append(t.Rights.Allow, p.Name)
		case Denied:
			t.Rights.Deny = append(t.Rights.Deny, p.Name)
		}
	}
	_, _, ok := a.Window(&t)
	return ok
}

// instantOf is the inverse of nanos.
func instantOf(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

func (e *Entry) timedSlides() []timedSlide {
	if e.extra == nil {
		return nil
	}
	return e.extra.slides
}

func (e *Entry) startOfRights() int64 {
	if e.extra == nil {
		return 0
	}
	return e.extra.from
}
