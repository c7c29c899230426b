package page

import (
	"context"
	"net/http"
	"time"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Gallery answers GET and HEAD of the page of the gallery {key}.
func (p *Pages) Gallery(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	var d *document
	err := p.find(ctx, r.PathValue("key"), func(e *catalogue.Entry, now time.Time) (err error) {
		d, err = p.galleryPage(ctx, e, now)
		return err
	})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	serve(w, r, d, p.caching)
}

// galleryPage returns the page of a gallery that may be shown at now.
func (p *Pages) galleryPage(ctx context.Context, e *catalogue.Entry, now time.Time) (*document, error) {
	key := keyOf(e, e.Phase(now))
	if d, ok := p.galleries.get(key); ok {
		return d, nil
	}
	g, err := p.catalogue.Load(ctx, e)
	if err != nil {
		return nil, err
	}
	s := newStory(g, p.policy, now)
	d, err := p.render(p.templates.gallery, view{
		Title:       s.Title,
		Description: s.Summary,
		Canonical:   s.canonical(p.site.GalleryURL(gallery.Key(g.ID))),
		Content:     s,
	})
	if err != nil {
		return nil, err
	}
	p.galleries.add(key, d)
	return d, nil
}
