package index

import "time"

// List is a part of a selection at one moment, for readers who walk through all of it
// from the newest gallery to the oldest. Where it begins is named as a page of an archive
// is: the name stays good whatever is published or withdrawn around that place.
type List struct {
	Entries []*Entry  // newest first
	All     int       // galleries of the whole selection
	At      time.Time // see [View]
	Place   string    // the gallery right above Entries; empty: these are the newest
	Newer   string    // the place of the list above; empty: the newest
	Older   string    // the place of the list below; empty: there is none
}

// List returns the n galleries below a place, the newest where that is empty, of a
// selection by publication for the public. It is false if before names no place. It costs n,
// however deep the place is.
func (s *Selection) List(before string, n int, now time.Time) (List, bool) {
	place, ok := parsePlace(before)
	if !ok && before != "" {
		return List{}, false
	}
	now = s.index.advance(now)
	s.complete(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	top := published(s.entries, now.UnixNano())
	l := List{All: top, At: now}
	begin := top
	if before != "" {
		begin = min(position(s.entries, place), top)
	}
	i := begin - 1
	for ; i >= 0 && len(l.Entries) < n; i-- {
		if e := s.entries[i]; e.VisibleAt(now) {
			l.Entries = append(l.Entries, e)
		}
	}
	if i >= 0 && len(l.Entries) > 0 {
		l.Older = pageName(l.Entries[len(l.Entries)-1])
	}
	above := 0
	for i := begin; i < top && l.Newer == ""; i++ {
		switch e := s.entries[i]; {
		case !e.VisibleAt(now):
			continue
		case above == 0:
			l.Place = pageName(e)
		case above == n:
			l.Newer = pageName(e)
		}
		above++
	}
	return l, true
}
