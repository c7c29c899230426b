package feed

import (
	"cmp"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Options say for whom a [Renderer] renders.
type Options struct {
	SiteID  string // the authority of ids: a domain that never changes
	BaseURL string // where galleries without an address have their page; no slash at the end
	MaxItem int    // bytes of an item in one format, at most; 0: 2 MiB

	// Of stubs, whose language may not be known.
	Language string            // the site's
	Titles   map[string]string // by language tag in lower case, before those built in
}

// Renderer renders galleries. It is safe for concurrent use.
type Renderer struct {
	opts     Options
	deflater *deflater
}

// NewRenderer returns a renderer for the site that opts describe.
func NewRenderer(opts Options) *Renderer {
	opts.MaxItem = cmp.Or(opts.MaxItem, 2<<20)
	return &Renderer{opts: opts, deflater: new(deflater)}
}

// Item renders g in every format, without the slides that may not be shown at
// the instant at. The instant only selects slides; it is not in the bytes. It
// does not ask whether g itself may be shown.
//
// An error means that g has a date that no feed can carry, or is too long.
func (r *Renderer) Item(g *gallery.Gallery, at time.Time, c Content) (*Item, error) {
	item, err := r.item(r.story(g, at, c))
	if err != nil {
		return nil, fmt.Errorf("render gallery %q: %w", g.ID, err)
	}
	return item, nil
}

func (r *Renderer) item(s *story) (*Item, error) {
	if err := s.checkDates(); err != nil {
		return nil, err
	}
	item := &Item{galleryID: s.galleryID, ids: [formats]string{RSS: s.id, Atom: s.atomID, JSON: s.id}, updated: s.updated}
	for _, f := range Formats() {
		body, err := s.render(f)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", f, err)
		}
		if len(body) > r.opts.MaxItem {
			return nil, fmt.Errorf("write %s: %d bytes, at most %d are allowed", f, len(body), r.opts.MaxItem)
		}
		item.pieces[f] = newPiece(body, r.deflater)
	}
	return item, nil
}

func (s *story) render(f Format) ([]byte, error) {
	switch f {
	case Atom:
		return s.atom()
	case JSON:
		return s.json()
	}
	return s.rss()
}
