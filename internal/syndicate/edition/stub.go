package edition

import (
	"slices"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// tombstones name in Atom and JSON Feed the galleries that are gone, unless another
// gallery that is shown has the identifier now.
func (s *Set) tombstones(gone []*index.Entry, shown []*feed.Item) []feed.Tombstone {
	var ts []feed.Tombstone
	for _, e := range gone {
		g := &gallery.Gallery{ID: e.ID, GUID: e.GUID()}
		id := s.opts.Renderer.ID(g)
		if slices.ContainsFunc(shown, func(item *feed.Item) bool { return item.ID() == id }) {
			continue
		}
		ts = append(ts, feed.Tombstone{ID: id, AtomID: s.opts.Renderer.AtomID(g), When: e.Withdrawn(), Reason: e.Reason()})
	}
	return ts
}

// addStubs puts stubs between the galleries of e, whose places in the snapshot are
// given, unless a gallery or another stub has the identifier.
func (r *feedRenderer) addStubs(e *Edition, places []int, stubs []index.Stub) {
	if len(stubs) == 0 {
		return
	}
	shown := map[string]bool{}
	for _, item := range e.items {
		shown[item.ID()] = true
	}
	galleries, items := e.Members, e.items
	e.Members, e.items = nil, nil
	for _, b := range stubs {
		item, err := r.stub(b)
		if err != nil {
			r.leaveOut(e, b.Entry, err.Error())
			continue
		}
		if shown[item.ID()] {
			continue
		}
		shown[item.ID()] = true
		n, _ := slices.BinarySearch(places, b.Above)
		e.Members, e.items = append(e.Members, galleries[:n]...), append(e.items, items[:n]...)
		galleries, items, places = galleries[n:], items[n:], places[n:]
		e.Members = append(e.Members, Member{ID: b.ID, Rank: b.Rank, Stub: true, entry: b.Entry})
		e.items = append(e.items, item)
	}
	e.Members, e.items = append(e.Members, galleries...), append(e.items, items...)
	e.channel.Updated = latest(e.items, e.channel.Tombstones)
}

// stub renders what is left of a gallery that is gone.
func (r *feedRenderer) stub(b index.Stub) (*feed.Item, error) {
	g := &gallery.Gallery{ID: b.ID, GUID: b.GUID(), Language: b.Language(), Published: b.Published()}
	return r.set.opts.Renderer.Stub(g, b.Withdrawn())
}
