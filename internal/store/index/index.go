// Package index is the ordered memory of a node: the galleries of its bucket, by
// facet and instant.
//
// Entries come in, one for each record, with what choosing and ordering need of a
// gallery. Selections go out: live, ordered choices of galleries, read as views, archive
// pages, lists and steps since a position. It is a pure function of the entries that it
// is given and of the instants that it is asked for, and a change costs what the change
// touches, not the size of the archive. It knows no storage, no network and no clock.
//
// The text of a gallery stays in its bucket (see package catalogue), and other packages
// define the feeds.
package index

import (
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// ErrSuperseded means that the bucket no longer (or, on a replica that lags, not
// yet) holds the revision of an entry: ask the index again.
var ErrSuperseded = errors.New("revision superseded")

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

// Options make an index.
type Options struct {
	Changed     func(Change)  // called after each change, by several goroutines; must not block; may be nil
	ArchivePage uint32        // galleries per archive page, on average; 0: 100
	Tombstones  time.Duration // how long a withdrawal is remembered in feeds
	Stubs       bool          // what is gone keeps its place in views

	Public   *gallery.Audience   // nil: the public, without rules
	Partners []*gallery.Audience // those of selections, whose delays and ages are instants too
}

// Index is the ordered memory of the bucket. It is safe for concurrent use. Callers give
// entries away to Apply and Fill, after which these are immutable: what is read under the
// lock may be used after it. Methods that take an instant let everything up to it take
// effect first.
type Index struct {
	opts  Options
	ages  []time.Duration // of galleries that begin or cease to be shown to a partner, each once
	wake  chan struct{}   // the next instant of visibility has changed
	due   atomic.Int64    // the first of upcoming: when the time alone makes views stale
	ready atomic.Bool

	mu         sync.RWMutex
	entries    map[string]*Entry   // by key
	slots      []*Entry            // the same, by numbers that never change
	guids      map[string][]uint32 // slots of those that may be shown, by what their publisher gave them as identifier
	showing    int                 // entries that are not taken down
	names      names               // counted as of now
	selections map[*Selection]struct{}
	shared     map[string]*Selection // those of them where partners' selections look, by what they choose
	unfiltered []*Selection          // those of them that choose by no name
	epoch      time.Time             // when the bucket was made; zero: never read whole
	last       uint64                // newest revision applied
	passed     int64                 // newest instant of visibility up to now
	upcoming   timeline
	now        int64 // the latest instant that was advanced to
	recent     []pastStep
	floor      progress  // recent is whole from there on
	late       lateRange // when the records were stored that came late
	waiting    map[uint64]chan struct{}
}

// New returns an empty index, which is not ready before it is filled.
func New(o Options) *Index {
	if o.Changed == nil {
		o.Changed = func(Change) {}
	}
	if o.ArchivePage == 0 {
		o.ArchivePage = 100
	}
	if o.Public == nil {
		o.Public = new(gallery.Audience)
	}
	x := &Index{
		opts:       o,
		names:      newNames(),
		wake:       make(chan struct{}, 1),
		entries:    map[string]*Entry{},
		guids:      map[string][]uint32{},
		selections: map[*Selection]struct{}{},
		shared:     map[string]*Selection{},
		passed:     math.MinInt64,
		now:        math.MinInt64,
		floor:      progress{math.MaxUint64, math.MaxInt64},
		waiting:    map[uint64]chan struct{}{},
	}
	x.due.Store(math.MaxInt64)
	for _, a := range o.Partners {
		for _, age := range []time.Duration{a.Delay, a.MaxAge} {
			if age > 0 && !slices.Contains(x.ages, age) {
				x.ages = append(x.ages, age)
			}
		}
	}
	return x
}

// Public is the audience that sees what the index shows where no other is named.
func (x *Index) Public() *gallery.Audience { return x.opts.Public }

// Ready returns nil while the index holds the bucket up to the newest record received,
// else why not: it was never read to its end, or it was recreated.
func (x *Index) Ready() error {
	if x.ready.Load() {
		return nil
	}
	return errors.New("the index is still being read from the bucket")
}

// Find returns the entry with that key (see [gallery.Key]), also of a gallery
// that was taken down; nil when there is none.
func (x *Index) Find(key string) *Entry { return x.Record(key).known() }

// Record is [Index.Find] for records that are lost too.
func (x *Index) Record(key string) *Entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.entries[key]
}

// Len is the number of galleries that are not taken down.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.showing
}

// Revision is the sequence of the newest record that the index knows.
func (x *Index) Revision() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.last
}

// Position is how far the index is. See [View], which has the same.
type Position struct {
	Epoch    time.Time
	Revision uint64
	Passed   time.Time
}

// Position returns how far the index is now. What is read from it afterwards is
// no older.
func (x *Index) Position(now time.Time) Position {
	x.advance(now)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.position()
}

// position is [Index.Position] of the present state. The caller has the lock.
func (x *Index) position() Position {
	return Position{Epoch: x.epoch, Revision: x.last, Passed: instant(x.passed)}
}

