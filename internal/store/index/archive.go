package index

import (
	"encoding/base64"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// An archive is a selection's whole history in pages. It is cut below galleries
// whose ids say so, whatever is around them: such a gallery is the oldest of its
// page. A page is named after the cut where it ends, which is of the page above,
// and leads to the one that ends at its own oldest gallery. So what a page says
// changes only when a gallery of its own changes, comes or goes; one that comes
// late is put where it belongs and moves no boundary but, where it is a cut,
// makes one. A name says a place, so that a page can be walked on from when the
// gallery at its end is gone meanwhile, without a gallery twice. The page below
// a cut that nothing is below yet is there and empty.

// NewestPage is the name of the page that is still growing.
const NewestPage = "newest"

// Page is a page of an archive at one moment.
type Page struct {
	View
	Name  string
	Older string // the page before; empty: there is none
}

// pageHash says, modulo the page size, whether the archive is cut below the gallery.
func pageHash(id string) uint32 {
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

func (x *Index) endsPage(e *Entry) bool { return e.pageHash%x.opts.ArchivePage == 0 }

// pageName names the page that ends below e: a number for its instant, a tilde
// and its id, in base64 after "=" where that may not stand in an address.
func pageName(e *Entry) string {
	id := e.ID
	if gallery.Key(id) != id {
		id = "=" + base64.RawURLEncoding.EncodeToString([]byte(id))
	}
	return strconv.FormatInt(e.published, 36) + "~" + id
}

// parsePage returns the place that a page's name says.
func (x *Index) parsePage(name string, now time.Time) (*Entry, bool) {
	place, ok := parsePlace(name)
	return place, ok && place.published <= now.UnixNano() && x.endsPage(place)
}

// parsePlace reads what [pageName] writes: an entry without the rest.
func parsePlace(name string) (*Entry, bool) {
	number, id, _ := strings.Cut(name, "~")
	instant, err := strconv.ParseInt(number, 36, 64)
	if err != nil {
		return nil, false
	}
	if code, ok := strings.CutPrefix(id, "="); ok {
		decoded, err := base64.RawURLEncoding.DecodeString(code)
		if err != nil {
			return nil, false
		}
		id = string(decoded)
	}
	if id == "" || len(id) > gallery.MaxID {
		return nil, false
	}
	place := &Entry{ID: id, published: instant, pageHash: pageHash(id)}
	return place, pageName(place) == name
}

// HasPage reports whether the archive may have a page of that name: its form is
// right, and it ends at no instant to come.
func (s *Selection) HasPage(name string, now time.Time) bool {
	_, ok := s.index.parsePage(name, s.index.advance(now))
	return ok || name == NewestPage
}

// Page returns the page of that name, of a selection by publication. It costs
// the page, whatever its depth.
func (s *Selection) Page(name string, now time.Time) (Page, bool) {
	now = s.index.advance(now)
	s.complete(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	top := math.MaxInt
	var bottom, end *Entry
	if name != NewestPage {
		var ok bool
		if end, ok = s.index.parsePage(name, now); !ok {
			return Page{}, false
		}
		top = position(s.list(), end)
	}
	p := Page{View: s.head(now), Name: name}
	for e := range s.below(top, now.UnixNano()) {
		p.Entries = append(p.Entries, e)
		if s.index.endsPage(e) {
			bottom, p.Older = e, pageName(e)
			break
		}
	}
	p.Stubs = s.stubs(p.Entries, bottom, end, maxStubs, now)
	return p, true
}

// PageAfter returns the name of the page above the one of that name. The newest
// has none.
func (s *Selection) PageAfter(name string, now time.Time) (string, bool) {
	now = s.index.advance(now)
	s.complete(now)
	s.index.mu.RLock()
	defer s.index.mu.RUnlock()
	end, ok := s.index.parsePage(name, now)
	if !ok {
		return "", false
	}
	list, ns := s.list(), now.UnixNano()
	for _, e := range list[position(list, end):published(list, ns)] {
		if e.ID != end.ID && s.index.endsPage(e) && s.show(e, ns) != nil {
			return pageName(e), true
		}
	}
	return NewestPage, true
}

// position is where e is, or would be, among entries by publication.
func position(entries []*Entry, e *Entry) int {
	i, _ := slices.BinarySearchFunc(entries, e, ByPublished.compare)
	return i
}
