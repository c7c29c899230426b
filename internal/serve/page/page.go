// Package page is HTTP for people: the front page, lists of galleries, a page for
// each gallery and for each feed, what is said where there is nothing to show, and
// what search engines ask for.
//
// A page is a function of what is stored and of what may be shown at the time:
// no page says when it was made, so every node gives the same bytes and the
// same entity tag. Whether a gallery may be shown is asked of the index for
// every request; only then is a page that was rendered before used again. An
// embargoed or withheld gallery can not be told from one that does not exist.
//
// What a gallery says is sanitised. The only script is a file of our own, which
// copies addresses and steps through a gallery by keys; pages are whole without
// it, and the policy sent with each would let no other run.
//
// Feeds for programs, logs and limits of requests are left to others.
package page

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/prometheus/client_golang/prometheus"
)

// Options make the pages.
type Options struct {
	Editions *edition.Set
	Index    *index.Index
	Load     func(context.Context, *index.Entry) (*gallery.Gallery, error) // of a gallery's revision: see [index.ErrSuperseded]
	Now      func() time.Time                                              // nil: time.Now
	MaxAge   time.Duration                                                 // how long a cache may keep a page
	Logger   *slog.Logger                                                  // nil: discards
	Budget   *cache.Budget                                                 // for all that is kept; nil: one of 16 MiB
	Limiter  *cache.Limiter                                                // for galleries that are read to be shown; nil: for a third of the budget

	Registerer prometheus.Registerer // nil: no metrics
}

// Pages answers requests for pages. It is safe for concurrent use.
type Pages struct {
	editions *edition.Set
	index    *index.Index
	read     func(context.Context, *index.Entry) (*gallery.Gallery, error)
	now      func() time.Time
	log      *slog.Logger

	caching   string // the Cache-Control of a page
	site      site
	templates templates
	limiter   *cache.Limiter
	documents *cache.Cache[documentKey, *document]
	lookups   cache.Lookups // of documents
	teasers   *cache.Cache[cacheKey, *teaser]

	everything *index.Selection // all galleries
	lately     atomic.Pointer[recent]
}

// New returns the pages of the site and the feeds that the editions has.
func New(o Options) *Pages {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Budget == nil {
		o.Budget = cache.NewBudget(16 << 20)
	}
	if o.Limiter == nil {
		o.Limiter = cache.NewLimiter(o.Budget.Most()/3, nil)
	}
	s := newSite(o.Editions)
	return &Pages{
		editions:  o.Editions,
		index:     o.Index,
		read:      o.Load,
		now:       o.Now,
		log:       o.Logger,
		caching:   cacheControl(o.MaxAge),
		site:      s,
		templates: parseTemplates(s),
		limiter:   o.Limiter,
		documents: cache.New[documentKey](o.Budget, cache.Options[*document]{Size: (*document).held}),
		lookups:   cache.NewLookups(o.Registerer, "pages"),
		teasers:   cache.New[cacheKey](o.Budget, cache.Options[*teaser]{Size: (*teaser).held}),

		everything: o.Index.Select(index.Match{}, index.ByPublished),
	}
}

// Register adds the pages to mux, but for those of galleries: their addresses
// begin like those of the galleries' feeds. They answer GET and HEAD.
func (p *Pages) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.front)
	mux.HandleFunc("GET "+allPath, p.all)
	RegisterFiles(mux, p.caching)
	file(mux, "/page.js", newFile("text/javascript; charset=utf-8", script), p.caching)
	file(mux, "/favicon.ico", newDocument("image/vnd.microsoft.icon", favicon()), p.caching)
	file(mux, "/robots.txt", newFile("text/plain; charset=utf-8", robots(p.site.BaseURL)), p.caching)
	mux.HandleFunc("GET "+sitemapPath, p.sitemap)
}

// IconPath is where the program's own icon is, a square of 144 pixels.
const IconPath = "/icon.png"

// RegisterFiles adds what every page needs, that of operators too: the stylesheet,
// followed by others, and the icon. A cache may keep them as caching says.
func RegisterFiles(mux *http.ServeMux, caching string, more ...[]byte) {
	css := bytes.Join(append([][]byte{stylesheet}, more...), []byte("\n"))
	file(mux, "/style.css", newFile("text/css; charset=utf-8", css), caching)
	file(mux, IconPath, newDocument("image/png", icon), caching)
}

// file adds a file that changes with the program only.
func file(mux *http.ServeMux, path string, d *document, caching string) {
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { serve(w, r, d, caching) })
}
