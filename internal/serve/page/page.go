// Package page is HTTP for people: the front page, lists of galleries, a page for each
// gallery and each feed, error pages, and the files that search engines ask for. Requests
// and the galleries of the index come in; HTML goes out.
//
// A page is a function of what is stored and of what may be shown at the time. It does
// not say when it was rendered, so every node gives the same bytes and the same entity
// tag. For every request the index decides whether a gallery may be shown; only then is a
// cached page used. An embargoed or withheld gallery cannot be told from one that does
// not exist.
//
// The texts of galleries are sanitised. The only script is a file of our own, which
// copies addresses and steps through a gallery by keys; pages work without it, and their
// policy lets no other run.
//
// Feeds for programs, the operators' page, logs and limits of requests are left to
// others.
package page

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
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
	// Load reads the gallery of an entry; the error may be [index.ErrSuperseded].
	Load        func(context.Context, *index.Entry) (*gallery.Gallery, error)
	Now         func() time.Time // nil: time.Now
	MaxAge      time.Duration    // how long a cache may keep a page
	Logger      *slog.Logger     // nil: discards
	Budget      *cache.Budget    // for all that is kept; nil: one of 16 MiB
	Limiter     *cache.Limiter   // for galleries that are read to be shown; nil: for a third of the budget
	ReadTimeout time.Duration    // how long a page waits for storage, and a third of how long it may take; 0: 3 s

	Registerer prometheus.Registerer // nil: no metrics
}

// Pages answers requests for pages. It is safe for concurrent use.
type Pages struct {
	editions *edition.Set
	index    *index.Index
	read     func(context.Context, *index.Entry) (*gallery.Gallery, error)
	now      func() time.Time
	log      *slog.Logger

	caching     string // the Cache-Control of a page
	site        site
	templates   templates
	limiter     *cache.Limiter
	documents   *cache.Cache[documentKey, *document]
	lookups     cache.Lookups // of documents
	cards       *cache.Cache[cacheKey, *card]
	readTimeout time.Duration
	most        int // galleries that a page names

	everything *index.Selection // all galleries
	overview   atomic.Pointer[overview]
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
		editions: o.Editions,
		index:    o.Index,
		read:     o.Load,
		now:      o.Now,
		log:      o.Logger,
		// A cache may keep a page for so long and no longer, because its gallery may be
		// taken down.
		caching:     fmt.Sprintf("public, max-age=%d, must-revalidate", int(o.MaxAge.Seconds())),
		site:        s,
		templates:   parseTemplates(s),
		limiter:     o.Limiter,
		documents:   cache.New[documentKey](o.Budget, cache.Options[*document]{Size: (*document).held}),
		lookups:     cache.NewLookups(o.Registerer, "pages"),
		cards:       cache.New[cacheKey](o.Budget, cache.Options[*card]{Size: (*card).held}),
		readTimeout: cmp.Or(o.ReadTimeout, 3*time.Second),
		most:        maxCards,

		everything: o.Index.Select(index.Match{}, index.ByPublished),
	}
}

// Register adds the pages to mux, but for those of galleries, lists and feeds, whose
// addresses begin like those of feeds. They answer GET and HEAD.
func (p *Pages) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.front)
	mux.HandleFunc("GET "+allPath, func(w http.ResponseWriter, r *http.Request) {
		p.list(w, r, list{title: "All galleries", at: p.site.BaseURL + allPath, all: p.everything})
	})
	RegisterFiles(mux, p.caching)
	file(mux, "/page.js", newFile("text/javascript; charset=utf-8", script), p.caching)
	file(mux, "/favicon.ico", newDocument("image/vnd.microsoft.icon", favicon()), p.caching)
	robots := "User-agent: *\nDisallow:\n\nSitemap: " + p.site.BaseURL + sitemapPath + "\n" // RFC 9309
	file(mux, "/robots.txt", newFile("text/plain; charset=utf-8", []byte(robots)), p.caching)
	mux.HandleFunc("GET "+sitemapPath, p.sitemap)
}

// IconPath is where the program's own icon is, a square of 144 pixels.
const IconPath = "/icon.png"

// ready reports whether the index is whole, and answers 503 where it is not.
func (p *Pages) ready(w http.ResponseWriter, r *http.Request) bool {
	err := p.index.Ready()
	if err != nil {
		p.unavailable(w, r, fmt.Errorf("list galleries: %w", err))
	}
	return err == nil
}

// RegisterFiles adds what every page needs, that of operators too: the stylesheet,
// followed by others, and the icon. caching is their Cache-Control.
func RegisterFiles(mux *http.ServeMux, caching string, more ...[]byte) {
	css := bytes.Join(append([][]byte{stylesheet}, more...), []byte("\n"))
	file(mux, "/style.css", newFile("text/css; charset=utf-8", css), caching)
	file(mux, IconPath, newDocument("image/png", icon), caching)
}

// file adds a file that changes with the program only.
func file(mux *http.ServeMux, path string, d *document, caching string) {
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { serve(w, r, d, caching) })
}
