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
// slides counted that the audience once saw. So no two dates are equal, none is later
// than the gallery's own, a correction moves all of them alike, and a slide whose rights
// end changes no other. Slides whose rights ended less than the duration stubs before
// have items as of [Renderer.Stub]. Errors are those of [Renderer.Item].
func (r *Renderer) Slides(g *gallery.Gallery, at time.Time, stubs time.Duration) ([]*Item, error) {
	whole, terms := r.view(g, at), g.Terms()
	first, _, _ := r.audience().Window(terms)
	whole.Updated = second(r.audience().UpdatedAt(terms, first)) // the end of another slide changes none
	keys, numbers := g.SlideKeys(), r.audience().Numbers(terms, at)
	items := make([]*Item, 0, len(whole.pictures))
	for i, shown := 0, 0; i < len(g.Slides); i++ {
		var v *itemView
		if shown < len(whole.pictures) && whole.pictures[shown].Index == i {
			v = whole.slide(shown)
			shown++
		} else if when, ok := r.audience().SlideWithdrawn(terms, i, at); ok && at.Before(when.Add(stubs)) {
			v = r.slideStub(g, numbers[i], keys[i], when)
		} else {
			continue
		}
		item, err := r.render(v)
		if err != nil {
			return nil, fmt.Errorf("render slide %d of gallery %q: %w", i+1, g.ID, err)
		}
		items = append(items, item)
	}
	return items, nil
}

// SlideTombstones name the slides of g that are no longer shown at the instant at,
// because their rights ended less than keep before.
func (r *Renderer) SlideTombstones(g *gallery.Gallery, at time.Time, keep time.Duration) []Tombstone {
	var gone []Tombstone
	keys, terms := g.SlideKeys(), g.Terms()
	for i := range g.Slides {
		if when, ok := r.audience().SlideWithdrawn(terms, i, at); ok && at.Before(when.Add(keep)) {
			gone = append(gone, Tombstone{ID: r.slideID(g, keys[i]), AtomID: r.slideID(g, keys[i]), When: when})
		}
	}
	return gone
}

// slide returns the picture with that index as an item of its own.
func (v *itemView) slide(i int) *itemView {
	p, s := &v.pictures[i], *v
	s.id, s.atomID = p.id, p.id
	s.link = withFragment(v.link, "slide-"+p.Key)
	s.page = withFragment(v.page, "slide-"+p.Key)
	s.Title = cmp.Or(p.Title, fmt.Sprintf("%s, %d", v.Title, p.Number))
	s.Summary = gallery.Excerpt(cmp.Or(p.caption, p.Image.Alt), excerptLength)
	s.Published = nth(v.Published, p.Number)
	s.Updated = nth(v.Updated, p.Number)
	s.pictures = v.pictures[i : i+1]
	s.lead = ""
	s.content = s.html()
	return &s
}

// nth is the date of slide n of a gallery of that date.
func nth(date time.Time, n int) time.Time { return date.Add(time.Duration(1-n) * time.Second) }

// withFragment returns the address with that fragment, unless it has one, which the
// publisher's site may need to find the page.
func withFragment(address, fragment string) string {
	if strings.Contains(address, "#") {
		return address
	}
	return address + "#" + fragment
}
