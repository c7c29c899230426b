package index

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Scope says which galleries a feed is about: the one with that key, or, where
// there is none, those that are chosen. Its order does not matter.
type Scope struct {
	Key string
	Choice
}

// Step is what became of a gallery in a scope: whether it was shown, and is.
type Step struct {
	ID      string
	Was, Is bool
}

// Steps are what happened in a scope between two positions.
type Steps struct {
	Position  Position // the later one
	Galleries []Step   // the newest first
	Other     bool     // no gallery came, went or was revised, but something else that feeds say has changed
}

// Since returns what has happened in the scope since from, at which it had last
// been touched at that instant (see [View]). It reads memory only.
//
// Of what happened while this process ran it is exact. Of the time before it goes
// by what the records say: then a gallery may be named again that was named before,
// and one that is new may seem to be revised. A gallery that nobody can have seen is
// not named. The zero position is before everything: what is shown is new then. Of
// another epoch nothing is known.
func (x *Index) Since(sc Scope, from Position, touched, now time.Time) Steps {
	now = x.advance(now)
	x.mu.RLock()
	defer x.mu.RUnlock()
	q := x.collect(x.newSelection(sc.Choice), sc.Key, from, touched, now)
	slices.SortFunc(q.found, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.published, a.published), strings.Compare(a.ID, b.ID))
	})
	steps := Steps{Position: x.position(), Other: q.other}
	for _, f := range q.found {
		steps.Galleries = append(steps.Galleries, Step{f.ID, f.Was, f.Is})
	}
	return steps
}

// collect does what [Index.Since] does. The caller has the lock.
func (x *Index) collect(s *Selection, key string, from Position, touched, now time.Time) *query {
	q := &query{
		scope: s, key: key,
		from: progress{from.Revision, unixNano(from.Passed)}, touched: unixNano(touched), now: max(now.UnixNano(), x.now),
	}
	switch {
	case from == Position{}:
		q.first = true
		q.scan()
	case !from.Epoch.Equal(x.epoch):
		q.unsure = true
	case q.from.covers(x.floor):
		q.replay()
	default:
		q.scan()
	}
	return q
}

// unixNano is the inverse of instant.
func unixNano(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixNano()
}

// progress is a position without its epoch.
type progress struct {
	revision uint64
	passed   int64
}

func (m progress) covers(o progress) bool { return m.revision >= o.revision && m.passed >= o.passed }

func (m *progress) raise(o progress) {
	m.revision, m.passed = max(m.revision, o.revision), max(m.passed, o.passed)
}

// maxRecent is how many steps of the index are remembered, at least.
const maxRecent = 4096

// pastStep is one step of the index: a revision, or an instant of visibility.
type pastStep struct {
	key    string
	old, e *Entry   // the same revision: an instant has passed
	at     int64    // when
	after  progress // the position of the index then
}

// note remembers a step. The oldest ones go.
func (x *Index) note(key string, old, e *Entry, now int64) {
	after := progress{max(x.last, e.Revision), x.passed}
	x.recent = append(x.recent, pastStep{key: key, old: old, e: e, at: now, after: after})
	if extra := len(x.recent) - maxRecent; extra >= maxRecent {
		x.floor = x.recent[extra-1].after
		x.recent = slices.Delete(x.recent, 0, extra)
	}
}

// query collects the steps since a position.
type query struct {
	scope   *Selection // perhaps unattached
	key     string
	from    progress
	first   bool  // nothing was announced before
	touched int64 // when the scope was, as of from
	now     int64
	found   []found
	other   bool
	unsure  bool // something may have left that the records no longer name
}

// found is a [Step] with what is known of the gallery now, or was before its record was deleted.
type found struct {
	*Entry
	Was, Is bool
}

func (q *query) add(e *Entry, was, is bool) { q.found = append(q.found, found{e, was, is}) }

// replay goes by what this process remembers.
func (q *query) replay() {
	x := q.scope.index
	type past struct {
		was   *Entry
		until int64 // it was the latest
	}
	before, shown := map[string]past{}, map[string]bool{}
	for _, h := range slices.Backward(x.recent) {
		if q.from.covers(h.after) {
			break
		}
		was := h.old
		if h.e.Revision <= q.from.revision {
			was = h.e
		}
		known := h.e.Revision <= q.from.revision && x.lastMoment(h.e, h.at) <= q.from.passed
		if known || q.key != "" && q.key != h.key {
			continue
		}
		before[h.key] = past{was, h.at}
		shown[h.key] = shown[h.key] || q.showed(q.scope.forAudience(h.old, q.now), h.at)
	}
	for key, p := range before {
		e := q.scope.forAudience(x.entries[key], q.now)
		q.compare(q.scope.forAudience(p.was, q.now), min(p.until, q.from.passed), e, shown[key] || q.showed(e, q.now))
	}
}