// Filled reports whether the bucket was ever read to its end: before that the
// index shows nothing.
func (x *Index) Filled() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return !x.epoch.IsZero()
}

// Invalidate says that the entries are of a bucket that is no longer there: the index
// is not ready, and no revision is known, until it is filled again.
func (x *Index) Invalidate() {
	x.ready.Store(false)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.last = 0
}

// Add stores r at that instant unless a higher rank is there, as a catalogue would. It is
// for previews without a server.
func (x *Index) Add(r Revision, now time.Time) {
	key := gallery.Key(r.ID)
	e := Next(x.Record(key), r)
	if e == nil {
		return
	}
	e.Revision, e.stored = x.Revision()+1, now.UnixNano()
	x.Apply(key, e, now)
}

// Apply puts e, the record with that key, into the index unless a later revision is there.
func (x *Index) Apply(key string, e *Entry, now time.Time) {
	for _, change := range x.exchange(key, e, now.UnixNano()) {
		x.opts.Changed(change)
	}
}

func (x *Index) exchange(key string, e *Entry, now int64) []Change {
	x.mu.Lock()
	defer x.mu.Unlock()
	defer x.noteReached(e.Revision)
	now = max(now, x.now)
	changes := x.settle(now) // what is due comes first: names are counted as of one instant
	old := x.entries[key]
	if old != nil && old.Revision >= e.Revision {
		return changes
	}
	e.setTombstone(x.opts.Tombstones)
	e.admit(x.opts.Public)
	x.entries[key] = e
	x.late.note(e, now)
	x.assignSlot(old, e)
	e.date(now)
	last := x.schedule(e, now)
	x.signalNext()
	x.count(old, e)
	x.noteNames(old, e, now, last)
	x.note(key, old, e, now)
	for _, s := range x.affected(old, e) {
		s.replace(old, e, now)
	}
	if x.names.needsRebuild() {
		x.rebuildNames()
	}
	return append(changes, Change{Old: old.known(), New: e.known()})
}

// noteNames notes the names of e, which takes the place of old and whose last moment that
// is, and counts those of what is visible now.
func (x *Index) noteNames(old, e *Entry, now, last int64) {
	x.names.addMember(old, e)
	x.names.touch(old, e, progress{e.Revision, last})
	if old.visible(now) {
		x.names.count(old.Facets, -1)
	}
	if e.visible(now) {
		x.names.count(e.Facets, 1)
	}
}

// rebuildNames collects the names anew.
func (x *Index) rebuildNames() {
	x.names, x.unfiltered = newNames(), nil
	for s := range x.selections {
		x.attach(s)
	}
	for _, e := range x.slots {
		x.noteNames(nil, e, x.now, x.lastMoment(e, x.now))
	}
	x.names.tidied = x.names.size
}

// Fill replaces everything by what was read from a bucket that was made at epoch, by
// key, up to the record with the sequence last. The index is ready then.
func (x *Index) Fill(entries map[string]*Entry, epoch time.Time, last uint64, at time.Time) {
	now := at.UnixNano()
	x.mu.Lock()
	for key, e := range entries {
		if old := x.entries[key]; !x.epoch.IsZero() && (old == nil || old.Revision != e.Revision) {
			x.late.note(e, now)
		}
	}
	x.entries, x.epoch, x.last, x.showing = entries, epoch, 0, 0
	x.slots, x.guids = make([]*Entry, 0, len(entries)), map[string][]uint32{}
	for _, e := range entries {
		e.setTombstone(x.opts.Tombstones)
		e.admit(x.opts.Public)
		x.assignSlot(nil, e)
		x.count(nil, e)
		e.date(now)
	}
	x.refill(now)
	x.noteReached(last)
	x.floor = progress{x.last, x.passed}
	x.mu.Unlock()
	x.ready.Store(true)
	x.opts.Changed(Change{})
}

// refill computes what depends on the time from all entries.
func (x *Index) refill(now int64) {
	x.upcoming, x.passed, x.now = timeline{next: make([]int64, 0, len(x.slots))}, math.MinInt64, now
	for _, e := range x.slots {
		x.schedule(x.refresh(e, now), now)
	}
	x.rebuildNames()
	for s := range x.selections {
		s.refill(now)
	}
	x.recent, x.floor = nil, progress{x.last, x.passed}
	x.signalNext()
}

func (x *Index) count(old, e *Entry) {
	if old != nil && !old.Rank.TakeDown {
		x.showing--
	}
	if !e.Rank.TakeDown {
		x.showing++
	}
}

// noteReached notes that everything up to revision is known.
func (x *Index) noteReached(revision uint64) {
	x.last = max(x.last, revision)
	for wanted, reached := range x.waiting {
		if wanted <= x.last {
			close(reached)
			delete(x.waiting, wanted)
		}
	}
}

// Reached returns nil when the record with that sequence is known, else a channel
// that closes then.
func (x *Index) Reached(revision uint64) <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.last >= revision {
		return nil
	}
	if x.waiting[revision] == nil {
		x.waiting[revision] = make(chan struct{})
	}
	return x.waiting[revision]
}
