package web

import (
	"cmp"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// observer counts, times and logs requests, gives each an id, and answers 500
// where a handler panics.
type observer struct {
	next    http.Handler
	log     *slog.Logger
	lines   Requests
	metrics *metrics // nil: none
}

// Requests is what is logged of each request: nothing, a line with the reader's network
// of 256 addresses (IPv6: a /48) and no user agent, or a line with address and agent.
type Requests string

// What may be logged.
const (
	RequestsOff       Requests = "off"
	RequestsAnonymous Requests = "anonymous"
	RequestsFull      Requests = "full"
)

// metrics count and time requests.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	known    sync.Map // series by answer, because a lookup by labels takes longer
}

// answer is the labels of a request, series its metrics.
type (
	answer struct {
		route, partner string
		status         int
	}
	series struct {
		requests prometheus.Counter
		seconds  prometheus.Observer
	}
)

// observe returns next observed. Its metrics may be registered before: a node that
// starts serves another handler first, and both count together.
func observe(next http.Handler, o Options) http.Handler {
	ob := &observer{next: next, log: o.Logger, lines: o.Requests}
	if o.Metrics == nil {
		return ob
	}
	ob.metrics = &metrics{
		requests: registered(o.Metrics, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gallerywire_http_requests_total",
			Help: "Requests answered, by route, partner and status.",
		}, []string{"route", "partner", "status"})),
		seconds: registered(o.Metrics, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gallerywire_http_request_seconds",
			Help:    "Time to answer a request, by route.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, []string{"route"})),
	}
	return ob
}

// count counts a request. Routes are patterns, and partners are configured, so there are few.
func (m *metrics) count(r *http.Request, status int, duration time.Duration) {
	a := answer{cmp.Or(r.Pattern, "none"), r.PathValue(partnerValue), status}
	known, ok := m.known.Load(a)
	if !ok {
		known, _ = m.known.LoadOrStore(a, series{m.requests.WithLabelValues(a.route, a.partner, strconv.Itoa(a.status)), m.seconds.WithLabelValues(a.route)})
	}
	s := known.(series)
	s.requests.Inc()
	s.seconds.Observe(duration.Seconds())
}

// registered registers c, or returns the collector that was registered as such
// before.
func registered[C prometheus.Collector](r prometheus.Registerer, c C) C {
	err := r.Register(c)
	if before, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		return before.ExistingCollector.(C)
	}
	if err != nil {
		panic(err) // two metrics of one name are a mistake in the program
	}
	return c
}

// ServeHTTP passes the request on, then counts and logs it. After a panic it answers 500; if
// the client has a part of the answer already, it cuts the connection instead.
func (ob *observer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	id := r.Header.Get("X-Request-Id")
	if !validRequestID(id) {
		id = rand.Text()
	}
	w.Header()["X-Request-Id"] = []string{id}
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	defer func() {
		cause := recover()
		abort := cause == http.ErrAbortHandler
		if cause != nil && !abort {
			ob.log.Error("a request made the server panic: please report this",
				"method", r.Method, "url", loggedURL(r), "request", id, "err", cause, "stack", string(debug.Stack()))
			if abort = rec.wrote; !abort {
				clear(rec.Header()) // what described the answer that failed
				if belowPartners(r.URL.Path) {
					private(rec.Header())
				}
				rec.Header()["X-Request-Id"] = []string{id}
				plain(rec, http.StatusInternalServerError, "something went wrong, request "+id)
			}
		}
		duration := time.Since(began)
		if ob.metrics != nil {
			ob.metrics.count(r, rec.status, duration)
		}
		if ob.lines == RequestsAnonymous || ob.lines == RequestsFull {
			ob.logRequest(rec, r, id, duration)
		}
		if abort {
			panic(http.ErrAbortHandler)
		}
	}()
	ob.next.ServeHTTP(rec, r)
}

// validRequestID reports whether s, which a proxy sent, may be the id of a request.
func validRequestID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 64
}

func (ob *observer) logRequest(rec *recorder, r *http.Request, id string, duration time.Duration) {
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("url", loggedURL(r)), slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes), slog.Duration("took", duration), slog.String("request", id),
	}
	if ob.lines == RequestsFull {
		attrs = append(attrs, slog.String("remote", r.RemoteAddr), slog.String("agent", r.UserAgent()))
	} else {
		attrs = append(attrs, slog.String("remote", networkOf(r.RemoteAddr)))
	}
	ob.log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}

// networkOf is the network of a client's address and port, too large to identify a reader:
// /24, or /48 of IPv6; empty if remote is no address and port.
func networkOf(remote string) string {
	client, err := netip.ParseAddrPort(remote)
	if err != nil {
		return ""
	}
	address, bits := client.Addr().Unmap(), 24
	if address.Is6() {
		bits = 48
	}
	network, err := address.Prefix(bits)
	if err != nil {
		return ""
	}
	return network.String()
}

// recorder records status and size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	wrote  bool
}

// WriteHeader records the status.
func (rec *recorder) WriteHeader(status int) {
	if !rec.wrote {
		rec.status, rec.wrote = status, true
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (rec *recorder) Write(b []byte) (int, error) {
	rec.wrote = true
	n, err := rec.ResponseWriter.Write(b)
	rec.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }
