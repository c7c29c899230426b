package index

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Stub is a gallery that is gone and keeps its place in a view.
type Stub struct {
	*Entry
	Above int // it stands right above the view's entry with that index, or below all of them
}

// maxStubs bounds those on a page of an archive.
const maxStubs = 1000

// Published is the instant of publication of a gallery that is gone, or that of
// its last revision where an older release wrote the take-down.
func (s Stub) Published() time.Time { return time.Unix(0, s.place(ByPublished)).UTC() }

// Language is that of a gallery that is gone, empty where it is not known.
func (s Stub) Language() string {
	for _, f := range s.goneFrom().facets {
		if p := f.Value(); p.Kind == Language {
			return p.Name
		}
	}
	return ""
}

// place is [Order.rank] for e, which is gone: where it stood, and by update where
// a correction at the instant of the withdrawal would stand.
func (e *Entry) place(o Order) int64 {
	switch {
	case o == ByUpdated:
		return e.withdrawn()
	case !e.Rank.TakeDown:
		return e.published
	}
	of := e.lastTakenDown().of
	return cmp.Or(of.from, of.rank.Updated.UnixNano())
}

// compare is [Order.compare] of a gallery that is gone with an entry.
func (s Stub) compare(o Order, e *Entry) int {
	return cmp.Or(cmp.Compare(s.place(o), o.rank(e)), strings.Compare(s.ID, e.ID))
}

// stubs returns those for a view of entries, the newest first by place, and of the
// latest withdrawals at most so many. They stand above the bottom and not above the
// top, which bound them where they are not nil: the bottom may be one's own place.
func (s *Selection) stubs(entries []*Entry, bottom, top *Entry, most int, now time.Time) []Stub {
	if !s.index.opts.Stubs {
		return nil
	}
	var list []Stub
	order := s.choice.Order
	for e := range s.goneAt(now) {
		b := Stub{Entry: e}
		if len(list) == most {
			break
		}
		if bottom != nil && b.compare(order, bottom) < 0 || top != nil && b.compare(order, top) >= 0 {
			continue
		}
		b.Above, _ = slices.BinarySearchFunc(entries, b, func(e *Entry, b Stub) int { return b.compare(order, e) })
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b Stub) int {
		return cmp.Or(cmp.Compare(b.place(order), a.place(order)), strings.Compare(b.ID, a.ID))
	})
	return list
}
