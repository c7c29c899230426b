// Package web is HTTP for programs: feeds, health, metrics and profiles.
//
// A request for a feed that has not changed is answered from memory: no lock,
// no rendering, no way to NATS. Conditional requests are honest: 304 is said
// only of the very bytes that the reader has, and Last-Modified only once no
// second change can share its second. What makes an edition current is left to
// the edition; pages for people are mounted beside this by the application.
package web

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Editions is where the editions of feeds come from.
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
	// Listings returns the feeds that anybody may be told of.
	Listings() []edition.Listing
}

// Options make the handlers.
type Options struct {
	Editions Editions
	Title    string               // of the site
	Pages    func(*http.ServeMux) // adds the pages for people; may be nil
	Gallery  http.HandlerFunc     // the page of the gallery {key}; may be nil
	Person   Person               // answers people who open the address of a feed; may be nil
	List     List                 // the page of a feed's galleries; may be nil
	NotFound http.HandlerFunc     // answers what nothing else does; may be nil
	Ready    func() []error       // why the node is not ready; nothing when it is
	Detail   func() []string      // what else an operator should know; may be nil
	Token    string               // what Admin asks for, as bearer token or as password; empty: nothing
	Private  func(*http.ServeMux) // adds to Admin what only who has the token may see; may be nil
	MaxAge   time.Duration        // how long a cache may keep a feed
	Now      func() time.Time     // nil: time.Now
	Metrics  *prometheus.Registry // served by Admin; requests are counted in it; nil: there are none
	Logger   *slog.Logger         // nil: discards
	Requests Requests             // what is logged of each; empty: nothing

	Subscribers *Subscribers // learns how many people read through feed services; may be nil
}

// Person answers somebody who opened the address of a feed in a browser with a
// page about that feed, which no cache may keep. It reports whether it did; else
// the answer is what a program gets. It is not asked where the query is "raw",
// by which people reach the feed itself.
type Person func(http.ResponseWriter, *http.Request, edition.Ref) bool

// List answers GET and HEAD of the address of a feed without a format: a page of
// its galleries.
type List func(http.ResponseWriter, *http.Request, edition.Ref)

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Gallery == nil {
		o.Gallery = http.NotFound
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

// Public returns the handler of what the world may see.
func Public(o Options) http.Handler {
	o.fill()
	mux := http.NewServeMux()
	newFeeds(o).register(mux, o.Gallery)
	mux.HandleFunc("GET /feeds.opml", opml(o))
	mux.HandleFunc("GET /asyncapi.json", contract("application/vnd.aai.asyncapi+json;version=3.0.0", event.AsyncAPI()))
	mux.HandleFunc("GET /schemas/gallery.json", contract("application/schema+json", event.Schema()))
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz(o))
	if o.Pages != nil {
		o.Pages(mux)
	}
	mux.HandleFunc("GET /", o.NotFound)
	return observe(upright(refusing(mux), o.NotFound), o)
}

// refusing says itself, and that nobody may keep it, what the mux says where an
// address has no such method.
func refusing(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			mux.ServeHTTP(w, r) // every address has these
			return
		}
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := unheard{header: http.Header{}}
		h.ServeHTTP(&said, r)
		if said.status != http.StatusMethodNotAllowed {
			mux.ServeHTTP(w, r)
			return
		}
		allow := said.header.Get("Allow")
		w.Header().Set("Allow", allow)
		plain(w, said.status, "this address takes only "+allow)
	})
}

// unheard is where an answer goes of which only status and headers matter.
type unheard struct {
	header http.Header
	status int
}

func (u *unheard) Header() http.Header         { return u.header }
func (u *unheard) WriteHeader(status int)      { u.status = status }
func (u *unheard) Write(b []byte) (int, error) { return len(b), nil }

// upright finds nothing at paths that climb, instead of saying where else they
// lead.
func upright(next http.Handler, notFound http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for segment := range strings.SplitSeq(r.URL.Path, "/") {
			if segment == ".." {
				notFound(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Admin returns the handler of what operators see, on a listener of its own.
// Whatever it has but for the health of the node is behind the token: who lacks
// that is not even told which paths there are. Without a token, what comes in
// over the loopback interface is to name no host but an address or localhost.
func Admin(o Options) http.Handler {
	o.fill()
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	private := http.NewServeMux()
	private.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{}))
	profiles(private)
	if o.Private != nil {
		o.Private(private)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz(o))
	mux.Handle("/", guarded(o.Token, private))
	return mux
}

// profiles adds what shows where a node spends its time and memory.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol) // as "go tool pprof" asks
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// guarded asks for the token, which scrapers send as a bearer token (RFC 6750)
// and browsers as the password of any user (RFC 7617).
func guarded(token string, next http.Handler) http.Handler {
	if token == "" {
		return addressed(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			_, given, _ = r.BasicAuth()
		}
		if subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="gallerywire", charset="UTF-8"`)
		plain(w, http.StatusUnauthorized, "the token is missing or wrong")
	})
}

// Starting returns the handler of a node that does not know its site yet.
func Starting(o Options) http.Handler {
	o.fill()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz(o))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		open(w)
		w.Header().Set("Retry-After", "1")
		plain(w, http.StatusServiceUnavailable, "starting, try again in a second")
	})
	return observe(mux, o)
}

// Limits against slow and greedy clients. How long they may take for an answer
// follows what they take of it: see [Connections].
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
	}
}

// healthz says that the process answers. Whether it can do its work is readyz's.
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
