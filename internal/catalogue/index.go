package catalogue

import (
	"container/heap"
	"math"
	"sync"
	"time"
)

// Change is a gallery's step from one revision to the next. The zero value says
// that everything may have changed: the index was read anew.
type Change struct {
	Old, New *Entry // nil: there was none, or it was deleted from the bucket
}

// ID is the id of the gallery that changed, empty where it is not known.
func (c Change) ID() string {
	switch {
	case c.New != nil:
		return c.New.ID
	case c.Old != nil:
		return c.Old.ID
	}
	return ""
}

// index is the ordered memory of the bucket. Entries are immutable, so what is
// read under the lock may be used after it.
type index struct {
	changed func(Change)  // called without the lock
	page    uint32        // galleries per page of an archive
	wake    chan struct{} // the next instant of visibility has changed

	mu         sync.RWMutex
	entries    map[string]*Entry // by key
	showing    int               // entries that are not taken down
	names      names             // of the galleries visible at now
	selections map[*Selection]struct{}
	epoch      time.Time // when the bucket was made; zero: never read whole
	last       uint64    // newest revision applied
	passed     int64     // newest instant of visibility up to now
	upcoming   timeline
	now        int64 // the latest instant that was advanced to
	waiting    map[chan struct{}]uint64
}

func newIndex(o Options) *index {
	return &index{
		changed:    o.Changed,
		page:       o.ArchivePage,
		names:      newNames(),
		wake:       make(chan struct{}, 1),
		entries:    map[string]*Entry{},
		selections: map[*Selection]struct{}{},
		passed:     math.MinInt64,
		now:        math.MinInt64,
		waiting:    map[chan struct{}]uint64{},
	}
}

// Select returns a live selection in the order of publication. Release it when
// it is no longer needed.
func (c *Catalogue) Select(m Match) *Selection { return c.SelectBy(m, ByPublished) }

// SelectBy is [Catalogue.Select] in another order.
func (c *Catalogue) SelectBy(m Match, o Order) *Selection {
	x := c.index
	s := &Selection{match: m.folded(), order: o, index: x, touched: math.MinInt64}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.selections[s] = struct{}{}
	s.next.Store(x.upcoming.first())
	s.refill(x.entries, c.opts.Now().UnixNano())
	return s
}

// Release stops keeping s up to date.
func (c *Catalogue) Release(s *Selection) {
	c.index.mu.Lock()
	defer c.index.mu.Unlock()
	delete(c.index.selections, s)
	s.released = true
}

func (x *index) find(key string) *Entry { return x.entry(key).known() }

// entry is find for those that are lost too.
func (x *index) entry(key string) *Entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.entries[key]
}

func (x *index) live() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.showing
}

func (x *index) revision() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.last
}

// whole reports whether the bucket was ever read to its end: before that the
// index shows nothing.
func (x *index) whole() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return !x.epoch.IsZero()
}

// distrust says that the entries are of a bucket that is no longer there: no
// revision is known until the index is filled again.
func (x *index) distrust() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = 0
}

// apply takes e over unless a later revision is known.
func (x *index) apply(key string, e *Entry, now int64) {
	for _, change := range x.exchange(key, e, now) {
		x.changed(change)
	}
}

func (x *index) exchange(key string, e *Entry, now int64) []Change {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer x.reach(e.Revision)
	now = max(now, x.now)
	changes := x.settle(now) // what is due comes first: names are counted as of one instant
	old := x.entries[key]
	if old != nil && old.Revision >= e.Revision {
		return changes
	}
	x.entries[key] = e
	x.expect(e, now)
	x.upcoming.tidy(x.entries)
	x.count(old, e)
	x.list(old, e, now)
	for s := range x.selections {
		s.replace(old, e, now)
	}
	return append(changes, Change{Old: old.known(), New: e.known()})
}

// list counts the names of old and e where they are visible now.
func (x *index) list(old, e *Entry, now int64) {
	if old.visible(now) {
		x.names.add(old.Facets, -1)
	}
	if e.visible(now) {
		x.names.add(e.Facets, 1)
	}
}

