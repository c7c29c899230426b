package catalogue

import (
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Match chooses galleries. Each list that is not empty must be met by one of
// its names, without regard to case; a language is also met by its regional
// forms. The zero value chooses every gallery.
type Match struct {
	Sections  []string
	Tags      []string
	Authors   []string
	Languages []string
}

// matches reports whether a gallery with these facets is chosen.
func (m Match) matches(fs []Facet) bool {
	return meets(m.Sections, Section, fs, strings.EqualFold) &&
		meets(m.Tags, Tag, fs, strings.EqualFold) &&
		meets(m.Authors, Author, fs, strings.EqualFold) &&
		meets(m.Languages, Language, fs, speaks)
}

func meets(wanted []string, k Kind, fs []Facet, equal func(have, want string) bool) bool {
	if len(wanted) == 0 {
		return true
	}
	return slices.ContainsFunc(fs, func(f Facet) bool {
		p := f.Value()
		return p.Kind == k && slices.ContainsFunc(wanted, func(w string) bool { return equal(p.Name, w) })
	})
}

// speaks reports whether the tag have is want or a more special form of it
// (RFC 4647 §3.3.1, basic filtering).
func speaks(have, want string) bool {
	return strings.EqualFold(have, want) ||
		len(have) > len(want) && have[len(want)] == '-' && strings.EqualFold(have[:len(want)], want)
}

// Selection is a live, ordered choice of galleries. It costs memory only for
// what it holds, and a change costs it only that change.
type Selection struct {
	match Match
	index *index

	// Guarded by index.mu.
	entries []*Entry // ascending, without those that ended
	touched int64

	generation atomic.Uint64
	next       atomic.Int64
}

// View is a selection at one moment.
type View struct {
	Entries    []*Entry  // visible at At, newest first
	At         time.Time // the moment: what was asked for, or up to a second later while a clock set back catches up
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
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	v := View{At: now, Epoch: s.index.epoch, Revision: s.index.last, Generation: s.generation.Load()}
	v.Passed = instant(s.index.passed)
	v.Touched = instant(s.touched)
	for i := s.until(now) - 1; i >= 0 && len(v.Entries) < n; i-- {
		if e := s.entries[i]; e.VisibleAt(now) {
			v.Entries = append(v.Entries, e)
		}
	}
	return v
}

// Fresh reports whether a view of that generation is still true at the instant
// now: no gallery of the selection changed and no instant of visibility passed.
// It takes no lock.
func (s *Selection) Fresh(generation uint64, now time.Time) bool {
	return s.generation.Load() == generation && now.UnixNano() < s.next.Load()
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
	e := s.index.find(key)
	return e.VisibleAt(now) && s.match.matches(e.Facets)
}

// Len is the number of galleries chosen that have not ended.
func (s *Selection) Len() int {
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	return len(s.entries)
}

// LenAt is the number of galleries chosen that are visible at now: what is
// embargoed is not counted.
func (s *Selection) LenAt(now time.Time) int {
	now = s.index.advance(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	return s.until(now)
}

// until counts the entries published up to now: the others are embargoed.
func (s *Selection) until(now time.Time) int {
	n, _ := slices.BinarySearchFunc(s.entries, now.UnixNano(), func(e *Entry, ns int64) int {
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
	if !e.Rank.TakeDown && s.match.matches(e.Facets) {
		at = max(e.stored, e.lastInstant(now))
	}
	for _, d := range e.left {
		if !d.all && !s.match.matches(d.facets) {
			continue
		}
		if d.at == 0 {
			d.at = e.stored
		}
		at = max(at, d.at)
	}
	return at
}

// present reports whether e belongs into the list at now. What is embargoed
// does: it will show.
func (s *Selection) present(e *Entry, now int64) bool {
	return e.shows() && now < e.end && s.match.matches(e.Facets)
}

// replace puts e in the place of old, which may be nil.
func (s *Selection) replace(old, e *Entry, now int64) {
	was := old != nil && s.take(old)
	is := s.present(e, now)
	if is {
		s.insert(e)
	}
	if touched := s.touchedBy(e, now); was || is || touched > s.touched {
		s.touched = max(s.touched, touched)
		s.generation.Add(1)
	}
}

// insert costs an append for the newest and a move of memory for a late one.
func (s *Selection) insert(e *Entry) {
	i, found := slices.BinarySearchFunc(s.entries, e, compare)
	if found {
		s.entries[i] = e
		return
	}
	s.entries = slices.Insert(s.entries, i, e)
}

// take removes e and reports whether it was there.
func (s *Selection) take(e *Entry) bool {
	i, found := slices.BinarySearchFunc(s.entries, e, compare)
	if found = found && s.entries[i] == e; found {
		s.entries = slices.Delete(s.entries, i, i+1)
	}
	return found
}

// refill computes the selection anew from all entries.
func (s *Selection) refill(all map[string]*Entry, now int64) {
	s.entries = nil
	for _, e := range all {
		if s.present(e, now) {
			s.entries = append(s.entries, e)
		}
		s.touched = max(s.touched, s.touchedBy(e, now))
	}
	slices.SortFunc(s.entries, compare)
	s.generation.Add(1)
}

// instant is the time of ns, zero for the least one.
func instant(ns int64) time.Time {
	if ns == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
