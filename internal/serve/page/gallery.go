package page

import (
	"context"
	"net/http"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
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
	var d *document
	err := p.find(r.Context(), r.PathValue("key"), func(e *index.Entry, now time.Time) (err error) {
		d, err = p.galleryPage(r.Context(), e, now)
		return err
	})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	serve(w, r, d, p.caching)
}

// galleryPage returns the page of a gallery that may be shown at now.
func (p *Pages) galleryPage(ctx context.Context, e *index.Entry, now time.Time) (*document, error) {
	return p.document(ctx, documentKey{gallery: keyOf(e, e.Phase(now))}, func(ctx context.Context) (d *document, err error) {
		err = p.load(ctx, e, func(g *gallery.Gallery) (err error) {
			d, err = p.render(p.templates.gallery, p.galleryView(g, now))
			return err
		})
		return d, err
	})
}

func (p *Pages) galleryView(g *gallery.Gallery, now time.Time) view {
	s := newStory(g, now)
	key := gallery.Key(g.ID)
	home := s.canonical(p.site.GalleryURL(key))
	content := galleryPage{
		story:    s,
		Sections: p.topicsOf(edition.Section, gallery.Lines([]string{s.Section})...),
		Topics:   p.topicsOf(edition.Tag, s.Tags...),
		Writers:  p.topicsOf(edition.Author, names(g.Authors)...),
		Feeds:    p.slideFeed(s.Title, key),
	}
	return view{
		Title:       s.Title,
		Description: s.Summary,
		Canonical:   home,
		Card: card{
			Type: "article", Cover: coverOf(s.Slides), Published: s.Published, Updated: s.Updated,
			Section: s.Section, Tags: s.Tags,
		},
		Data:    newImageGallery(s, p.site.GalleryURL(key), p.site.Title),
		Own:     &content.Feeds,
		Content: content,
	}
}

// slideFeed is the feed of the gallery with that title and key.
func (p *Pages) slideFeed(title, key string) siteFeed {
	ref := edition.Ref{Kind: edition.Gallery, Name: key}
	return siteFeed{Title: clip(title, maxHeadline), Addresses: p.editions.Addresses(ref)}
}