// fill replaces everything by what was read from the bucket.
func (x *index) fill(entries map[string]*Entry, epoch time.Time, last uint64, now int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries, x.epoch, x.last, x.showing = entries, epoch, 0, 0
	for _, e := range entries {
		x.count(nil, e)
	}
	x.refill(now)
	x.reach(last)
}

// refill computes what depends on the time from all entries.
func (x *index) refill(now int64) {
	x.upcoming, x.passed, x.now = nil, math.MinInt64, now
	x.names = newNames()
	for _, e := range x.entries {
		x.expect(e, now)
		x.list(nil, e, now)
	}
	x.announceNext()
	for s := range x.selections {
		s.refill(x.entries, now)
	}
}

func (x *index) count(old, e *Entry) {
	if old != nil && !old.Rank.TakeDown {
		x.showing--
	}
	if !e.Rank.TakeDown {
		x.showing++
	}
}

// expect notes the instants of visibility of e.
func (x *index) expect(e *Entry, now int64) {
	x.passed = max(x.passed, e.lastInstant(now))
	at := e.nextInstant(now)
	if at == math.MaxInt64 {
		return
	}
	before := x.upcoming.first()
	heap.Push(&x.upcoming, moment{at: at, entry: e})
	if at < before {
		x.announceNext()
	}
}

// announceNext tells the selections, and whoever keeps the time, when the time
// alone makes them stale.
func (x *index) announceNext() {
	for s := range x.selections {
		s.next.Store(x.upcoming.first())
	}
	nudge(x.wake)
}

// next is the earliest instant of visibility to come.
func (x *index) next() (time.Time, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	at := x.upcoming.first()
	return instant(at), at != math.MaxInt64
}

// jitter is how far a clock may be set back without anything that has begun
// being taken back.
const jitter = int64(time.Second)

// advance lets every instant up to now take effect, and returns the instant
// that it is in the index: now, or a little later while a clock that was set
// back by less than the jitter catches up. It is cheap when nothing is due. A
// clock that was set back further makes it compute everything anew.
func (x *index) advance(now time.Time) time.Time {
	ns := now.UnixNano()
	x.mu.RLock()
	due, back, latest := x.upcoming.first() <= ns, ns < x.now-jitter, x.now
	x.mu.RUnlock()
	switch {
	case back:
		x.restart(ns)
		x.changed(Change{})
	case due:
		for _, change := range x.pass(ns) {
			x.changed(change)
		}
	case ns < latest:
		return instant(latest)
	}
	return now
}

func (x *index) restart(now int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refill(now)
}

// pass takes the moments up to now off the timeline.
func (x *index) pass(now int64) []Change {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.settle(now)
}

// settle is pass for who has the lock.
func (x *index) settle(now int64) []Change {
	if x.upcoming.first() > now {
		x.now = max(x.now, now)
		return nil
	}
	var changes []Change
	for x.upcoming.first() <= now {
		m := heap.Pop(&x.upcoming).(moment)
		if !m.counts(x.entries) {
			continue // superseded since
		}
		x.expect(m.entry, now)
		if m.entry.visible(x.now) {
			x.names.add(m.entry.Facets, -1)
		}
		x.list(nil, m.entry, now)
		for s := range x.selections {
			s.replace(m.entry, m.entry, now)
		}
		changes = append(changes, Change{Old: m.entry, New: m.entry})
	}
	x.now = max(x.now, now)
	x.announceNext()
	return changes
}

// reach notes that everything up to revision is known.
func (x *index) reach(revision uint64) {
	x.last = max(x.last, revision)
	for ch, wanted := range x.waiting {
		if wanted <= x.last {
			close(ch)
			delete(x.waiting, ch)
		}
	}
}

// reached returns nil when revision is known, else a channel that closes then.
func (x *index) reached(revision uint64) <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.last >= revision {
		return nil
	}
	ch := make(chan struct{})
	x.waiting[ch] = revision
	return ch
}

// abandon gives up a channel of reached.
func (x *index) abandon(ch <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for c := range x.waiting {
		if c == ch {
			delete(x.waiting, c)
		}
	}
}
