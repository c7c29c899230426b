package catalogue

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An archive is a selection's whole history in pages. A page ends with a
// gallery whose id says so, whatever is around it, and is named after that
// gallery; the page after the last such gallery is [NewestPage]. So a page
// changes only when a gallery of its own changes, comes or goes: a gallery that
// comes late is put where it belongs and moves no boundary but, where it is one
// itself, its own.

// NewestPage is the name of the page that is still growing.
const NewestPage = "newest"

// Page is a page of an archive at one moment.
type Page struct {
	View
	Name  string
	Older string // the page before; empty: there is none
}

// cutOf says, modulo the page size, whether a page ends with the gallery.
func cutOf(id string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash takes everything
	return mix(h.Sum32())
}

// mix spreads FNV's low bits, which ids that count up leave uneven.
func mix(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x7feb352d
	h ^= h >> 15
	h *= 0x846ca68b
	return h ^ h>>16
}

func (x *index) cuts(e *Entry) bool { return e.cut%x.page == 0 }

// pageName names the page that ends with e, so that it is found by its instant.
func pageName(e *Entry) string {
	return strconv.FormatInt(e.published, 36) + "-" + fmt.Sprintf("%08x", e.cut)
}

// Page returns the page of that name. It costs the page, whatever its depth.
func (s *Selection) Page(name string, now time.Time) (Page, bool) {
	now = s.index.advance(now)
	s.revive(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	i, ok := s.findCut(name, now)
	if !ok {
		return Page{}, false
	}
	p := Page{View: s.head(now), Name: name}
	from, to := 0, s.until(now)
	if i > 0 {
		p.Older = pageName(s.cuts[i-1])
		from = s.position(s.cuts[i-1]) + 1
	}
	if i < len(s.cuts) && name != NewestPage {
		to = s.position(s.cuts[i]) + 1
	}
	for j := to - 1; j >= from; j-- {
		if e := s.entries[j]; e.VisibleAt(now) {
			p.Entries = append(p.Entries, e)
		}
	}
	return p, true
}

// NewestPage returns the name of the page that holds the newest gallery that is
// visible at now; empty when none is.
func (s *Selection) NewestPage(now time.Time) string {
	now = s.index.advance(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	n := s.until(now)
	switch {
	case n == 0:
		return ""
	case s.index.cuts(s.entries[n-1]):
		return pageName(s.entries[n-1])
	}
	return NewestPage
}

// PageAfter returns the name of the page that follows the one of that name.
func (s *Selection) PageAfter(name string, now time.Time) (string, bool) {
	now = s.index.advance(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	i, ok := s.findCut(name, now)
	if !ok || name == NewestPage {
		return "", false
	}
	if i+1 < s.visibleCuts(now) {
		return pageName(s.cuts[i+1]), true
	}
	return NewestPage, true
}

// findCut returns the index in cuts of the gallery that the page ends with; for
// the newest page that is one after the last visible.
func (s *Selection) findCut(name string, now time.Time) (int, bool) {
	visible := s.visibleCuts(now)
	if name == NewestPage {
		return visible, true
	}
	instant, _, ok := cutName(name)
	if !ok {
		return 0, false
	}
	i, _ := slices.BinarySearchFunc(s.cuts[:visible], instant, func(e *Entry, at int64) int {
		if e.published < at {
			return -1
		}
		return 1
	})
	for ; i < visible && s.cuts[i].published == instant; i++ {
		if pageName(s.cuts[i]) == name {
			return i, true
		}
	}
	return 0, false
}

// cutName takes a page's name apart.
func cutName(name string) (instant int64, hash string, ok bool) {
	dash := strings.LastIndexByte(name, '-')
	if dash <= 0 {
		return 0, "", false
	}
	instant, err := strconv.ParseInt(name[:dash], 36, 64)
	return instant, name[dash+1:], err == nil
}

// visibleCuts counts the cuts that are not embargoed.
func (s *Selection) visibleCuts(now time.Time) int { return published(s.cuts, now) }

func (s *Selection) position(e *Entry) int {
	i, _ := slices.BinarySearchFunc(s.entries, e, s.order.compare)
	return i
}
