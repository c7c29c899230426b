package index

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Revision is one revision of a gallery, as an entry is made of it.
type Revision struct {
	ID      string
	Rank    gallery.Rank
	Gallery *gallery.Gallery // nil for a take-down
	Reason  string           // of a take-down
}

// Next returns the entry that takes the place of prev, which may be nil, when r
// comes, without its sequence and when it is stored; nil where prev stays. It has
// another rank than r where prev is a take-down that came before the publication
// that it ends: feeds say then all the same that the gallery is gone, or they would
// depend on the order in which the two came.
func Next(prev *Entry, r Revision) *Entry {
	switch {
	case prev == nil || prev.state == lost || prev.state == readable && r.Rank.Compare(prev.Rank) > 0:
		return r.after(prev)
	case r.Gallery == nil || !prev.Rank.TakeDown || prev.state != readable:
		return nil
	}
	if known := prev.lastTakenDown(); known != nil && known.of.rank.Compare(r.Rank) >= 0 {
		return nil
	}
	was, e := r.after(nil), *prev
	left := shorten(append(departures(prev, nil, prev.Rank, false), was.departs(prev.Rank)))
	e.extra = extraOf(was.GUID(), prev.Reason(), 0, nil, left)
	return &e
}

func (r Revision) after(prev *Entry) *Entry {
	e := &Entry{ID: r.ID, Rank: r.Rank, end: math.MaxInt64, pageHash: pageHash(r.ID)}
	e.Rank.Updated = time.Unix(0, r.Rank.Updated.UnixNano()).UTC()
	guid, reason, hidden := prev.GUID(), r.Reason, false
	var from int64
	var slides []timedSlide
	if g := r.Gallery; g != nil {
		guid, reason = g.GUID, ""
		e.Facets = facetsOf(g)
		e.published = g.Published.UnixNano()
		first, until, ok := g.Terms().Window()
		e.end, e.NeverShown = cmp.Or(nanos(until), math.MaxInt64), !ok
		e.Home = g.URL == ""
		if slides = timedSlides(g); first.After(g.Published) {
			from = nanos(first)
		}
		e.extra = extraOf("", "", from, nil, nil)
		hidden = !e.visible(e.Rank.Updated.UnixNano()) || e.shorter(prev)
	}
	e.extra = extraOf(guid, reason, from, slides, departures(prev, e.Facets, r.Rank, hidden))
	return e
}

// shorter reports whether there may be an audience that is shown galleries late or for a
// while, saw prev and does not see e, which both are shown at the same time.
func (e *Entry) shorter(prev *Entry) bool {
	return prev != nil && (e.published != prev.published || e.from() > prev.from() || e.end < prev.end)
}

// departures is what the successor of prev remembers to have left, oldest
// first: what prev remembers, and prev's own facets unless they stay. Where the
// successor is hidden they do not.
func departures(prev *Entry, facets []Facet, rank gallery.Rank, hidden bool) []departure {
	if prev == nil {
		return nil
	}
	stay := func(fs []Facet) bool { return !rank.TakeDown && !hidden && slices.Equal(fs, facets) }
	last := prev.departs(rank)
	leaves := !prev.Rank.TakeDown && (!hidden || last.maybeShown || !slices.Equal(prev.Facets, facets)) && !stay(prev.Facets)
	var ds []departure
	for _, d := range prev.left() {
		if d.at == 0 {
			d.at = prev.stored
		}
		if prev.Rank.TakeDown && !rank.TakeDown && d.down {
			d.at, d.left = 0, cmp.Or(d.left, d.at) // no tombstone any more
		}
		if rank.TakeDown && prev.Rank.TakeDown && d.of != nil && d.of.from != 0 {
			d.ended = rank.Updated.UnixNano() // whatever take-down came before
			d.down = d.of.from <= d.ended
			d.maybeShown = d.maybeShown || d.down
		}
		again := leaves && slices.Equal(d.facets, prev.Facets) && last.covers(&d)
		if d.all || !stay(d.facets) && !again {
			ds = append(ds, d)
		}
	}
	if leaves {
		ds = append(ds, last)
	}
	return shorten(ds)
}

// departs is how e leaves for the revision of that rank. A take-down before the end of
// the embargo shows in no feed: feeds announce no end of a gallery that they never showed.
func (e *Entry) departs(rank gallery.Rank) departure {
	d := departure{facets: e.Facets, published: e.published, from: e.startOfRights(), ended: rank.Updated.UnixNano(), maybeShown: e.offers() && e.from() <= rank.Updated.UnixNano()}
	switch {
	case e.Rank.TakeDown:
	case e.NeverShown:
		d.end = e.published // it never was shown
	case e.end != math.MaxInt64:
		d.end = e.end
	}
	if !rank.TakeDown {
		return d
	}
	d.of, d.down = &publication{rank: e.Rank}, d.maybeShown
	if e.offers() {
		d.of.from = cmp.Or(e.from(), 1)
		d.down = d.of.from <= rank.Updated.UnixNano()
	}
	return d
}

// covers reports whether every audience that may have seen the gallery leave as o says has
// seen it leave as d says, later and with the same facets.
func (d *departure) covers(o *departure) bool {
	return !o.maybeShown || d.maybeShown && d.published <= o.published && d.from <= o.from && (d.end == 0 || o.end != 0 && d.end >= o.end)
}

// shorten sums the oldest ones up.
func shorten(ds []departure) []departure {
	for len(ds) > maxDepartures {
		ds[1] = departure{all: true, at: max(ds[0].at, ds[1].at)}
		ds = ds[1:]
	}
	return ds
}
