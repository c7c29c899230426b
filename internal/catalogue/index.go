package catalogue

import (
	"container/heap"
	"math"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Change is a gallery's step from one revision to the next. The zero value says
// that everything may have changed: the index was read anew.
type Change struct {
	Old, New *Entry // nil: not known before, or deleted from the bucket
}

// ID is the id of the gallery that changed, empty for the zero value.
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
	mu         sync.RWMutex
	entries    map[string]*Entry // by key
	showing    int               // entries that are not taken down
	selections map[*Selection]struct{}
	epoch      time.Time // when the bucket was made
	last       uint64    // newest revision applied
	passed     int64     // newest instant of visibility that is not in the future
	upcoming   timeline
	now        int64 // the latest instant that was advanced to
	waiting    map[chan struct{}]uint64
	changed    func(Change) // called without the lock
}

func newIndex(changed func(Change)) *index {
	return &index{
		changed:    changed,
		entries:    map[string]*Entry{},
		selections: map[*Selection]struct{}{},
		passed:     math.MinInt64,
		now:        math.MinInt64,
		waiting:    map[chan struct{}]uint64{},
	}
}

// Select returns a live selection. Release it when it is no longer needed.
func (c *Catalogue) Select(m Match) *Selection {
	x := c.index
	s := &Selection{match: m, index: x, touched: math.MinInt64}
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
}

func (x *index) find(key string) *Entry {
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

// apply takes e over unless a later revision is known.
func (x *index) apply(e *Entry, now int64) {
	if change, news := x.exchange(gallery.Key(e.ID), e, e.Revision, e.stored, now); news {
		x.changed(change)
	}
}

// remove forgets what somebody deleted from the bucket by hand.
func (x *index) remove(key string, revision uint64, stored, now int64) {
	if change, news := x.exchange(key, nil, revision, stored, now); news {
		x.changed(change)
	}
}

func (x *index) exchange(key string, e *Entry, revision uint64, stored, now int64) (change Change, news bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer x.reach(revision)
	old := x.entries[key]
	if old == nil && e == nil || old != nil && old.Revision >= revision {
		return Change{}, false
	}
	if e == nil {
		delete(x.entries, key)
	} else {
		x.entries[key] = e
		x.expect(e, now)
	}
	x.count(old, e)
	for s := range x.selections {
		s.replace(old, e, stored, now)
	}
	return Change{Old: old, New: e}, true
}

// fill replaces everything by what was read from the bucket.
func (x *index) fill(entries map[string]*Entry, epoch time.Time, last uint64, now int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries, x.epoch, x.last, x.showing = entries, epoch, 0, 0
	x.upcoming, x.passed, x.now = nil, math.MinInt64, now
	for _, e := range entries {
		x.count(nil, e)
		x.expect(e, now)
	}
	x.refill(now)
	x.reach(last)
}

func (x *index) refill(now int64) {
	for s := range x.selections {
		s.next.Store(x.upcoming.first())
		s.refill(x.entries, now)
	}
}

func (x *index) count(old, e *Entry) {
	if old != nil && !old.Rank.TakeDown {
		x.showing--
	}
	if e != nil && !e.Rank.TakeDown {
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

// announceNext tells the selections when the time alone makes them stale.
func (x *index) announceNext() {
	for s := range x.selections {
		s.next.Store(x.upcoming.first())
	}
}

// next is the earliest instant of visibility to come.
func (x *index) next() (time.Time, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	at := x.upcoming.first()
	return instant(at), at != math.MaxInt64
}

// advance lets every instant up to now take effect. It is cheap when there is
// none. A clock that was set back makes it compute everything anew.
func (x *index) advance(now time.Time) {
	ns := now.UnixNano()
	x.mu.RLock()
	due, back := x.upcoming.first() <= ns, ns < x.now-int64(time.Second)
	x.mu.RUnlock()
	if back {
		x.restart(ns)
	}
	if !due {
		return
	}
	for _, change := range x.pass(ns) {
		x.changed(change)
	}
}

// restart computes what depends on the time from all entries.
func (x *index) restart(now int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.upcoming, x.now = nil, now
	for _, e := range x.entries {
		x.expect(e, now)
	}
	x.refill(now)
}

// pass takes the moments up to now off the timeline.
func (x *index) pass(now int64) []Change {
	x.mu.Lock()
	defer x.mu.Unlock()
	var changes []Change
	for x.upcoming.first() <= now {
		e := heap.Pop(&x.upcoming).(moment).entry
		if x.entries[gallery.Key(e.ID)] != e {
			continue // superseded since
		}
		x.expect(e, now)
		for s := range x.selections {
			s.replace(e, e, math.MinInt64, now)
		}
		changes = append(changes, Change{Old: e, New: e})
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

// moment is an instant at which an entry's visibility changes.
type moment struct {
	at    int64
	entry *Entry
}

// timeline is a heap of moments, the earliest first.
type timeline []moment

func (t timeline) Len() int           { return len(t) }
func (t timeline) Less(i, j int) bool { return t[i].at < t[j].at }
func (t timeline) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timeline) Push(v any)        { *t = append(*t, v.(moment)) }
func (t *timeline) Pop() any {
	last := len(*t) - 1
	m := (*t)[last]
	(*t)[last] = moment{}
	*t = (*t)[:last]
	return m
}

func (t timeline) first() int64 {
	if len(t) == 0 {
		return math.MaxInt64
	}
	return t[0].at
}
