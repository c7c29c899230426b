package feed

import (
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Options say for whom a [Renderer] renders.
type Options struct {
	SiteID  string // the authority of ids: a domain that never changes
	BaseURL string // where galleries without an address have their page; no slash at the end
}

// Renderer renders galleries. It is safe for concurrent use.
type Renderer struct {
	opts     Options
	policy   *gallery.Policy
	deflater *deflater
}

// NewRenderer returns a renderer for the site that opts describe.
func NewRenderer(opts Options) *Renderer {
	return &Renderer{opts: opts, policy: gallery.NewPolicy(), deflater: new(deflater)}
}

// Item renders g in every format, without the slides that may not be shown at
// the instant at. The instant only selects slides; it is not in the bytes. It
// does not ask whether g itself may be shown. An error means that g has a date
// that no feed can carry.
func (r *Renderer) Item(g *gallery.Gallery, at time.Time, c Content) (*Item, error) {
	s, err := r.story(g, at, c)
	if err != nil {
		return nil, fmt.Errorf("render gallery %q: %w", g.ID, err)
	}
	item := &Item{id: s.id, updated: s.updated}
	for _, f := range Formats() {
		body, err := s.render(f)
		if err != nil {
			return nil, fmt.Errorf("render %s of gallery %q: %w", f, g.ID, err)
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