// compare notes what became of a gallery that was before, up to the instant passed, and is
// e. Shown says that it was shown at some moment between.
func (q *query) compare(before *Entry, passed int64, e *Entry, shown bool) {
	was, is := q.shows(before, passed), q.shows(e, q.now)
	same := before != nil && before.Revision == e.Revision
	switch {
	case was && is && same && e.Phase(instant(passed)) == e.Phase(instant(q.now)):
		q.other = q.other || q.key != ""
	case is:
		q.add(e, was, true)
	case (was || shown) && e.ID == "": // deleted by hand
		if before != nil {
			deleted := *before
			deleted.Revision, deleted.Rank.TakeDown = e.Revision, true
			q.add(&deleted, true, false)
		}
		q.other = true
	case was || shown || !same && q.tookDown(e):
		q.add(e, true, false)
	case q.scope.hasTombstone(before, passed) != q.scope.hasTombstone(e, q.now), !same && q.scope.hasTombstone(e, q.now):
		q.other = true
	}
}

// scan goes by what is stored.
func (q *query) scan() {
	if q.key != "" {
		if e := q.scope.index.entries[q.key]; e != nil {
			q.infer(q.scope.forAudience(e, q.now))
		}
		return
	}
	q.scope.candidates(func(e *Entry) bool {
		q.infer(q.scope.forAudience(e, q.now))
		return true
	})
}

// infer notes the present state of a gallery whose earlier state is unknown.
func (q *query) infer(e *Entry) {
	switch {
	case e.Revision <= q.from.revision:
		if e.lastInstant(q.now) > q.from.passed {
			q.compare(e, q.from.passed, e, q.showed(e, q.now))
		}
	case q.shows(e, q.now):
		q.add(e, e.from() <= q.from.passed, true)
	case q.first:
	case e.ID != "" && (q.tookDown(e) || q.showed(e, q.now) || q.left(e)):
		q.add(e, true, false)
	default: // feeds may have a tombstone of it
		q.other = q.other || q.scope.hasTombstone(e, q.now) || slices.ContainsFunc(e.left(), q.ended)
		q.unsure = q.unsure || slices.ContainsFunc(e.left(), func(d departure) bool { return d.all && q.since(d) })
	}
}

// ended reports whether d is a take-down of what the scope may have shown.
func (q *query) ended(d departure) bool {
	return d.down && !d.hidden && q.scope.had(d)
}

// shows reports whether the scope shows e at that instant.
func (q *query) shows(e *Entry, ns int64) bool {
	return e.visible(ns) && q.scope.chooses(e.Facets)
}

// showed reports whether the scope showed e at some instant from then to at.
func (q *query) showed(e *Entry, at int64) bool {
	return e.shows() && e.from() <= at && q.from.passed < e.end && q.scope.chooses(e.Facets)
}

// tookDown reports whether e is the take-down of what the scope may have shown.
func (q *query) tookDown(e *Entry) bool {
	if !e.Rank.TakeDown || e.state != readable {
		return false
	}
	d := e.lastTakenDown()
	return d != nil && q.ended(*d)
}

// left reports whether e left the scope since, by a correction, and may have been
// shown there.
func (q *query) left(e *Entry) bool {
	return slices.ContainsFunc(e.left(), func(d departure) bool {
		shown := d.maybeShown || d.published != 0 && max(d.published, d.from) <= d.leftAt(e)
		return q.since(d) && shown && !d.hidden && q.scope.chooses(d.facets)
	})
}

// since reports whether the gallery left after the position.
func (q *query) since(d departure) bool {
	at := cmp.Or(d.left, d.at)
	return at == 0 || at > q.touched
}

// ChangedSince reports whether anything may have happened since from to a gallery that
// has or had a name with that slug. It costs the same however much there is.
func (x *Index) ChangedSince(k Kind, text string, from Position, now time.Time) bool {
	return x.moved(from, now, func() progress { return x.names.latest(slug{k, text}) })
}

// GalleryChangedSince is [Index.ChangedSince] of the gallery with that key.
func (x *Index) GalleryChangedSince(key string, from Position, now time.Time) bool {
	return x.moved(from, now, func() progress {
		e := x.entries[key]
		if e == nil {
			return progress{passed: math.MinInt64}
		}
		return progress{e.Revision, x.lastMoment(e, x.now)}
	})
}

// ChangedSince is [Index.ChangedSince] of the galleries that s may choose.
func (s *Selection) ChangedSince(from Position, now time.Time) bool {
	x := s.index
	return x.moved(from, now, func() progress {
		if len(s.required) == 0 {
			return progress{x.last, x.passed}
		}
		return x.names.latest(s.required...)
	})
}

// latest is the newest of what happened to galleries that have or had one of the names.
func (ns *names) latest(of ...slug) progress {
	newest := ns.unnamed
	for _, s := range of {
		if n := ns.slugs[s.kind][s.text]; n != nil {
			newest.raise(n.latest)
		}
	}
	return newest
}

func (x *Index) moved(from Position, now time.Time, latest func() progress) bool {
	if now.UnixNano() >= x.due.Load() {
		x.advance(now)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	known := progress{from.Revision, unixNano(from.Passed)}
	return !from.Epoch.Equal(x.epoch) || !known.covers(latest())
}

// touch notes for the names of e, before and after, that something happened to it.
func (ns *names) touch(old, e *Entry, at progress) {
	if old.leftAll() || e.leftAll() {
		ns.unnamed.raise(at)
	}
	for _, of := range []*Entry{old, e} {
		for f := range of.facets {
			if f.Value().Kind.finds() {
				ns.of(f).latest.raise(at)
			}
		}
	}
}
