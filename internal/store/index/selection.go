package index

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Choice says which galleries a selection has, and in which order.
type Choice struct {
	Match    Match
	Exclude  Match // a gallery that has any of these names is not chosen
	Order    Order
	Audience *gallery.Audience // a partner; nil: the public
}

// Selection is a live, ordered choice of galleries. A change costs it only that change.
// For the public it costs memory for what it holds. A partner's is filtered when it is
// read: it shares the galleries with others, and its entries are as the partner sees them.
type Selection struct {
	choice   Choice // names are folded
	required []slug // a gallery must have one of these names to be chosen; none: any gallery may be
	index    *Index
	shared   bool // for all audiences together: partners' selections read from it

	// Guarded by index.mu.
	entries  []*Entry   // ascending, without those that ended; not of a partner's
	gone     []*Entry   // withdrawn, and still remembered; the first to go first; not of a partner's
	newest   *Selection // of a partner's: the shared one by publication
	changed  *Selection // of a partner's by update: the shared one of that order
	users    int        // of a shared one
	dated    bool       // touched is known
	touched  int64
	released bool // no longer kept up to date

	generation atomic.Uint64
}

// Select returns a live selection for the public in that order: see [Index.Choose].
func (x *Index) Select(m Match, o Order) *Selection { return x.Choose(Choice{Match: m, Order: o}) }

// Choose returns a live selection. It costs what has to do with the names that the
// match asks for, everything only where it asks for none. Release it when it is no
// longer needed.
func (x *Index) Choose(c Choice) *Selection {
	s := x.newSelection(c)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.add(s)
	return s
}

func (x *Index) newSelection(c Choice) *Selection {
	s := &Selection{choice: c, required: c.required(), index: x, touched: math.MinInt64}
	s.choice.Match, s.choice.Exclude = c.Match.folded(), c.Exclude.folded()
	return s
}

// add keeps s up to date from now on. The caller has the lock.
func (x *Index) add(s *Selection) {
	x.selections[s] = struct{}{}
	x.attach(s)
	s.refill(x.now)
}

// Release stops keeping s up to date. A caller that still uses it has it computed
// anew each time.
func (s *Selection) Release() {
	x := s.index
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(s)
	for _, l := range s.lists() {
		x.drop(l)
	}
	s.released = true
	s.generation.Add(1)
}

func (x *Index) remove(s *Selection) {
	delete(x.selections, s)
	x.detach(s)
}

// forAudience is e as it is at now for the audience of s.
func (s *Selection) forAudience(e *Entry, now int64) *Entry {
	if !s.partners() && !s.shared {
		return e
	}
	return e.forAudience(s.choice.Audience, now)
}

// chooses reports whether s chooses galleries with these facets.
func (s *Selection) chooses(fs []Facet) bool {
	return s.choice.Match.matches(fs) && !s.choice.Exclude.has(fs)
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
	return s.concerns(c.Old) || s.concerns(c.New)
}

func (s *Selection) concerns(e *Entry) bool {
	if !s.partners() {
		return e != nil && s.chooses(e.Facets)
	}
	own := s.forAudience(e, math.MinInt64)
	if d := own.lastTakenDown(); d != nil && own.Rank.TakeDown {
		return s.had(*d)
	}
	return own.shows() && s.chooses(own.Facets)
}

// Holds reports whether the gallery with that key is in the selection at now,
// however old it is.
func (s *Selection) Holds(key string, now time.Time) bool {
	e := s.forAudience(s.index.Find(key), now.UnixNano())
	return e.VisibleAt(now) && s.chooses(e.Facets)
}

