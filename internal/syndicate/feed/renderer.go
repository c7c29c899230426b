package feed

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Options make a [Renderer].
type Options struct {
	SiteID  string // the authority of ids: a domain that never changes
	BaseURL string // where galleries without an address have their page; no slash at the end
	MaxItem int    // bytes of an item in one format, at most; 0: 2 MiB

	Audience *gallery.Audience // the public; nil: without rules

	// Of stubs, whose language may not be known.
	Language string            // the site's
	Titles   map[string]string // by language tag in lower case, before those built in
}

// Renderer renders galleries. It is safe for concurrent use.
type Renderer struct {
	opts     Options
	partner  *Partner // nil: it renders for the public
	deflater *deflater
}

// Partner is a partner for whom galleries are rendered.
type Partner struct {
	Audience  *gallery.Audience
	BaseURL   string // below it are all addresses that only the partner may open; no slash at the end
	LinkQuery string // added to links for people: a query without "?"; may be empty
}

// NewRenderer returns a renderer for the site that opts describe.
func NewRenderer(opts Options) *Renderer {
	opts.MaxItem = cmp.Or(opts.MaxItem, 2<<20)
	opts.Audience = cmp.Or(opts.Audience, new(gallery.Audience))
	return &Renderer{opts: opts, deflater: new(deflater)}
}

// For returns a renderer for a partner, beside r, which renders for the public. The two
// share all identifiers.
func (r *Renderer) For(p Partner) *Renderer {
	return &Renderer{opts: r.opts, partner: &p, deflater: r.deflater}
}

func (r *Renderer) audience() *gallery.Audience {
	if r.partner != nil {
		return r.partner.Audience
	}
	return r.opts.Audience
}

// View returns what the audience sees of g at that instant.
func (r *Renderer) View(g *gallery.Gallery, at time.Time) gallery.View {
	return g.View(r.audience(), at)
}

// Item renders g in every format, with the slides that the audience sees at the
// instant at. The instant only selects slides; it is not in the bytes. It does not ask
// whether the audience sees g itself.
//
// An error means that g has a date that no feed can carry, or is too long.
func (r *Renderer) Item(g *gallery.Gallery, at time.Time, c Content) (*Item, error) {
	v := r.view(g, at)
	if c == Full {
		v.content = v.html()
	} else if cover := v.cover(false); cover != nil {
		v.pictures = []picture{*cover}
	} else {
		v.pictures = nil
	}
	item, err := r.render(v)
	if err != nil {
		return nil, fmt.Errorf("render gallery %q: %w", g.ID, err)
	}
	return item, nil
}

func (r *Renderer) render(v *itemView) (*Item, error) {
	for _, t := range []time.Time{v.Published, v.Updated} {
		if t.Year() < 1 || t.Year() > 9999 {
			return nil, errors.New("a date is outside the years 1 to 9999") // not every format can write it
		}
	}
	item := &Item{galleryID: v.galleryID, id: v.id, atomID: v.atomID, updated: v.Updated}
	for _, f := range Formats() {
		body, err := f.writer().item(v)
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
