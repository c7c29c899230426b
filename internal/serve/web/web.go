// Package web is HTTP for programs: feeds, health, metrics and profiles. Requests come in;
// the documents of [Editions] go out.
//
// A request for an unchanged feed is answered from memory: no lock, no rendering, no
// request to NATS. The answer is 304 only if the reader has these very bytes, and
// Last-Modified is sent only once no second change can have the same second. Slow and
// greedy clients are cut off. Rendering is left to package edition; the application adds
// the pages for people.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
	"github.com/prometheus/client_golang/prometheus"
)

// Editions is where the editions of an audience's feeds come from.
type Editions interface {
	// Edition returns the edition of ref as it is now. Its error is
	// edition.ErrUnknown, ErrGone or ErrUnavailable, or an *edition.Moved.
	Edition(ctx context.Context, ref edition.Ref) (*edition.Edition, error)
	// ETag returns the entity tag of an archive page, where that is known
	// without rendering the page.
	ETag(ref edition.Ref, f feed.Format) (etag string, ok bool)
	// Address returns the absolute address of a feed's document, or of one of a
	// page of its archive.
	Address(ref edition.Ref, f feed.Format) string
}

// PublicEditions are those of the public.
type PublicEditions interface {
	Editions
	// Listings returns the feeds that are listed in public.
	Listings() []edition.Listing
}

// Options make the handlers.
type Options struct {
	Editions PublicEditions
	Title    string               // of the site
	Pages    func(*http.ServeMux) // adds the pages for people; may be nil
	NotFound http.HandlerFunc     // answers what nothing else does; may be nil

	// GalleryPage answers GET and HEAD of the page of the gallery {key}; may be nil.
	GalleryPage http.HandlerFunc
	// ListPage answers GET and HEAD of the address of a feed without a format, with a
	// page of its galleries; may be nil.
	ListPage func(http.ResponseWriter, *http.Request, edition.Ref)
	// FeedPage answers a browser that opened the address of a feed with a page about
	// that feed, which no cache may keep. It reports whether it did; else the browser
	// gets what a program gets. It is not asked where the query is "raw", by which
	// people reach the feed itself. It may be nil.
	FeedPage func(http.ResponseWriter, *http.Request, edition.Ref) bool
	// Partner admits a request below /partners/ and returns what that partner may read.
	// Its error is partner.ErrUnknown, ErrUnauthorized or ErrNetwork, or a
	// *partner.TooMany. It is nil where no partners are configured.
	Partner func(partner.Request) (PartnerFeeds, error)

	Ready    func() []error       // why the node is not ready; none: it is
	Detail   func() []string      // what else an operator should know; may be nil
	Token    string               // what Admin asks for, as bearer token or as password; empty: nothing
	Private  func(*http.ServeMux) // adds to Admin what only those with the token may see; may be nil
	MaxAge   time.Duration        // how long a cache may keep a feed
	Now      func() time.Time     // nil: time.Now
	Metrics  *prometheus.Registry // served by Admin; requests are counted in it; nil: there are none
	Logger   *slog.Logger         // nil: discards
	Requests Requests             // what is logged of each; empty: nothing

	Subscribers *Subscribers // remembers how many people read through feed services; may be nil
}

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.GalleryPage == nil {
		o.GalleryPage = http.NotFound
	}
	if o.NotFound == nil {
		o.NotFound = http.NotFound
	}
	if o.Ready == nil {
		o.Ready = func() []error { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Public returns the handler for readers.
func Public(o Options) http.Handler {
	o.fill()
	mux := http.NewServeMux()
	registerFeeds(mux, o)
	mux.HandleFunc("GET /feeds.opml", opml(o))
	mux.HandleFunc("GET /asyncapi.json", contract("application/vnd.aai.asyncapi+json;version=3.0.0", event.AsyncAPI()))
	mux.HandleFunc("GET /openapi.json", contract("application/vnd.oai.openapi+json;version=3.1", event.OpenAPI()))
	mux.HandleFunc("GET /schemas/gallery.json", contract("application/schema+json", event.Schema()))
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz(o))
	if o.Pages != nil {
		o.Pages(mux)
	}
	mux.HandleFunc("GET /", o.NotFound)
	rt := &router{mux: mux, notFound: o.NotFound}
	if o.Partner != nil {
		rt.partners = newPartners(o)
	}
	return observe(rt, o)
}

// contract serves a document of the event contract, which changes with the
// program only.
func contract(mediaType string, body []byte) http.HandlerFunc {
	d := NewDocument(mediaType, body).Compress()
	return func(w http.ResponseWriter, r *http.Request) {
		allowOrigins(w)
		d.Serve(w, r, "public, max-age=3600")
	}
}

// router is a mux that answers 404 for a path with "..", which a mux would redirect, and
// refuses other methods with a text that no cache may keep. What is below /partners/ never
// comes to the mux, which would redirect some of it.
type router struct {
	mux      *http.ServeMux
	notFound http.HandlerFunc
	partners http.Handler // nil: there are none
}

// ServeHTTP passes the request on to the handler of its path.
func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rt.partners != nil && belowPartners(r.URL.Path) {
		rt.partners.ServeHTTP(w, r)
		return
	}
	for segment := range strings.SplitSeq(r.URL.Path, "/") {
		if segment == ".." {
			rt.notFound(w, r)
			return
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead { // every address has these
		if strings.Contains(r.URL.Path, "//") || strings.Contains(r.URL.Path+"/", "/./") {
			rt.notFound(w, r) // a mux would redirect, and what was sent would be lost
			return
		}
		if h, pattern := rt.mux.Handler(r); pattern == "" {
			refusal := headerOnly{header: http.Header{}}
			h.ServeHTTP(&refusal, r)
			if refusal.status == http.StatusMethodNotAllowed {
				allow := refusal.header.Get("Allow")
				w.Header().Set("Allow", allow)
				plain(w, refusal.status, "this address takes only "+allow)
				return
			}
		}
	}
	rt.mux.ServeHTTP(w, r)
}

// headerOnly records status and headers of an answer.
type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }
func (h *headerOnly) Write(b []byte) (int, error) { return len(b), nil }

// Starting returns the handler of a node that does not know its site yet.
func Starting(o Options) http.Handler {
	o.fill()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz(o))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if belowPartners(r.URL.Path) {
			private(w.Header())
		} else {
			allowOrigins(w)
		}
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "starting, try again in a second")
	})
	return observe(mux, o)
}

// Limits against slow and greedy clients. [Connections] bound the time for an answer, by
// what a client has read of it.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
)

// NewServer returns a server with limits for h, on listeners of [Connections]. Its
// errors go to log.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c)
		},
	}
}

// healthz shows that the process answers; readyz whether it can do its work.
func healthz(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "ok")
}

func readyz(o Options) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		status, text := http.StatusOK, "ready"
		if reasons := o.Ready(); len(reasons) > 0 {
			status, text = http.StatusServiceUnavailable, "not ready: "+errors.Join(reasons...).Error()
		}
		if o.Detail != nil {
			text = strings.Join(append([]string{text}, o.Detail()...), "\n")
		}
		plain(w, status, text)
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // a client that left needs no answer
}
