package index

import (
	"cmp"
	"math"
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

// For is e, an entry of the index, as it is for the audience now; nil if e is nil.
func (x *Index) For(a *gallery.Audience, e *Entry, now time.Time) *Entry {
	return e.forAudience(a, now.UnixNano())
}

// forAudience is e as it is at now for the audience, for all audiences together where a is
// nil. It is e itself where that is no different. From what it returns for one audience
// it cannot be computed for another.
func (e *Entry) forAudience(a *gallery.Audience, now int64) *Entry {
	timed := a != nil && (a.Delay > 0 || a.MaxAge > 0)
	if e == nil || e.extra == nil && !timed && e.hidden != (e.Rank.TakeDown || admits(a, e.Facets)) {
		return e
	}
	own := *e
	own.admit(a)
	own.shown = own.shownAt(now)
	return &own
}

// admit notes what of e the audience may see and when, all audiences together where a is
// nil.
func (e *Entry) admit(a *gallery.Audience) {
	var x extra
	if e.extra != nil {
		x = *e.extra
	}
	x.left = slices.Clone(x.left)
	for i := range x.left {
		d := &x.left[i]
		if d.hidden = d.all && d.of != nil; !d.all { // which audiences saw the summarised ones is not known
			d.hidden = !admits(a, d.facets) || !d.released(a, d.leftAt(e))
		}
	}
	if a != nil && !e.Rank.TakeDown {
		if release := after(e.published, a.Delay); a.Delay > 0 && release > x.from {
			x.from = release
		}
		if over := after(e.published, a.MaxAge); a.MaxAge > 0 && over < e.end {
			e.end, e.aged = over, true
		}
	}
	x.slideStarts, x.slideEnds = slideInstants(a, x.slides)
	if e.extra != nil || x.from != 0 {
		e.extra = &x
	}
	if d := e.lastTakenDown(); e.Rank.TakeDown {
		e.hidden = d != nil && d.hidden
	} else {
		e.hidden = !admits(a, e.Facets)
	}
}

// released reports whether there was a time at which the audience was shown the gallery, as
// far as it is known: with a delay one before it left, by its date or when that was stored.
func (d *departure) released(a *gallery.Audience, at int64) bool {
	if d.published == 0 {
		return true
	}
	release, end, delayed := d.published, cmp.Or(d.end, math.MaxInt64), a != nil && a.Delay > 0
	if delayed {
		release = after(d.published, a.Delay)
	}
	if a != nil && a.MaxAge > 0 {
		end = min(end, after(d.published, a.MaxAge))
	}
	release = max(release, d.from)
	return release < end && (!delayed || release <= max(d.ended, at))
}

// WasRestricted reports whether e is the take-down of a gallery that not everybody could see at
// any time.
func (e *Entry) WasRestricted() bool {
	d := e.lastTakenDown()
	if !e.Rank.TakeDown || d == nil {
		return false
	}
	return d.from != 0 || slices.ContainsFunc(d.facets, func(f Facet) bool { k := f.Value().Kind; return k == Allowed || k == Denied })
}

// leftAt is when the record was stored by which the gallery left; e has the departure.
func (d *departure) leftAt(e *Entry) int64 { return cmp.Or(d.left, d.at, e.stored) }

// after is the instant so long after another one.
func after(at int64, d time.Duration) int64 {
	if at > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return at + int64(d)
}

// slideInstants are those of [gallery.Audience.SlideInstants].
func slideInstants(a *gallery.Audience, slides []timedSlide) (starts, ends []int64) {
	if len(slides) == 0 {
		return nil, nil
	}
	terms := new(gallery.Terms)
	for _, s := range slides {
		if a == nil {
			s.Credit, s.Allow, s.Deny = "", nil, nil
		}
		terms.Slides = append(terms.Slides, gallery.SlideTerms{
			Credit: s.Credit, Rights: gallery.Rights{From: instantOf(s.From), Until: instantOf(s.Until), Allow: s.Allow, Deny: s.Deny},
		})
	}
	if a == nil {
		a = new(gallery.Audience)
	}
	from, until := a.SlideInstants(terms)
	for _, t := range from {
		starts = append(starts, nanos(t))
	}
	for _, t := range until {
		ends = append(ends, nanos(t))
	}
	return starts, ends
}

// admits reports whether there is any time at which the audience may see a gallery with
// these facets; a nil one is all audiences together.
func admits(a *gallery.Audience, fs []Facet) bool {
	if a == nil {
		return true
	}
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
