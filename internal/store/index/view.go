package index

import (
	"iter"
	"slices"
	"time"
)

// View is a selection at one moment.
type View struct {
	Entries    []*Entry  // visible at At, newest first
	More       bool      // there are older ones
	Gone       []*Entry  // taken down or over lately, the latest first
	Stubs      []Stub    // with [Options.Stubs]: those of them whose place is among Entries, the newest first
	At         time.Time // the moment: what was asked for, or a later one that the index has come to
	Touched    time.Time // newest instant at which anything chosen was stored, withdrawn or became visible; zero: never
	Epoch      time.Time // when the bucket was made: revisions of another one do not compare
	Revision   uint64    // of the index
	Passed     time.Time // newest instant of visibility in the index that is not after At
	Generation uint64    // see Selection.Fresh
}

// View returns up to n entries of s as they are at the instant now. It reads
// memory only.
func (s *Selection) View(n int, now time.Time) View {
	now = s.index.advance(now)
	s.complete(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	v, ns := s.head(now), now.UnixNano()
	for e := range s.newestFirst(ns) {
		if v.More = len(v.Entries) == n; v.More {
			break
		}
		v.Entries = append(v.Entries, e)
	}
	for e := range s.goneAt(now) {
		if len(v.Gone) == n {
			break
		}
		v.Gone = append(v.Gone, e)
	}
	var last *Entry
	if v.More && n > 0 {
		last = v.Entries[n-1] // what is below it is in the archive
	}
	v.Stubs = s.stubs(v.Entries, last, nil, n, now)
	return v
}

// newestFirst yields what s shows at now in its order. The caller has the lock.
func (s *Selection) newestFirst(now int64) iter.Seq[*Entry] {
	switch {
	case s.changed != nil:
		return s.merged(now)
	case s.choice.Order == ByPublished:
		return s.below(len(s.list()), now)
	}
	return func(yield func(*Entry) bool) {
		for _, e := range slices.Backward(s.entries) {
			if e.visible(now) && !yield(e) { // what is ordered above now may be shown all the same
				return
			}
		}
	}
}

// list is where the galleries of s are, by publication where s is a partner's.
func (s *Selection) list() []*Entry {
	if s.partners() {
		return s.newest.entries
	}
	return s.entries
}

// below yields what a selection by publication shows at now among the first top entries
// of its list, the newest first.
func (s *Selection) below(top int, now int64) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		list, oldest := s.list(), s.oldest(now)
		for i := min(top, published(list, now)) - 1; i >= 0 && list[i].published > oldest; i-- {
			if e := s.show(list[i], now); e != nil && !yield(e) {
				return
			}
		}
	}
}

// show is e as s shows it at now, nil if it does not.
func (s *Selection) show(e *Entry, now int64) *Entry {
	if !s.partners() {
		if e.visible(now) {
			return e
		}
		return nil
	}
	if !s.chooses(e.Facets) {
		return nil
	}
	if e = e.forAudience(s.choice.Audience, now); !e.visible(now) {
		return nil
	}
	return e
}

// goneAt yields what feeds say at now is gone from s, the latest first.
func (s *Selection) goneAt(now time.Time) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		gone := s.gone
		if s.partners() {
			gone = s.newest.gone
		}
		for _, e := range slices.Backward(gone) {
			if e = s.forAudience(e, now.UnixNano()); s.hasTombstone(e, now.UnixNano()) && !s.shownAgain(e, now) && !yield(e) {
				return
			}
		}
	}
}

// head is a view without entries.
func (s *Selection) head(now time.Time) View {
	x := s.index
	return View{
		At: now, Epoch: x.epoch, Revision: x.last, Generation: s.generation.Load(),
		Passed: instant(x.passed), Touched: instant(s.touched),
	}
}
