package feed

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Slides renders g as a feed of its own: an item for each slide that may be
// shown at the instant at, in slide order. A slide's identifier is made of the
// gallery's id and the slide's key (see [gallery.Gallery.SlideKeys]), so that
// slides put between others change no identifier.
//
// Readers that sort by date keep the order too: slide n is published n-1
// seconds before the gallery and updated n-1 seconds before its update, hidden
// slides counted. So no two dates are equal, none is later than the gallery's
// own, a correction moves all of them alike, and a slide whose rights end
// changes no other. Slides whose rights ran out less than the duration stubs before
// are items too, as of [Renderer.Stub]. Errors are those of [Renderer.Item].
func (r *Renderer) Slides(g *gallery.Gallery, at time.Time, stubs time.Duration) ([]*Item, error) {
	whole := r.facts(g, at, gallery.Base(g.URL))
	whole.updated = second(g.UpdatedAt(g.Published)) // the end of another slide changes none
	keys := g.SlideKeys()
	items := make([]*Item, 0, len(whole.pictures))
	for i, shown := 0, 0; i < len(g.Slides); i++ {
		var s *story
		if shown < len(whole.pictures) && whole.pictures[shown].number == i+1 {
			s = whole.slide(shown)
			shown++
		} else if when, ok := g.SlideWithdrawn(i, at); ok && at.Before(when.Add(stubs)) {
			s = r.slideStub(g, i, keys[i], when)
		} else {
			continue
		}
		item, err := r.item(s)
		if err != nil {
			return nil, fmt.Errorf("render slide %d of gallery %q: %w", i+1, g.ID, err)
		}
		items = append(items, item)
	}
	return items, nil
}

// SlideTombstones say at the instant at which slides of g were shown and are no
// longer, because their rights ran out less than keep before.
func (r *Renderer) SlideTombstones(g *gallery.Gallery, at time.Time, keep time.Duration) []Tombstone {
	var gone []Tombstone
	keys := g.SlideKeys()
	for i := range g.Slides {
		if when, ok := g.SlideWithdrawn(i, at); ok && at.Before(when.Add(keep)) {
			gone = append(gone, Tombstone{ID: r.slideID(g, keys[i]), AtomID: r.slideID(g, keys[i]), When: when})
		}
	}
	return gone
}

// slide returns the picture with that index as an item of its own.
func (whole *story) slide(i int) *story {
	p := &whole.pictures[i]
	s := *whole
	s.id, s.atomID = p.id, p.id
	s.link = withFragment(whole.link, "slide-"+p.key)
	s.page = withFragment(whole.page, "slide-"+p.key)
	s.title = cmp.Or(p.title, fmt.Sprintf("%s, %d", whole.title, p.number))
	s.summary = excerpt(cmp.Or(p.caption, p.alt))
	s.published = nth(whole.published, p.number)
	s.updated = nth(whole.updated, p.number)
	s.pictures = whole.pictures[i : i+1]
	s.content = s.html("")
	return &s
}

// nth is the date of slide n of a gallery of that date.
func nth(date time.Time, n int) time.Time { return date.Add(time.Duration(1-n) * time.Second) }

// withFragment returns the address with that fragment, unless it has one that
// its publisher may need to find the page at all.
func withFragment(address, fragment string) string {
	if strings.Contains(address, "#") {
		return address
	}
	return address + "#" + fragment
}
