package page

import (
	"cmp"
	"net/http"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// galleryPage is the content of the page of a gallery.
type galleryPage struct {
	*story
	Sections []topic // one, or none
	Topics   []topic // tags
	Writers  []topic // authors
	Feeds    siteFeed
}

// Gallery answers GET and HEAD of the page of the gallery {key}.
func (p *Pages) Gallery(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	d, err := p.galleryDocument(r.Context(), key, documentKey{}, func(g *gallery.Gallery, now time.Time) (*document, error) {
		s := newStory(g, now)
		content := galleryPage{
			story:    s,
			Sections: p.topicsOf(edition.Section, gallery.Lines([]string{s.Section})...),
			Topics:   p.topicsOf(edition.Tag, s.Tags...),
			Writers:  p.topicsOf(edition.Author, names(g.Authors)...),
			Feeds:    p.slideFeed(s.Title, key),
		}
		return p.render(p.templates.gallery, view{
			Title:       s.Title,
			Description: s.Summary,
			Canonical:   cmp.Or(s.Original, p.site.GalleryURL(key)),
			Preview: preview{
				Type: "article", Cover: coverOf(s.Slides), Published: s.Published, Updated: s.Updated,
				Section: s.Section, Tags: s.Tags,
			},
			Data:    newImageGallery(s, p.site.GalleryURL(key), p.site.Title),
			Own:     &content.Feeds,
			Content: content,
		})
	})
	p.answer(w, r, d, err)
}

// slideFeed is the feed of the gallery with that title and key.
func (p *Pages) slideFeed(title, key string) siteFeed {
	ref := edition.Ref{Kind: edition.Gallery, Name: key}
	return siteFeed{Title: gallery.Excerpt(title, maxHeadline), Addresses: p.editions.Addresses(ref)}
}
