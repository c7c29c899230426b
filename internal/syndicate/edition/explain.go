package edition

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

// Explanation says whether an audience sees a gallery in a feed at an instant, and why.
// Rule and Where are as in [gallery.Decision]. The other codes are "taken-down",
// "items" (others stand above it: it is in the archive), "match." and the name of a list
// that the gallery does not meet, "exclude." and the name of one that it meets, and
// "left-out" (it cannot be shown as it is).
type Explanation struct {
	Audience string             `json:"audience"`
	Feed     string             `json:"feed"` // as of [Ref.String]; after "partners/" and the name in the own feed of a partner's gallery
	Shown    bool               `json:"shown"`
	Rule     string             `json:"rule"`
	Where    string             `json:"where,omitzero"`
	Slides   []SlideExplanation `json:"slides,omitzero"`
	Next     time.Time          `json:"next,omitzero"` // when the time alone changes what is shown of it next; zero: never
}

// SlideExplanation is an [Explanation] of one slide, in order. It tells of a slide as if
// its gallery were shown.
type SlideExplanation struct {
	Slide int    `json:"slide"` // from 0, as in JSON pointers
	ID    string `json:"id,omitzero"`
	Shown bool   `json:"shown"`
	Rule  string `json:"rule"`
	Where string `json:"where,omitzero"`
}

// Explain says for every feed in which the audience could see the gallery with that id at
// t whether it does: for its own, for each configured feed, and for those of its section,
// tags and authors; a zero t is now. It goes by what is stored now, and asks what renders.
// For another instant it looks at all galleries. The error is [ErrUnknown] where no record
// of the gallery is known, or says why it cannot be read.
func (s *Set) Explain(ctx context.Context, id string, t time.Time) ([]Explanation, error) {
	if err := s.opts.Index.Ready(); err != nil {
		return nil, fmt.Errorf("explain gallery %q: %w: %w", id, ErrUnavailable, err)
	}
	above := outrankedAt(t)
	if t.IsZero() {
		t = s.opts.Now()
		above = outrankedNow(t)
	}
	e := s.opts.Index.Find(gallery.Key(id))
	if e == nil {
		return nil, fmt.Errorf("explain gallery %q: %w", id, ErrUnknown)
	}
	all, err := s.decide(ctx, e, t)
	if err != nil {
		return nil, fmt.Errorf("explain gallery %q: %w", id, err)
	}
	own := all
	own.Feed = s.name(Ref{Kind: Gallery, Name: gallery.Key(id)})
	if s.partner != nil {
		own.choose(s.feeds[s.partner.Name], e)
	}
	list := []Explanation{own}
	for _, d := range s.opts.Feeds {
		one := all
		one.Feed = s.feeds[d.Name].name()
		one.rank(s.feeds[d.Name], e, above)
		list = append(list, one)
	}
	for _, f := range e.Facets {
		if ref := refOf(f); s.opts.Dynamic.has(ref.Kind) {
			one := all
			one.Feed = ref.String()
			r := newFeedRenderer(s, ref, s.dynamicDefinition(ref, f.Value().Name)) // nobody may have asked for the feed
			one.rank(r, e, above)
			r.release()
			list = append(list, one)
		}
	}
	return list, nil
}

// outranked reports whether as many galleries as a document has are above a gallery.
type outranked func(s *index.Selection, items int, e *index.Entry) bool

func outrankedAt(t time.Time) outranked {
	return func(s *index.Selection, items int, e *index.Entry) bool { return s.Above(e, t) >= items }
}

// outrankedNow looks only at the document.
func outrankedNow(now time.Time) outranked {
	return func(s *index.Selection, items int, e *index.Entry) bool {
		return !slices.ContainsFunc(s.View(items, now).Entries, func(shown *index.Entry) bool { return shown.ID == e.ID })
	}
}

