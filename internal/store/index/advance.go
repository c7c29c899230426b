package index

import (
	"math"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// schedule notes the moments of e, and returns the last of them up to now: see lastMoment.
func (x *Index) schedule(e *Entry, now int64) (last int64) {
	last, next := int64(math.MinInt64), int64(math.MaxInt64)
	x.moments(e, func(at int64) {
		if at > now {
			next = min(next, at)
		} else {
			last = max(last, at)
		}
	})
	x.passed = max(x.passed, last)
	x.upcoming.set(e.slot, next)
	return last
}

// moments calls yield with each instant at which the time alone changes what any
// audience sees of e, in no order.
func (x *Index) moments(e *Entry, yield func(int64)) {
	all := e.forAudience(nil, x.now)
	all.instants(yield)
	if !all.shows() {
		return
	}
	for _, d := range x.ages {
		if at := after(e.published, d); all.from() < at && at < e.end {
			yield(at)
		}
	}
}

// lastMoment is the newest of e's moments up to now, math.MinInt64 for none.
func (x *Index) lastMoment(e *Entry, now int64) int64 {
	return latest(func(yield func(int64)) { x.moments(e, yield) }, now)
}

// signalNext says when the time alone makes views stale. It comes after what
// an instant that has passed changes: nobody may take a view from before for
// fresh meanwhile.
func (x *Index) signalNext() {
	if first := x.upcoming.first(); x.due.Swap(first) != first {
		select {
		case x.wake <- struct{}{}:
		default: // a wake-up is already pending
		}
	}
}

// Next is the earliest instant of visibility to come, false for none. Wake says when
// it has changed.
func (x *Index) Next() (time.Time, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	at := x.upcoming.first()
	return instant(at), at != math.MaxInt64
}

// advance lets every instant up to now take effect, and returns the instant
// that it is in the index: now, or a later one. A goroutine that was not scheduled for
// a while has an old now, and so has one whose clock was set back: the two look alike
// here. It is cheap when nothing is due.
func (x *Index) advance(now time.Time) time.Time {
	ns := now.UnixNano()
	x.mu.RLock()
	due, latest := x.upcoming.first() <= ns, x.now
	x.mu.RUnlock()
	switch {
	case due:
		x.mu.Lock()
		changes := x.settle(ns)
		x.mu.Unlock()
		for _, change := range changes {
			x.opts.Changed(change)
		}
	case ns < latest:
		return instant(latest)
	}
	return now
}

// jitter is how far a clock may be set back without anything that has begun
// being taken back.
const jitter = int64(time.Second)

// Wake receives after the instant that [Index.Next] returns has changed.
func (x *Index) Wake() <-chan struct{} { return x.wake }

// Advance lets every embargo and expiry up to what the clock says take effect. It is
// cheap when there is none. A clock that was set back makes it compute everything
// anew, which takes back what has not come yet; until then views are as of the latest
// instant that was asked for. The clock is read after what the index has come to,
// which was read from the clock before, however long this goroutine has to wait
// between the two.
func (x *Index) Advance(clock func() time.Time) {
	x.mu.RLock()
	latest := x.now
	x.mu.RUnlock()
	now := clock()
	if now.UnixNano()+jitter >= latest {
		x.advance(now)
		return
	}
	x.mu.Lock()
	x.refill(now.UnixNano())
	x.mu.Unlock()
	x.opts.Changed(Change{})
}

// settle takes the moments up to now off the timeline. The caller has the lock.
func (x *Index) settle(now int64) []Change {
	if x.upcoming.first() > now {
		x.now = max(x.now, now)
		return nil
	}
	var changes []Change
	for x.upcoming.first() <= now {
		slot, counts := x.upcoming.pop()
		if !counts {
			continue
		}
		old := x.slots[slot]
		e := x.refresh(old, now)
		last := x.schedule(e, now)
		if e.visible(x.now) {
			x.names.count(e.Facets, -1)
		}
		if e.visible(now) {
			x.names.count(e.Facets, 1)
		}
		x.names.touch(old, e, progress{e.Revision, last})
		x.note(gallery.Key(e.ID), old, e, now)
		for _, s := range x.affected(e, e) {
			s.replace(old, e, now)
		}
		changes = append(changes, Change{Old: old, New: e})
	}
	x.now = max(x.now, now)
	x.signalNext()
	return changes
}

// refresh puts e as of now in the place of e as of before, and returns it. It is e
// itself where nothing of that has changed.
func (x *Index) refresh(e *Entry, now int64) *Entry {
	if e.shownAt(now) == e.shown && len(e.timedSlides()) == 0 {
		return e
	}
	later := *e
	later.date(now)
	x.entries[gallery.Key(e.ID)], x.slots[e.slot] = &later, &later
	return &later
}
