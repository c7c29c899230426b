package index

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// News is what became of a gallery that a selection shows, or showed.
type News struct {
	*Entry        // as its audience sees it now; of a deleted record what it was, taken down
	Was    bool   // it was shown before
	Gone   Reason // why it is not shown now; empty: it is
}

// Record is a record of the bucket: its sequence, and when the server stored it.
type Record struct {
	Revision uint64    `json:"r,omitzero"`
	Stored   time.Time `json:"s,omitzero"`
}

// Reason says why a gallery is no longer shown.
type Reason string

// The reasons. The first that holds counts.
const (
	TakenDown Reason = "taken-down"
	NoRights  Reason = "rights"    // its audience may not see it at any time
	NotChosen Reason = "selection" // it is not chosen any more, or too old
	Expired   Reason = "expired"   // so did it, or its rights
	TooEarly  Reason = "delay"     // it will be shown later
)

// News returns what has happened since from to galleries that s shows, or showed then, in
// a stable order, and the position from which what follows is told: what happens to
// others does not move it. Where that is more than n galleries, about n of them are
// returned. Known is up to which record the caller knew all when it began: what had left by
// then is not told again.
//
// What is told is as of [Index.Since]. It is not ok where the caller should read all anew:
// some gallery may have left that cannot be named, or there is a lot to tell.
func (s *Selection) News(from Position, known Record, n int, now time.Time) (news []News, to Position, last Record, more, ok bool) {
	x := s.index
	now = x.advance(now)
	x.mu.RLock()
	defer x.mu.RUnlock()
	q := x.collect(s, "", from, known.Stored, now)
	type step struct {
		found
		moment int64 // math.MinInt64: its record is new
	}
	steps := make([]step, len(q.found))
	for i, f := range q.found {
		steps[i] = step{f, math.MinInt64}
		if f.Revision <= from.Revision {
			steps[i].moment = x.lastMoment(x.entries[gallery.Key(f.ID)], q.now)
		}
	}
	slices.SortFunc(steps, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.moment, b.moment), cmp.Compare(a.Revision, b.Revision), strings.Compare(a.ID, b.ID))
	})
	to = Position{from.Epoch, from.Revision, instant(x.passed)}
	if more = len(steps) > n; more {
		for last := steps[n-1].moment; last != math.MinInt64 && n < len(steps) && steps[n].moment == last; {
			n++
		}
		if to.Passed = from.Passed; steps[n-1].moment != math.MinInt64 {
			to.Passed = instant(steps[n-1].moment)
		}
		steps = steps[:n]
	}
	for _, f := range steps {
		if f.Revision > last.Revision {
			last = Record{f.Revision, f.Stored()}
		}
		e := News{Entry: f.Entry, Was: f.Was}
		if !f.Is {
			e.Gone = s.reason(f.Entry, q.now)
		}
		news = append(news, e)
	}
	to.Revision = max(to.Revision, last.Revision)
	return news, to, last, more, !q.unsure && len(q.found) <= 50*n
}

// reason is why s does not show e, as it is for its audience, at now.
func (s *Selection) reason(e *Entry, now int64) Reason {
	switch {
	case e.Rank.TakeDown:
		return TakenDown
	case e.hidden || e.NeverShown:
		return NoRights
	case !s.chooses(e.Facets) || e.aged && e.end <= now:
		return NotChosen
	case e.end <= now || e.end <= e.from():
		return Expired
	}
	return TooEarly
}

// Newest is the newest record of the galleries that s, a selection by publication, shows at
// now. It looks at all of them.
func (s *Selection) Newest(now time.Time) (r Record) {
	now = s.index.advance(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	for e := range s.below(math.MaxInt, now.UnixNano()) {
		if e.Revision > r.Revision {
			r = Record{e.Revision, e.Stored()}
		}
	}
	return r
}

// Oldest returns up to n galleries that s, a selection by publication, shows at now: those
// after the place, the oldest first, and the place of the last. An empty place is before
// all. It is not ok for what is no place.
func (s *Selection) Oldest(after string, n int, now time.Time) (entries []*Entry, place string, ok bool) {
	from, ok := parsePlace(after)
	if !ok && after != "" {
		return nil, "", false
	}
	now = s.index.advance(now)
	s.complete(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	list, ns := s.list(), now.UnixNano()
	begin := published(list, s.oldest(ns))
	if after != "" {
		begin = max(begin, position(list, from))
	}
	for _, e := range list[begin:] {
		if len(entries) == n {
			break
		}
		if after != "" && ByPublished.compare(e, from) == 0 {
			continue
		}
		if e = s.show(e, ns); e != nil {
			entries, place = append(entries, e), pageName(e)
		}
	}
	return entries, place, true
}
