package page

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// renderTimeout bounds what a page is rendered for, once for all who wait for it.
const renderTimeout = 10 * time.Second

// cacheKey names what is shown of a gallery: its revision, and how many rights
// of its slides have run out.
type cacheKey struct {
	id    string
	hash  gallery.Hash
	phase int
}

func keyOf(e *index.Entry, phase int) cacheKey {
	return cacheKey{id: e.ID, hash: e.Rank.Hash, phase: phase}
}

// documentKey names what a page is a function of. The zero value is no page's.
type documentKey struct {
	gallery cacheKey // of its page, or of the page of its feed

	// Of the page of a feed: the feed, and the format whose address was opened.
	feed   edition.Ref
	opened string

	// Of pages that tell of many galleries: the generation of all, see
	// index.Selection.Fresh, and the state of the feed.
	generation uint64
	etag       string
	cut        bool

	message message // of pages that say why there is no other

	// Of a sitemap, beside the generation: which of them, and the index if it is 0.
	sitemap bool
	number  int

	// Of a part of a list: the feed above, if it is one's, and a hash of all that is shown.
	list [sha256.Size]byte
}

// document returns the page of that key, rendered and compressed once for all who
// ask where it is not there.
func (p *Pages) document(ctx context.Context, key documentKey, render func(context.Context) (*document, error)) (*document, error) {
	hit := true
	defer func() { p.lookups.Count(hit) }()
	return p.documents.Load(ctx, key, func(ctx context.Context) (*document, error) {
		hit = false
		ctx, cancel := context.WithTimeout(ctx, renderTimeout)
		defer cancel()
		d, err := render(ctx)
		if err == nil {
			d.Compress()
		}
		return d, err
	})
}

// perSlide is about what a slide of a gallery needs while it is rendered.
const perSlide = 4 << 10

// load reads a gallery and calls use with it, while there is room for that. It
// waits for storage, but not long.
func (p *Pages) load(ctx context.Context, e *index.Entry, use func(*gallery.Gallery) error) error {
	task, err := p.limiter.Acquire(ctx)
	if err != nil {
		return err
	}
	defer task.Release()
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	g, err := p.read(soon, e)
	if err != nil {
		return err
	}
	task.Grow(perSlide * (1 + len(g.Slides)))
	return use(g)
}
