package index

import (
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// Selection is a live, ordered choice of galleries. It costs memory only for
// what it holds, and a change costs it only that change.
type Selection struct {
	match    Match  // folded
	required []slug // a gallery must have one of these names to be chosen; none: any gallery may be
	order    Order
	index    *Index

	// Guarded by index.mu.
	entries  []*Entry // ascending, without those that ended
	pageEnds []*Entry // those of them that end a page; only of ByPublished
	gone     []*Entry // withdrawn, and still remembered; the first to go first
	touched  int64
	released bool // no longer kept up to date

	generation atomic.Uint64
}

// Select returns a live selection in that order. It costs what has to do with the
// names that m asks for, everything only where m asks for none. Release it when it
// is no longer needed.
func (x *Index) Select(m Match, o Order) *Selection {
	s := &Selection{match: m.folded(), required: m.required(), order: o, index: x, touched: math.MinInt64}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.selections[s] = struct{}{}
	x.attach(s)
	s.refill(x.now)
	return s
}

// Release stops keeping s up to date. A caller that still uses it has it computed
// anew each time.
func (s *Selection) Release() {
	x := s.index
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.selections, s)
	x.detach(s)
	s.released = true
	s.generation.Add(1)
}

// View is a selection at one moment.
type View struct {
	Entries    []*Entry  // visible at At, newest first
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
	s.refillReleased(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	v := s.head(now)
	newest := len(s.entries) // what is ordered above now may be shown all the same
	if s.order == ByPublished {
		newest = published(s.entries, now)
	}
	for i := newest - 1; i >= 0 && len(v.Entries) < n; i-- {
		if e := s.entries[i]; e.VisibleAt(now) {
			v.Entries = append(v.Entries, e)
		}
	}
	for i := len(s.gone) - 1; i >= 0 && len(v.Gone) < n; i-- {
		if e := s.gone[i]; e.gone(now.UnixNano()) && !s.shownAgain(e, now) {
			v.Gone = append(v.Gone, e)
		}
	}
	var last *Entry
	if len(v.Entries) == n && n > 0 && s.published(now) > n {
		last = v.Entries[n-1] // what is below it is in the archive
	}
	v.Stubs = s.stubs(v.Entries, last, nil, n, now)
	return v
}

// head is a view without entries.
func (s *Selection) head(now time.Time) View {
	x := s.index
	return View{
		At: now, Epoch: x.epoch, Revision: x.last, Generation: s.generation.Load(),
		Passed: instant(x.passed), Touched: instant(s.touched),
	}
}

// refillReleased computes a selection anew that was released while somebody used it.
func (s *Selection) refillReleased(now time.Time) {
	s.index.mu.RLock()
	released := s.released
	s.index.mu.RUnlock()
	if released {
		s.index.mu.Lock()
		defer s.index.mu.Unlock()
		s.refill(max(now.UnixNano(), s.index.now))
	}
}

// Fresh reports whether a view of that generation is still true at the instant
// now: no gallery of the selection changed and no instant of visibility passed.
// It takes no lock.
func (s *Selection) Fresh(generation uint64, now time.Time) bool {
	// In this order: what is due raises the generation first, then moves on.
	return now.UnixNano() < s.index.due.Load() && s.generation.Load() == generation
}

// Concerns reports whether the change may show in the selection.
func (s *Selection) Concerns(c Change) bool {
	if c.Old == nil && c.New == nil {
		return true
	}
	return c.Old != nil && s.match.matches(c.Old.Facets) || c.New != nil && s.match.matches(c.New.Facets)
}

// Holds reports whether the gallery with that key is in the selection at now,
// however old it is.
func (s *Selection) Holds(key string, now time.Time) bool {
	e := s.index.Find(key)
	return e.VisibleAt(now) && s.match.matches(e.Facets)
}

// LenAt is the number of galleries chosen that are visible at now: what is
// embargoed is not counted.
func (s *Selection) LenAt(now time.Time) int {
	now = s.index.advance(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	return s.published(now)
}

// published counts the entries published up to now: the others are embargoed, and
// all that are ordered above now may be.
func (s *Selection) published(now time.Time) int {
	if s.order == ByPublished {
		return published(s.entries, now)
	}
	n := len(s.entries)
	for i := len(s.entries) - 1; i >= 0 && s.order.rank(s.entries[i]) > now.UnixNano(); i-- {
		if s.entries[i].published > now.UnixNano() {
			n--
		}
	}
	return n
}

// published counts those of entries, ordered by publication, that are not
// embargoed.
func published(entries []*Entry, now time.Time) int {
	n, _ := slices.BinarySearchFunc(entries, now.UnixNano(), func(e *Entry, ns int64) int {
		if e.published <= ns {
			return -1
		}
		return 1
	})
	return n
}

// touchedBy is the newest instant up to now at which e touched the selection,
// math.MinInt64 if it never did.
func (s *Selection) touchedBy(e *Entry, now int64) int64 {
	at := int64(math.MinInt64)
	if !e.Rank.TakeDown && !e.hidden && s.match.matches(e.Facets) {
		at = max(e.stored, latest(e.feedInstants, now))
	}
	for _, d := range e.left() {
		if !s.had(d) {
			continue
		}
		if d.at == 0 {
			d.at = e.stored
		}
		at = max(at, d.at)
		if d.down && e.Rank.TakeDown && e.end <= now {
			at = max(at, e.end) // its tombstone ended
		}
	}
	return at
}

// present reports whether e belongs into the list at now. What is embargoed does: it
// will show. What is published and waits for its rights does not: it would be counted.
func (s *Selection) present(e *Entry, now int64) bool {
	waits := e != nil && e.published < e.from() && now < e.from()
	return e.shows() && !waits && now < e.end && s.match.matches(e.Facets)
}

// replace puts e in the place of old, which may be nil.
func (s *Selection) replace(old, e *Entry, now int64) {
	was := old != nil && s.take(old)
	is := s.present(e, now)
	switch {
	case is:
		s.insert(e)
	case s.hasTombstone(e, now):
		s.gone, is = insert(s.gone, e, byWithdrawal), true
	}
	if touched := s.touchedBy(e, now); was || is || touched > s.touched {
		s.touched = max(s.touched, touched)
		s.generation.Add(1)
	}
}

// hasTombstone reports whether feeds say at now that e is gone from the selection: the
// latest publication was in it. What it was before does not count, because it is
// not known where revisions came in another order.
func (s *Selection) hasTombstone(e *Entry, now int64) bool {
	if !e.gone(now) {
		return false
	}
	return s.had(e.goneFrom())
}

// had reports whether what d says that a gallery left may have been s.
func (s *Selection) had(d departure) bool { return d.all || !d.hidden && s.match.matches(d.facets) }

func (s *Selection) insert(e *Entry) {
	s.entries = insert(s.entries, e, s.order.compare)
	if s.order == ByPublished && s.index.endsPage(e) {
		s.pageEnds = insert(s.pageEnds, e, s.order.compare)
	}
}

// take removes e and reports whether it was there.
func (s *Selection) take(e *Entry) (was bool) {
	if s.gone, was = remove(s.gone, e, byWithdrawal); was {
		return true
	}
	s.entries, was = remove(s.entries, e, s.order.compare)
	s.pageEnds, _ = remove(s.pageEnds, e, s.order.compare)
	return was
}

// insert costs an append for the newest and a move of memory for a late one.
func insert(entries []*Entry, e *Entry, compare func(a, b *Entry) int) []*Entry {
	i, found := slices.BinarySearchFunc(entries, e, compare)
	if found {
		entries[i] = e
		return entries
	}
	return slices.Insert(entries, i, e)
}

func remove(entries []*Entry, e *Entry, compare func(a, b *Entry) int) ([]*Entry, bool) {
	i, found := slices.BinarySearchFunc(entries, e, compare)
	if found && entries[i] == e {
		return slices.Delete(entries, i, i+1), true
	}
	return entries, false
}

// refill computes the selection anew.
func (s *Selection) refill(now int64) {
	s.entries, s.pageEnds, s.gone = nil, nil, nil
	for e := range s.candidates {
		switch {
		case s.present(e, now):
			s.entries = append(s.entries, e)
		case s.hasTombstone(e, now):
			s.gone = append(s.gone, e)
		}
		s.touched = max(s.touched, s.touchedBy(e, now))
	}
	s.entries = slices.Clip(s.entries)
	slices.SortFunc(s.entries, s.order.compare)
	slices.SortFunc(s.gone, byWithdrawal)
	if s.order == ByPublished {
		for _, e := range s.entries {
			if s.index.endsPage(e) {
				s.pageEnds = append(s.pageEnds, e)
			}
		}
	}
	s.generation.Add(1)
}

// candidates calls yield with every entry that may have to do with s.
func (s *Selection) candidates(yield func(*Entry) bool) {
	x := s.index
	if len(s.required) == 0 {
		slices.Values(x.slots)(yield)
		return
	}
	for slot := range x.names.members(s.required) {
		if !yield(x.slots[slot]) {
			return
		}
	}
}

// instant is the time of ns, zero for the least one.
func instant(ns int64) time.Time {
	if ns == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
