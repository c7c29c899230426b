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

// Requests is what the log has of each request.
type Requests string

// What the log may have: nothing, a line that names the reader's network of 256
// addresses (IPv6: a site's /48) and no user agent, or one that names both.
const (
	RequestsOff       Requests = "off"
	RequestsAnonymous Requests = "anonymous"
	RequestsFull      Requests = "full"
)

// metrics count and time requests.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	known    sync.Map // of series by answer: to look labels up takes longer
}

// answer is what requests are counted by, series where.
type (
	answer struct {
		route  string
		status int
	}
	series struct {
		requests prometheus.Counter
		seconds  prometheus.Observer
	}
)

func observe(next http.Handler, o Options) http.Handler {
	ob := &observer{next: next, log: o.Logger, lines: o.Requests}
	if o.Metrics != nil {
		ob.metrics = newMetrics(o.Metrics)
	}
	return ob
}

// newMetrics returns r's metrics: a node that starts serves another handler
// first, and both count together.
func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{
		requests: registered(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gallerywire_http_requests_total",
			Help: "Requests answered, by route and status.",
		}, []string{"route", "status"})),
		seconds: registered(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "gallerywire_http_request_seconds",
			Help:    "Time to answer a request, by route.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, []string{"route"})),
	}
}

// count notes a request. Routes are patterns, so there are few.
func (m *metrics) count(route string, status int, took time.Duration) {
	if m == nil {
		return
	}
	s := m.series(answer{cmp.Or(route, "none"), status})
	s.requests.Inc()
	s.seconds.Observe(took.Seconds())
}

func (m *metrics) series(a answer) series {
	if s, ok := m.known.Load(a); ok {
		return s.(series)
	}
	s := series{m.requests.WithLabelValues(a.route, strconv.Itoa(a.status)), m.seconds.WithLabelValues(a.route)}
	m.known.Store(a, s)
	return s
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

// ServeHTTP passes the request on and notes what became of it.
func (ob *observer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	id := r.Header.Get("X-Request-Id")
	if !saneID(id) {
		id = rand.Text()
	}
	w.Header()["X-Request-Id"] = []string{id}
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	defer func() {
		abort := ob.recovered(rec, r, id, recover())
		ob.note(rec, r, id, time.Since(began))
		if abort {
			panic(http.ErrAbortHandler)
		}
	}()
	ob.next.ServeHTTP(rec, r)
}

// recovered answers 500 after a panic. It reports whether the connection must
// be cut instead: a client that has a part would take it for the whole.
func (ob *observer) recovered(rec *recorder, r *http.Request, id string, cause any) (abort bool) {
	if cause == nil || cause == http.ErrAbortHandler {
		return cause != nil
	}
	ob.log.Error("a request made the server panic: please report this",
		"method", r.Method, "url", r.RequestURI, "request", id, "err", cause, "stack", string(debug.Stack()))
	if rec.wrote {
		return true
	}
	h := rec.Header()
	clear(h) // what described the answer that failed
	h["X-Request-Id"] = []string{id}
	plain(rec, http.StatusInternalServerError, "something went wrong, request "+id)
	return false
}

// saneID reports whether we take s over from a proxy as the id of a request.
func saneID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 64
}

func (ob *observer) note(rec *recorder, r *http.Request, id string, took time.Duration) {
	ob.metrics.count(r.Pattern, rec.status, took)
	if ob.lines != RequestsAnonymous && ob.lines != RequestsFull {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("url", r.RequestURI), slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes), slog.Duration("took", took), slog.String("request", id),
	}
	if ob.lines == RequestsFull {
		attrs = append(attrs, slog.String("remote", r.RemoteAddr), slog.String("agent", r.UserAgent()))
	} else {
		attrs = append(attrs, slog.String("remote", networkOf(r.RemoteAddr)))
	}
	ob.log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}

// networkOf is the network of a client's address and port that no single reader
// can be told from: /24, or /48 of IPv6; empty where it is no such address.
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

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	wrote  bool
}

// WriteHeader notes the status.
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
