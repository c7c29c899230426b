package feed

import (
	"fmt"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Feed readers that do not know deleted entries keep a withdrawn gallery with every
// picture, but they replace an item when its identifier comes again. A stub is such
// an item: it has the identifier, and says only that the gallery was withdrawn.

// Stub renders what is left of a gallery that was withdrawn at that instant. Of g it
// shows the identifier and the instant of publication. The title says in g's language
// that it was withdrawn. The link leads to our own page, which says so too, because the
// publisher's address may show what the gallery was about.
func (r *Renderer) Stub(g *gallery.Gallery, withdrawn time.Time) (*Item, error) {
	item, err := r.render(r.stub(g, r.page(g), withdrawn))
	if err != nil {
		return nil, fmt.Errorf("render stub of gallery %q: %w", g.ID, err)
	}
	return item, nil
}

// slideStub is what is left of the slide with that index and key. Its gallery is still
// shown, and so is its page.
func (r *Renderer) slideStub(g *gallery.Gallery, number int, key string, withdrawn time.Time) *itemView {
	v := r.stub(g, r.Link(g), withdrawn)
	v.id = r.slideID(g, key)
	v.atomID = v.id
	v.Published = nth(v.Published, number)
	return v
}

func (r *Renderer) stub(g *gallery.Gallery, link string, withdrawn time.Time) *itemView {
	v := &itemView{galleryID: g.ID, id: r.ID(g), atomID: r.AtomID(g), link: link, withdrawn: true}
	v.Published, v.Updated = second(g.Published), second(withdrawn)
	v.Title, v.Language = r.withdrawnTitle(g.Language)
	v.Direction = gallery.Direction(v.Language, v.Title)
	return v
}

// builtInTitles are the titles of stubs, by language.
func builtInTitles() map[string]string {
	return map[string]string{
		"de": "Zurückgezogen",
		"en": "Withdrawn",
		"es": "Retirado",
		"fr": "Retiré",
		"it": "Ritirato",
		"nl": "Teruggetrokken",
		"pl": "Wycofano",
		"pt": "Retirado",
	}
}

// withdrawnTitle returns the title of a stub and its language: that of the gallery if
// there is a title in it, else the site's, else English.
func (r *Renderer) withdrawnTitle(tag string) (title, lang string) {
	for _, tag := range []string{gallery.CanonicalLanguage(tag), gallery.CanonicalLanguage(r.opts.Language), "en"} {
		whole := strings.ToLower(tag)
		primary, _, _ := strings.Cut(whole, "-")
		for _, title := range []string{r.opts.Titles[whole], r.opts.Titles[primary], builtInTitles()[primary]} {
			if title = gallery.Line(title); title != "" {
				return title, tag
			}
		}
	}
	return builtInTitles()["en"], "en"
}
