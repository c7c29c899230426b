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
// changes no other. Errors are those of [Renderer.Item].
func (r *Renderer) Slides(g *gallery.Gallery, at time.Time) ([]*Item, error) {
	whole := r.facts(g, at, baseOf(g))
	whole.updated = second(g.UpdatedAt(g.Published)) // the end of another slide changes none
	items := make([]*Item, len(whole.pictures))
	for i := range whole.pictures {
		item, err := r.item(whole.slide(i))
		if err != nil {
			return nil, fmt.Errorf("render slide %d of gallery %q: %w", whole.pictures[i].number, g.ID, err)
		}
		items[i] = item
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
			gone = append(gone, Tombstone{ID: r.slideID(g, keys[i]), When: when})
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
	s.title = cmp.Or(p.title, fmt.Sprintf("%s, %d", whole.title, p.number))
	s.summary = excerpt(cmp.Or(p.caption, p.alt))
	s.published = whole.published.Add(time.Duration(1-p.number) * time.Second)
	s.updated = whole.updated.Add(time.Duration(1-p.number) * time.Second)
	s.pictures = whole.pictures[i : i+1]
	s.content = s.html("")
	return &s
}

// withFragment returns the address with that fragment, unless it has one that
// its publisher may need to find the page at all.
func withFragment(address, fragment string) string {
	if strings.Contains(address, "#") {
		return address
	}
	return address + "#" + fragment
}
