package edition

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

// salvage returns what may still be shown of the last good edition after
// rendering failed with cause.
func (p *press) salvage(cause error) (*Edition, error) {
	last := p.current.Load()
	if last == nil {
		return nil, fmt.Errorf("feed %q: %w: %w", p.def.Name, ErrUnavailable, orResting(cause))
	}
	if cause != nil {
		p.set.opts.Logger.Warn("a feed could not be rendered and keeps its last good edition", "feed", p.def.Name, "err", cause)
	}
	now, err := p.sheet(p.set.opts.Now())
	if err != nil {
		return nil, err
	}
	e := p.begin(now)
	var places []int // of those that are kept, in the view of now
	for i, m := range last.Members {
		if !m.Stub && p.mayShow(m, now.At) {
			e.Members, e.items = append(e.Members, m), append(e.items, last.items[i])
			places = append(places, p.order().Index(now.Entries, m.entry))
		}
	}
	e.channel, e.past = p.channel(e.items, now), last.past
	p.addStubs(e, places, now.Stubs)
	if last.Cut && last.print == e.print && len(last.Members) == len(e.Members) {
		return last, nil
	}
	if err := p.set.assemble(e, p.weigh); err != nil {
		return nil, fmt.Errorf("feed %q: %w: %w", p.def.Name, ErrUnavailable, err)
	}
	// It is older than what touched the feed last: dated so, it would make
	// readers miss the good one.
	e.Cut, e.Undated, e.Touched = true, true, time.Time{}
	p.current.Store(e)
	p.weigh()
	return e, nil
}

// mayShow reports whether a member may be shown as it was rendered: it still
// belongs to the feed, and no picture's rights ran out. Of a revision that is
// not rendered yet the index knows only how many rights ran out: more than in
// the old one, and a picture of the old one may be among them.
func (p *press) mayShow(m Member, now time.Time) bool {
	key := gallery.Key(m.ID)
	if !p.selection.Holds(key, now) || m.entry.Phase(now) != m.Phase {
		return false
	}
	known := p.set.opts.Index.Find(key)
	return known != nil && known.Phase(now) <= m.Phase
}

// order is that of what p renders.
func (p *press) order() index.Order {
	if p.ref.Page != "" {
		return index.ByPublished
	}
	return p.def.Order
}

func (p *press) mayShowAll(members []Member) bool {
	now := p.set.opts.Now()
	return !slices.ContainsFunc(members, func(m Member) bool { return !m.Stub && !p.mayShow(m, now) })
}

func orResting(cause error) error {
	if cause == nil {
		return errors.New("the last attempt failed a moment ago")
	}
	return cause
}
