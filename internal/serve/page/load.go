package page

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

const (
	// maxTries is how many revisions a request tries while each has just been replaced.
	maxTries = 4
	// perSlide is about what a slide of a gallery needs while it is rendered.
	perSlide = 4 << 10
)

// cacheKey names what is shown of a gallery, and where: its revision, and how many rights
// of its slides have begun or ended.
type cacheKey struct {
	home  string
	id    string
	hash  gallery.Hash
	phase int
}

func (p *Pages) keyOf(e *index.Entry, phase int) cacheKey {
	return cacheKey{home: p.site.Home, id: e.ID, hash: e.Rank.Hash, phase: phase}
}

// documentKey identifies what a page is a function of.
type documentKey struct {
	gallery cacheKey // of its page, or of the page of its feed

	// Of the page of a feed: the feed, and the format whose address was opened.
	feed   edition.Ref
	opened string

	// Of pages with many galleries: the generation of all, see
	// index.Selection.Fresh, and the state of the feed.
	generation uint64
	etag       string
	fallback   bool

	message message // of error pages

	// Of a sitemap, with the generation: its number, 0 for the index of sitemaps.
	sitemap bool
	number  int

	// Of a part of a list: the feed above, if it is one's, and a hash of all that is shown.
	list [sha256.Size]byte
}

// document returns the page of that key, rendered and compressed once for all requests
// that come while it is not cached.
func (p *Pages) document(ctx context.Context, key documentKey, render func(context.Context) (*document, error)) (*document, error) {
	hit := true
	defer func() { p.lookups.Count(hit) }()
	return p.documents.Load(ctx, key, func(ctx context.Context) (*document, error) {
		hit = false
		ctx, cancel := context.WithTimeout(ctx, 3*p.readTimeout)
		defer cancel()
		d, err := render(ctx)
		if err == nil {
			d.Compress()
		}
		return d, err
	})
}

// galleryDocument returns the page that render makes of the gallery with that key,
// as it may be shown now. The error is edition.ErrUnknown, edition.ErrGone, or the reason
// why the page is not available.
func (p *Pages) galleryDocument(ctx context.Context, name string, key documentKey, render func(*gallery.Gallery, time.Time) (*document, error)) (*document, error) {
	return find(ctx, p, name, func(ctx context.Context, e *index.Entry, now time.Time) (*document, error) {
		key.gallery = p.keyOf(e, e.Phase(now))
		return p.document(ctx, key, func(ctx context.Context) (*document, error) {
			return load(ctx, p, e, func(g *gallery.Gallery) (*document, error) { return render(g, now) })
		})
	})
}

// find returns what use makes of the gallery with that key, as the readers of p see it, and
// of the time at which they may. If use finds the revision superseded, it tries the next
// one. The error is edition.ErrUnknown, edition.ErrGone, or use's own.
func find[T any](ctx context.Context, p *Pages, key string, use func(context.Context, *index.Entry, time.Time) (T, error)) (found T, err error) {
	for range maxTries {
		now := p.now()
		if err := p.index.Ready(); err != nil {
			return found, fmt.Errorf("look the gallery up: %w", err)
		}
		e, err := p.editions.Shown(key)
		if err != nil {
			return found, err
		}
		if found, err = use(ctx, e, now); !errors.Is(err, index.ErrSuperseded) {
			return found, err
		}
	}
	return found, err
}

// load reads a gallery and returns what use makes of it, once the limiter admits it.
// It waits for storage, but not long.
func load[T any](ctx context.Context, p *Pages, e *index.Entry, use func(*gallery.Gallery) (T, error)) (made T, err error) {
	task, err := p.limiter.Acquire(ctx)
	if err != nil {
		return made, err
	}
	defer task.Release()
	soon, cancel := context.WithTimeout(ctx, p.readTimeout)
	defer cancel()
	g, err := p.read(soon, e)
	if err != nil {
		return made, err
	}
	task.Grow(perSlide * (1 + len(g.Slides)))
	return use(g)
}