// decide says what the audience may see of a gallery at all.
func (s *Set) decide(ctx context.Context, e *index.Entry, t time.Time) (Explanation, error) {
	x := Explanation{Audience: cmp.Or(s.Audience().Name, gallery.Public), Rule: "taken-down"}
	if e.Rank.TakeDown {
		return x, nil
	}
	g, err := s.opts.Load(ctx, e)
	if problems, ok := errors.AsType[gallery.Problems](err); ok {
		x.Rule, x.Where = "left-out", problems[0].Place
		return x, nil
	} else if err != nil {
		return Explanation{}, err
	}
	return s.weigh(g, t), nil
}

// weigh says what the audience may see of g at t, by its rights.
func (s *Set) weigh(g *gallery.Gallery, t time.Time) Explanation {
	x := Explanation{Audience: cmp.Or(s.Audience().Name, gallery.Public)}
	where := func(d gallery.Decision) string {
		if d.Where == "" && d.Rule != "default" { // a key of the partner's configuration
			return s.partner.Where + "." + d.Rule
		}
		return d.Where
	}
	a, terms := s.Audience(), g.Terms()
	d := a.Gallery(terms, t)
	x.Shown, x.Rule, x.Where, x.Next = d.Shown, d.Rule, where(d), d.Next
	for i := range g.Slides {
		d := a.Slide(terms, i, t)
		x.Slides = append(x.Slides, SlideExplanation{i, g.Slides[i].ID, d.Shown, d.Rule, where(d)})
		if x.Shown && !d.Next.IsZero() && (x.Next.IsZero() || d.Next.Before(x.Next)) {
			x.Next = d.Next
		}
	}
	return x
}

// Withheld says which rules of the event or of the configuration hide g for good, by what is
// known at t, from the partner of the set: either Rule and Where hide all of it, or those in
// Slides hide these; else it is empty. What the partner does not match, and what a delay, an
// age or an expiry leaves out, is not withheld, whatever rules say.
func (s *Set) Withheld(g *gallery.Gallery, t time.Time) Explanation {
	e := index.Next(nil, index.Revision{ID: g.ID, Rank: gallery.Rank{Updated: g.Updated}, Gallery: g})
	x := s.weigh(g, t)
	r := s.feeds[s.partner.Name]
	excluded := r.selection.Excluded(e)
	switch whole := !x.Shown && withholds(x.Rule); {
	case r.selection.Unmatched(e) != "", !whole && !x.Shown && x.Next.IsZero():
		return Explanation{}
	case whole:
		return Explanation{Audience: x.Audience, Rule: x.Rule, Where: x.Where}
	case excluded != "":
		return Explanation{Audience: x.Audience, Rule: excluded, Where: r.def.Where + "." + excluded}
	}
	hidden := slices.DeleteFunc(x.Slides, func(slide SlideExplanation) bool { return slide.Shown || !withholds(slide.Rule) })
	return Explanation{Audience: x.Audience, Slides: hidden}
}

// withholds reports whether what a rule hides is not shown later either.
func withholds(rule string) bool {
	switch rule {
	case "rights.syndicate", "rights.deny", "rights.allow", "rights.until", "rules.deny", "rules.allow",
		"exclude.sources", "exclude.credits", "unstated_rights":
		return true
	}
	return false
}

// choose says whether the feed chooses the gallery, if its audience sees it at t or later.
func (x *Explanation) choose(r *feedRenderer, e *index.Entry) {
	if unmet := r.selection.Unmet(e); unmet != "" && (x.Shown || !x.Next.IsZero()) {
		x.Shown, x.Rule, x.Where, x.Next = false, unmet, r.def.Where+"."+unmet, time.Time{}
	}
}

// rank says whether the feed has the gallery in its document, if it chooses it.
func (x *Explanation) rank(r *feedRenderer, e *index.Entry, above outranked) {
	if x.choose(r, e); !x.Shown {
		return
	}
	if above(r.selection, r.def.Items, e) {
		x.Shown, x.Rule, x.Where = false, "items", r.def.Where+".items"
		return
	}
	if last := r.current.Load(); last != nil {
		for _, left := range last.LeftOut {
			if left.Gallery == e.ID && left.Rank == e.Rank {
				x.Shown, x.Rule, x.Where = false, "left-out", left.Reason
			}
		}
	}
}