// LenAt is the number of galleries chosen that are visible at now: what is
// embargoed is not counted. It looks at all galleries of a partner's.
func (s *Selection) LenAt(now time.Time) int {
	now = s.index.advance(now)
	s.complete(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	if !s.partners() {
		return s.published(now)
	}
	n := 0
	for range s.below(math.MaxInt, now.UnixNano()) {
		n++
	}
	return n
}

// published counts the entries published up to now: the others are embargoed, and
// all that are ordered above now may be.
func (s *Selection) published(now time.Time) int {
	ns := now.UnixNano()
	if s.choice.Order == ByPublished {
		return published(s.entries, ns)
	}
	n := len(s.entries)
	for i := len(s.entries) - 1; i >= 0 && s.choice.Order.rank(s.entries[i]) > ns; i-- {
		if s.entries[i].published > ns {
			n--
		}
	}
	return n
}

// published counts those of entries, ordered by publication, that are not
// embargoed.
func published(entries []*Entry, now int64) int {
	n, _ := slices.BinarySearchFunc(entries, now, func(e *Entry, ns int64) int {
		if e.published <= ns {
			return -1
		}
		return 1
	})
	return n
}

// touchedBy is the newest instant up to now at which e, as it is for its audience, touched
// the selection, math.MinInt64 if it never did.
func (s *Selection) touchedBy(e *Entry, now int64) int64 {
	at := int64(math.MinInt64)
	if e.shows() && e.from() <= now && s.chooses(e.Facets) {
		at = max(e.stored, latest(e.feedInstants, now))
	}
	for _, d := range e.left() {
		if !s.had(d) {
			continue
		}
		if d.at == 0 {
			d.at = e.stored
		}
		if from := max(d.published, d.from); from > d.at+int64(Skew) && from > d.ended {
			continue // no node had shown it when it left
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
	return e.shows() && !waits && now < e.end && s.chooses(e.Facets)
}

// replace puts e in the place of old, which may be nil.
func (s *Selection) replace(old, e *Entry, now int64) {
	own := s.forAudience(e, now)
	if s.partners() {
		was := s.forAudience(old, now)
		touched := s.touchedBy(own, now)
		has := func(e *Entry) bool { return e.shows() && s.chooses(e.Facets) || s.hasTombstone(e, now) }
		if touched > s.touched || has(was) || has(own) {
			s.touched = max(s.touched, touched)
			s.generation.Add(1)
		}
		return
	}
	was := old != nil && s.take(old)
	is := s.present(own, now)
	switch {
	case is:
		s.entries = insert(s.entries, e, s.choice.Order.compare)
	case s.hasTombstone(own, now):
		s.gone, is = insert(s.gone, e, byWithdrawal), true
	}
	if s.shared {
		return // partners' selections have dates of their own
	}
	if touched := s.touchedBy(own, now); was || is || touched > s.touched {
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

// Showed reports whether s shows e, as it is for its audience, or may have shown this
// revision of it, or the one that e took down.
func (s *Selection) Showed(e *Entry, now time.Time) bool {
	if e.Rank.TakeDown {
		return e.wasShown() && s.had(e.goneFrom())
	}
	return e.shows() && e.from() <= now.UnixNano() && s.chooses(e.Facets)
}

// had reports whether what d says that a gallery left may have been s.
func (s *Selection) had(d departure) bool { return d.all || !d.hidden && s.chooses(d.facets) }

// take removes e and reports whether it was there.
func (s *Selection) take(e *Entry) (was bool) {
	if s.gone, was = remove(s.gone, e, byWithdrawal); was {
		return true
	}
	s.entries, was = remove(s.entries, e, s.choice.Order.compare)
	return was
}

// insert costs an append for the newest and a move of memory for a late one.
func insert(entries []*Entry, e *Entry, compare func(a, b *Entry) int) []*Entry {
	if n := len(entries); n == 0 || compare(entries[n-1], e) < 0 {
		return append(entries, e)
	}
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
	s.generation.Add(1)
	s.dated = false
	switch {
	case s.partners() && s.released:
		for _, l := range s.lists() {
			if l.released {
				l.refill(now)
			}
		}
		return
	case s.partners():
		s.findShared()
		return
	}
	s.entries, s.gone = nil, nil
	for e := range s.candidates {
		own := s.forAudience(e, now)
		switch {
		case s.present(own, now):
			s.entries = append(s.entries, e)
		case s.hasTombstone(own, now):
			s.gone = append(s.gone, e)
		}
		if !s.shared {
			s.touched = max(s.touched, s.touchedBy(own, now))
		}
	}
	s.entries = slices.Clip(s.entries)
	slices.SortFunc(s.entries, s.choice.Order.compare)
	slices.SortFunc(s.gone, byWithdrawal)
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
