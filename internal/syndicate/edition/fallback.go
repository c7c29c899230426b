package edition

import (
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

// fallBack returns the last good edition, without what may not be shown any more,
// after rendering failed with cause. A nil cause means that a failure a moment ago
// keeps the feed from being tried again.
func (r *feedRenderer) fallBack(cause error) (*Edition, error) {
	last := r.current.Load()
	if cause != nil && last != nil {
		r.set.opts.Logger.Warn("a feed could not be rendered and keeps its last good edition", "feed", r.name(), "err", cause)
	} else if last == nil {
		if cause == nil {
			cause = errors.New("the last attempt failed a moment ago")
		}
		return nil, fmt.Errorf("feed %q: %w: %w", r.name(), ErrUnavailable, cause)
	}
	now, err := r.snapshot(r.set.opts.Now())
	if err != nil {
		return nil, err
	}
	order := r.def.Order
	if r.ref.Page != "" {
		order = index.ByPublished
	}
	e := r.editionOf(now)
	var places []int // of those that are kept, in the snapshot of now
	for i, m := range last.Members {
		if !m.Stub && r.mayShow(m, now.At) {
			e.Members, e.items = append(e.Members, m), append(e.items, last.items[i])
			places = append(places, order.Index(now.Entries, m.entry))
		}
	}
	e.channel = r.channel(e.items, now)
	r.addStubs(e, places, now.Stubs)
	if last.Fallback && last.fingerprint == e.fingerprint && len(last.Members) == len(e.Members) {
		return last, nil
	}
	if err := r.set.assemble(e, r.resize); err != nil {
		return nil, fmt.Errorf("feed %q: %w: %w", r.name(), ErrUnavailable, err)
	}
	// It is older than what touched the feed last: dated so, it would make
	// readers miss the good one.
	e.Fallback, e.Undated, e.Touched = true, true, time.Time{}
	r.show(e)
	return e, nil
}

// mayShow reports whether a member may be shown as it was rendered: it still
// belongs to the feed, and no picture's rights began or ended. Of a revision that is
// not rendered yet the index knows only how many began or ended. If these are more than
// in the old one, a picture of the old one may be among them.
func (r *feedRenderer) mayShow(m Member, now time.Time) bool {
	key := gallery.Key(m.ID)
	if !r.selection.Holds(key, now) || m.entry.Phase(now) != m.Phase {
		return false
	}
	known := r.set.find(key)
	return known != nil && known.Phase(now) <= m.Phase
}
