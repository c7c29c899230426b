package page

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// galleryPage is the content of the page of a gallery.
type galleryPage struct {
	gallery.View
	Lead      template.HTML
	Updated   time.Time // zero: never since it was published
	Slides    []slide
	Publisher string  // the host of its own page
	Sections  []topic // one, or none
	Topics    []topic // tags
	Writers   []topic // authors
	Feeds     siteFeed
}

// Gallery answers GET and HEAD of the page of the gallery {key}.
func (p *Pages) Gallery(w http.ResponseWriter, r *http.Request) {
	d, err := p.galleryPage(r.Context(), r.PathValue("key"))
	p.answer(w, r, d, err)
}

// galleryPage returns the page of a gallery. The error is as of galleryDocument.
func (p *Pages) galleryPage(ctx context.Context, key string) (*document, error) {
	return p.galleryDocument(ctx, key, documentKey{}, func(g *gallery.Gallery, now time.Time) (*document, error) {
		c := galleryPage{View: g.View(p.editions.Audience(), now)}
		c.Lead, c.Slides = template.HTML(c.Body()), slidesOf(&c.View, len(c.View.Slides))
		for i := range c.Slides {
			c.Slides[i].Caption = template.HTML(c.Slides[i].SlideView.Caption())
		}
		if c.View.Updated.After(c.Published) {
			c.Updated = c.View.Updated
		}
		if c.URL != "" {
			c.Publisher = gallery.Base(g.URL).Hostname()
		}
		var writers []string
		for _, a := range c.Authors {
			writers = append(writers, a.Name)
		}
		c.Sections = p.topicsOf(edition.Section, gallery.Lines([]string{c.Section})...)
		c.Topics, c.Writers = p.topicsOf(edition.Tag, c.Tags...), p.topicsOf(edition.Author, gallery.Lines(writers)...)
		c.Feeds = p.slideFeed(c.Title, key)
		return p.render(p.templates.gallery, view{
			Title:       c.Title,
			Description: c.Summary,
			Canonical:   cmp.Or(c.URL, p.site.GalleryURL(key)),
			Preview: preview{
				Type: "article", Cover: coverOf(c.Slides), Published: c.Published, Updated: c.Updated,
				Section: c.Section, Tags: c.Tags,
			},
			Data:    newImageGallery(&c, p.site.GalleryURL(key), p.site.Title),
			Own:     &c.Feeds,
			Content: &c,
		})
	})
}

// slideFeed is the feed of the gallery with that title and key.
func (p *Pages) slideFeed(title, key string) siteFeed {
	ref := edition.Ref{Kind: edition.Gallery, Name: key}
	return siteFeed{Title: gallery.Excerpt(title, maxHeadline), Addresses: p.editions.Addresses(ref)}
}
