package edition

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/feed"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// salvage returns what may still be shown of the last good edition after
// rendering failed with cause.
func (p *press) salvage(cause error) (*Edition, error) {
	last := p.current.Load()
	if last == nil {
		return nil, fmt.Errorf("feed %q: %w: %w", p.def.Name, ErrUnavailable, orResting(cause))
	}
	if cause != nil {
		p.shelf.opts.Logger.Warn("a feed could not be rendered and keeps its last good edition", "feed", p.def.Name, "err", cause)
	}
	view := p.selection.View(0, p.shelf.opts.Now())
	var members []Member
	var items []*feed.Item
	for i, m := range last.Members {
		if p.mayShow(m, view.At) {
			members, items = append(members, m), append(items, last.items[i])
		}
	}
	if last.Cut && len(members) == len(last.Members) {
		return last, nil
	}
	e, err := p.assemble(view, members, items)
	if err != nil {
		return nil, fmt.Errorf("feed %q: %w: %w", p.def.Name, ErrUnavailable, err)
	}
	// It is older than what touched the feed last: dated so, it would make
	// readers miss the good one.
	e.Cut, e.Touched = true, time.Time{}
	p.current.Store(e)
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
	known := p.shelf.opts.Catalogue.Find(key)
	return known != nil && known.Phase(now) <= m.Phase
}

func (p *press) mayShowAll(members []Member) bool {
	now := p.shelf.opts.Now()
	return !slices.ContainsFunc(members, func(m Member) bool { return !p.mayShow(m, now) })
}

func orResting(cause error) error {
	if cause == nil {
		return errors.New("the last attempt failed a moment ago")
	}
	return cause
}
