package catalogue

import (
	"container/heap"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Change is a gallery's step from one revision to the next. The zero value says
// that everything may have changed: the index was read anew.
type Change struct {
	Old, New *Entry // nil: there was none, or it was deleted from the bucket
}

// ID is the id of the gallery that changed, empty where it is not known.
func (c Change) ID() string {
	for _, e := range []*Entry{c.New, c.Old} {
		if e != nil && e.ID != "" {
			return e.ID
		}
	}
	return ""
}

// Facets calls yield with everything by which the gallery was chosen before the
// change or is after it, and with what its record remembers to have left. A
// facet may come more than once.
func (c Change) Facets(yield func(Facet) bool) {
	for _, e := range []*Entry{c.Old, c.New} {
		for f := range e.facets {
			if !yield(f) {
				return
			}
		}
	}
}

// index is the ordered memory of the bucket. Entries are immutable, so what is
// read under the lock may be used after it.
type index struct {
	changed func(Change)  // called without the lock
	page    uint32        // galleries per page of an archive
	stubs   bool          // views have them
	wake    chan struct{} // the next instant of visibility has changed
	due     atomic.Int64  // the first of upcoming: when the time alone makes views stale

	mu         sync.RWMutex
	entries    map[string]*Entry   // by key
	slots      []*Entry            // the same, by numbers that never change
	guids      map[string][]uint32 // slots of those that may be shown, by what their publisher gave them as identifier
	showing    int                 // entries that are not taken down
	names      names               // counted as of now
	selections map[*Selection]struct{}
	broad      []*Selection // those of them that choose by no name
	epoch      time.Time    // when the bucket was made; zero: never read whole
	last       uint64       // newest revision applied
	passed     int64        // newest instant of visibility up to now
	upcoming   timeline
	now        int64 // the latest instant that was advanced to
	recent     []happened
	floor      mark // recent is whole from there on
	late       span // when the records were stored that came late
	waiting    map[chan struct{}]uint64
}

func newIndex(o Options) *index {
	x := &index{
		changed:    o.Changed,
		page:       o.ArchivePage,
		stubs:      o.Stubs,
		names:      newNames(),
		wake:       make(chan struct{}, 1),
		entries:    map[string]*Entry{},
		guids:      map[string][]uint32{},
		selections: map[*Selection]struct{}{},
		passed:     math.MinInt64,
		now:        math.MinInt64,
		floor:      mark{math.MaxUint64, math.MaxInt64},
		waiting:    map[chan struct{}]uint64{},
	}
	x.due.Store(math.MaxInt64)
	return x
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
	x.late.note(e, now)
	x.seat(old, e)
	e.shown = e.shownAt(now)
	x.expect(e, now)
	x.upcoming.tidy(x.entries)
	x.announceNext()
	x.count(old, e)
	x.list(old, e, now)
	x.note(key, old, e, now)
	for _, s := range x.concerned(old, e) {
		s.replace(old, e, now)
	}
	if x.names.bloated() {
		x.rename()
	}
	return append(changes, Change{Old: old.known(), New: e.known()})
}

// list notes the names of e, which takes the place of old, and counts those of
// what is visible now.
func (x *index) list(old, e *Entry, now int64) {
	x.names.enrol(old, e)
	x.names.touch(old, e, now)
	if old.visible(now) {
		x.names.count(old.Facets, -1)
	}
	if e.visible(now) {
		x.names.count(e.Facets, 1)
	}
}

// rename collects the names anew.
func (x *index) rename() {
	x.names, x.broad = newNames(), nil
	for s := range x.selections {
		x.attach(s)
	}
	for _, e := range x.slots {
		x.list(nil, e, x.now)
	}
	x.names.tidied = x.names.size
}

// fill replaces everything by what was read from the bucket.
func (x *index) fill(entries map[string]*Entry, epoch time.Time, last uint64, now int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key, e := range entries {
		if old := x.entries[key]; !x.epoch.IsZero() && (old == nil || old.Revision != e.Revision) {
			x.late.note(e, now)
		}
	}
	x.entries, x.epoch, x.last, x.showing = entries, epoch, 0, 0
	x.slots, x.guids = make([]*Entry, 0, len(entries)), map[string][]uint32{}
	for _, e := range entries {
		x.seat(nil, e)
		x.count(nil, e)
		e.shown = e.shownAt(now)
	}
	x.refill(now)
	x.reach(last)
	x.floor = mark{x.last, x.passed}
}

// refill computes what depends on the time from all entries.
func (x *index) refill(now int64) {
	x.upcoming, x.passed, x.now = nil, math.MinInt64, now
	for _, e := range x.slots {
		x.expect(x.renew(e, now), now)
	}
	x.rename()
	for s := range x.selections {
		s.refill(now)
	}
	x.recent, x.floor = nil, mark{x.last, x.passed}
	x.announceNext()
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
	if at < math.MaxInt64 {
		heap.Push(&x.upcoming, moment{at: at, entry: e})
	}
}

// announceNext says when the time alone makes views stale. It comes after what
// an instant that has passed changes: nobody may take a view from before for
// fresh meanwhile.
func (x *index) announceNext() {
	if first := x.upcoming.first(); x.due.Swap(first) != first {
		nudge(x.wake)
	}
}

// next is the earliest instant of visibility to come.
func (x *index) next() (time.Time, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	at := x.upcoming.first()
	return instant(at), at != math.MaxInt64
}

// advance lets every instant up to now take effect, and returns the instant
// that it is in the index: now, or a later one. Who was not scheduled for a
// while has an old now, and a clock that was set back gives one: which of the
// two it is, is not to be told here. It is cheap when nothing is due.
func (x *index) advance(now time.Time) time.Time {
	ns := now.UnixNano()
	x.mu.RLock()
	due, latest := x.upcoming.first() <= ns, x.now
	x.mu.RUnlock()
	switch {
	case due:
		for _, change := range x.pass(ns) {
			x.changed(change)
		}
	case ns < latest:
		return instant(latest)
	}
	return now
}

// jitter is how far a clock may be set back without anything that has begun
// being taken back.
const jitter = int64(time.Second)

// tick is advance up to what the clock says. One that was set back makes it
// compute everything anew: what the index has come to was read from the clock
// before, however long this goroutine has to wait between the two.
func (x *index) tick(clock func() time.Time) {
	x.mu.RLock()
	latest := x.now
	x.mu.RUnlock()
	now := clock()
	if now.UnixNano()+jitter >= latest {
		x.advance(now)
		return
	}
	x.restart(now.UnixNano())
	x.changed(Change{})
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
		e := x.renew(m.entry, now)
		x.expect(e, now)
		x.recount(e, now)
		x.names.touch(m.entry, e, now)
		x.note(gallery.Key(e.ID), m.entry, e, now)
		for _, s := range x.concerned(e, e) {
			s.replace(m.entry, e, now)
		}
		changes = append(changes, Change{Old: m.entry, New: e})
	}
	x.now = max(x.now, now)
	x.announceNext()
	return changes
}

// renew puts e as of now in the place of e as of before, and returns it. It is e
// itself where nothing of that has changed.
func (x *index) renew(e *Entry, now int64) *Entry {
	shown := e.shownAt(now)
	if shown == e.shown {
		return e
	}
	later := *e
	later.shown = shown
	x.entries[gallery.Key(e.ID)], x.slots[e.slot] = &later, &later
	return &later
}

// recount is list for an entry that only the time has changed.
func (x *index) recount(e *Entry, now int64) {
	if e.visible(x.now) {
		x.names.count(e.Facets, -1)
	}
	if e.visible(now) {
		x.names.count(e.Facets, 1)
	}
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
