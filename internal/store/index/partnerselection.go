package index

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"time"
)

// lists are the shared selections of a partner's.
func (s *Selection) lists() []*Selection {
	return slices.DeleteFunc([]*Selection{s.newest, s.changed}, func(l *Selection) bool { return l == nil })
}

// drop releases a shared selection for one of its users, and removes it after the last.
func (x *Index) drop(l *Selection) {
	if l.users--; l.users == 0 {
		x.remove(l)
		delete(x.shared, l.sharedKey())
		l.released = true
	}
}

// manyGalleries is how many galleries may have to do with the names of a match that has
// a shared selection of its own. Partners that choose among more read all galleries:
// a list for each of them would be large, and those that they choose are not rare.
const manyGalleries = 1 << 16

// findShared finds or makes the selections where the galleries of a partner's are.
func (s *Selection) findShared() {
	x, before, c := s.index, s.lists(), Choice{Match: s.choice.Match}
	if members := len(slices.Collect(x.names.members(s.required))); members > manyGalleries {
		c.Match = Match{}
	} else if _, only := s.choice.Audience.OnlyByName(); only {
		c.Audience = s.choice.Audience
	}
	s.newest = x.sharedSelection(c)
	if c.Order = byChanged; s.choice.Order == ByUpdated {
		s.changed = x.sharedSelection(c)
	}
	for _, l := range before {
		x.drop(l)
	}
}

// sharedSelection returns the shared selection of that choice, made if it is missing, for one
// user more. An audience only says which names are required.
func (x *Index) sharedSelection(c Choice) *Selection {
	s := x.newSelection(c)
	s.choice.Audience = nil
	if have := x.shared[s.sharedKey()]; have != nil {
		have.users++
		return have
	}
	s.shared, s.users = true, 1
	x.shared[s.sharedKey()] = s
	x.add(s)
	return s
}

func (s *Selection) sharedKey() string {
	return fmt.Sprintf("%d %q %q", s.choice.Order, s.choice.Match, s.required)
}

// partners reports whether s is filtered when it is read.
func (s *Selection) partners() bool { return s.choice.Audience != nil }

// oldest is the instant of publication up to which galleries are too old at now.
func (s *Selection) oldest(now int64) int64 {
	if s.partners() && s.choice.Audience.MaxAge > 0 {
		return now - int64(s.choice.Audience.MaxAge)
	}
	return math.MinInt64
}

// merged yields what a partner's selection by update shows at now. A gallery's update is
// its release, or else what it is for all audiences together at the latest. So two lists
// are read from their newest ends, and what was read is yielded as soon as nothing that
// follows in either can come before it.
func (s *Selection) merged(now int64) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		delay := s.choice.Audience.Delay
		byChange, byRelease := s.changed.entries, s.newest.entries
		byRelease = byRelease[:published(byRelease, now-int64(delay))]
		if delay == 0 {
			byRelease = nil // no release is later than what the other list is ordered by
		}
		known := map[uint32]bool{} // galleries that were read in one of two lists
		var found []*Entry         // ascending
		for {
			next := int64(math.MinInt64) // nothing that follows is later
			from := &byChange
			if n := len(byChange); n > 0 {
				next = byChanged.rank(byChange[n-1])
			}
			if n := len(byRelease); n > 0 {
				if at := after(byRelease[n-1].published, delay); at > next {
					next, from = at, &byRelease
				}
			}
			for n := len(found); n > 0 && ByUpdated.rank(found[n-1]) > next; n-- {
				if !yield(found[n-1]) {
					return
				}
				found = found[:n-1]
			}
			if len(*from) == 0 {
				return
			}
			e := (*from)[len(*from)-1]
			*from = (*from)[:len(*from)-1]
			if delay > 0 && known[e.slot] {
				continue
			} else if delay > 0 {
				known[e.slot] = true
			}
			if e = s.show(e, now); e != nil {
				found = insert(found, e, ByUpdated.compare)
			}
		}
	}
}

// complete computes what s is not kept up to date with: all if it was released while
// somebody used it, and the date of a partner's that nobody has looked at.
func (s *Selection) complete(now time.Time) {
	x := s.index
	x.mu.RLock()
	released, undated := s.released, s.partners() && !s.dated
	x.mu.RUnlock()
	if released {
		x.mu.Lock()
		s.refill(max(now.UnixNano(), x.now))
		x.mu.Unlock()
	}
	if released && s.partners() || undated {
		s.date(now)
	}
}

// date computes when what a partner sees was touched. It looks at all galleries, so it
// does not hold the lock meanwhile: what happens then touches s by itself.
func (s *Selection) date(now time.Time) {
	x := s.index
	x.mu.RLock()
	ns, all := max(now.UnixNano(), x.now), slices.Collect(s.newest.candidates)
	x.mu.RUnlock()
	touched := int64(math.MinInt64)
	for _, e := range all {
		if s.mayTouch(e, touched, ns) {
			touched = max(touched, s.touchedBy(s.forAudience(e, ns), ns))
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s.touched, s.dated = max(s.touched, touched), true
}

// mayTouch reports whether e may touch s after since and up to now. It goes by e alone, not by
// what e is chosen by, which is elsewhere in memory.
func (s *Selection) mayTouch(e *Entry, since, now int64) bool {
	if e.extra != nil || e.stored > since {
		return true
	}
	a := s.choice.Audience
	for _, at := range []int64{e.published, after(e.published, a.Delay), after(e.published, a.MaxAge), e.end, e.forgotten()} {
		if since < at && at <= now {
			return true
		}
	}
	return false
}
