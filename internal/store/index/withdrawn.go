package index

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// A gallery is withdrawn by a take-down, or by the time: it expires, or its rights
// run out. For a while after either feeds say that it is gone.

// EndedAt reports whether the gallery's own time to be shown is over at t: it
// expired, or its rights ran out. It is false of a gallery that has never had
// such a time, and of one that was taken down.
func (e *Entry) EndedAt(t time.Time) bool {
	return e.ended(t.UnixNano())
}

// OverAt reports whether the site may say in public at t that the gallery is gone: it was
// taken down, or ended as of [Entry.EndedAt]. It is false of a gallery that the public was
// never allowed to see, and of one that was taken down before it could.
func (e *Entry) OverAt(t time.Time) bool {
	return e != nil && (e.Rank.TakeDown && (e.lastTakenDown() == nil || e.wasShown()) || e.EndedAt(t))
}

// wasShown reports whether the audience may have seen the gallery that the take-down e ended.
func (e *Entry) wasShown() bool {
	d := e.lastTakenDown()
	return d != nil && d.down && !e.hidden
}

// End is the instant from which on the gallery's own time to be shown is over;
// zero: it has no end, or there is no gallery.
func (e *Entry) End() time.Time {
	if !e.shows() || e.end == math.MaxInt64 {
		return time.Time{}
	}
	return time.Unix(0, e.end).UTC()
}

// GoneAt reports whether feeds say at t that the gallery is gone: it was taken
// down, or its own time to be shown is over.
func (e *Entry) GoneAt(t time.Time) bool { return e.gone(t.UnixNano()) }

func (e *Entry) gone(ns int64) bool {
	if e == nil || e.state != readable || ns >= e.forgotten() {
		return false
	}
	if e.Rank.TakeDown {
		return e.wasShown()
	}
	return e.tombstoneSeconds > 0 && e.ended(ns)
}

// ended is [Entry.EndedAt] of an instant in Unix nanoseconds.
func (e *Entry) ended(ns int64) bool { return e.shows() && e.end <= ns && !e.aged }

// Withdrawn is the instant of a withdrawal: that of the take-down, or the end of
// the gallery's own time where no later revision says the same again.
func (e *Entry) Withdrawn() time.Time { return time.Unix(0, e.withdrawn()).UTC() }

func (e *Entry) withdrawn() int64 {
	if e.Rank.TakeDown || e.end == math.MaxInt64 {
		return e.Rank.Updated.UnixNano()
	}
	return e.withdrawnAt(e.end)
}

// withdrawnAt is when what ended at that instant was withdrawn: not before the
// revision that says so.
func (e *Entry) withdrawnAt(end int64) int64 { return max(end, e.Rank.Updated.UnixNano()) }

// forgotten is the instant from which on feeds no longer say that e is gone.
func (e *Entry) forgotten() int64 {
	if e.Rank.TakeDown {
		return e.end
	}
	return e.forgottenAfter(e.withdrawn())
}

// forgottenAfter is the instant until which feeds list what the time withdrew at that
// instant as deleted.
func (e *Entry) forgottenAfter(withdrawn int64) int64 {
	keep := int64(e.TombstoneAge())
	if withdrawn > math.MaxInt64-keep {
		return math.MaxInt64
	}
	return withdrawn + keep
}

// TombstoneAge is how long feeds tell of what the time withdraws.
func (e *Entry) TombstoneAge() time.Duration { return time.Duration(e.tombstoneSeconds) * time.Second }

// goneFrom is by what a gallery that is gone was chosen.
func (e *Entry) goneFrom() departure {
	if e.Rank.TakeDown {
		return *e.lastTakenDown()
	}
	return departure{facets: e.Facets}
}

// setTombstone lets withdrawals be remembered for d, in whole seconds: what the time
// ended from then on, a take-down from its own instant, or from the one at which
// it was stored where that is later, because its publisher may have dated it like
// the revision that it takes down.
func (e *Entry) setTombstone(d time.Duration) {
	e.tombstoneSeconds = uint32((d + time.Second - 1) / time.Second)
	switch {
	case !e.Rank.TakeDown || e.state != readable:
	case d == 0:
		e.end = math.MinInt64
	default:
		e.end = max(nanos(e.Rank.Updated.Add(d)), e.stored+int64(d))
	}
}

// shownAgain reports whether the selection shows another gallery at now under the
// identifier that the publisher of e gave it.
func (s *Selection) shownAgain(e *Entry, now time.Time) bool {
	return slices.ContainsFunc(s.index.guids[e.GUID()], func(slot uint32) bool {
		other := s.forAudience(s.index.slots[slot], now.UnixNano())
		return other.VisibleAt(now) && s.chooses(other.Facets)
	})
}

// byWithdrawal orders entries that are gone, the first to go first.
func byWithdrawal(a, b *Entry) int {
	return cmp.Or(cmp.Compare(a.withdrawn(), b.withdrawn()), strings.Compare(a.ID, b.ID))
}
