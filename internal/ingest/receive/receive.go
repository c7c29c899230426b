// Package receive takes events over HTTP, for CMSs that speak no NATS: requests come in,
// events of the stream go out, and nothing behind the stream knows the difference.
//
// An event is accepted once JetStream has acknowledged it. Before that it is decoded as
// intake will decode it, so that what would be rejected later is refused at once, with the
// same problems. Whatever may pass is 503 with Retry-After: senders drop what got another
// error. Storing and ordering are left to package intake; [Keys] decides which senders are
// admitted.
package receive

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"golang.org/x/time/rate"
)

// The addresses of a receiver. A bare gallery sent to Path is a publication; at the others
// the address decides.
const (
	Path            = "/events"
	PublishedPath   = Path + "/" + string(event.Published)
	UnpublishedPath = Path + "/" + string(event.Unpublished)
)

// Paths are all of them.
var Paths = []string{Path, PublishedPath, UnpublishedPath}

// AckTimeout is how long the stream may take to acknowledge so many events of a request: a
// hard disk syncs about a hundred a second.
func AckTimeout(events int) time.Duration {
	return 5*time.Second + time.Duration(events)*20*time.Millisecond
}

// Publisher publishes on the event stream. A [jetstream.JetStream] is one, if its
// acknowledgements have a timeout; that of MaxBatch is a good one.
type Publisher interface {
	PublishMsgAsync(*nats.Msg, ...jetstream.PublishOpt) (jetstream.PubAckFuture, error)
}

// Options make a receiver.
type Options struct {
	Keys    *Keys                          // of the senders that are admitted; nil: none, and every request is answered 404
	Reader  event.Reader                   // reads events as intake does, without the prefix of a sender
	Subject func(event.Kind) string        // where events of a kind are published
	Stream  Publisher                      // waits for no connection: see Away
	Away    func() error                   // why the stream cannot be reached; nil: it can
	Client  func(*http.Request) netip.Addr // its address
	Network func(netip.Addr) string        // of a client; empty: a proxy's, which is not counted

	ExpectBody func(*http.Request) // called before the body of a sender that has proved itself waits for the quota; may be nil

	RequestsPerMinute int // of one sender, as the answer to OPTIONS says
	Registerer        prometheus.Registerer
	Logger            *slog.Logger
}

// Receiver is the handler of [Path], [PublishedPath] and [UnpublishedPath].
type Receiver struct {
	opts             Options
	proven, unproven *quota
	decoding         chan struct{} // bounds how many events are decoded at a time
	decoded          *lru.Cache[identity, decoded]
	decodedBytes     atomic.Int64
	events           *prometheus.CounterVec
	logged           struct{ refused, failed rate.Sometimes }
}

// New returns a receiver.
func New(o Options) *Receiver {
	rc := &Receiver{
		opts: o, proven: newQuota(o.Reader.MaxBytes), unproven: newQuota(o.Reader.MaxBytes),
		decoding: make(chan struct{}, runtime.GOMAXPROCS(0)),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gallerywire_intake_received_total",
			Help: "Events over HTTP, by key and status: 202 stored, 400 and others refused, 503 not stored.",
		}, []string{"key", "status"}),
	}
	rc.decoded, _ = lru.NewWithEvict(maxDecoded, func(_ identity, d decoded) { rc.decodedBytes.Add(-d.bytes) }) // fails only for a size below 1
	rc.logged.refused.Interval, rc.logged.failed.Interval = time.Second, time.Second
	if o.Registerer != nil {
		o.Registerer.MustRegister(rc.events)
	}
	return rc
}

// ServeHTTP answers 202 once all events of the request are stored, else a problem
// (RFC 9457), and OPTIONS as senders of CloudEvents expect it.
func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	const allowed = "OPTIONS, POST"
	switch {
	case rc.opts.Keys == nil:
		refuse(http.StatusNotFound, "no events are taken over HTTP here: intake.keys names no key").write(w)
	case !slices.Contains(Paths, r.URL.Path):
		refuse(http.StatusNotFound, "events are sent to %s", strings.Join(Paths, " or ")).write(w)
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", allowed)
		rc.permit(w, r.Header)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", allowed)
		refuse(http.StatusMethodNotAllowed, "events are sent with POST").write(w)
	default:
		a := rc.receive(w, r)
		if p, refused := a.(*problem); refused && p.Status == http.StatusTooManyRequests && r.Header.Get(superdeskHeader) != "" {
			p.Status, p.Title = http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable) // it drops what got a 4xx
		}
		a.write(w)
	}
}

// permit answers a sender that asks whether it may send (CloudEvents, HTTP webhooks §4.2).
// It may: each request proves itself, and the callback address that it may name is never
// called.
func (rc *Receiver) permit(w http.ResponseWriter, asked http.Header) {
	if origin := asked.Get("WebHook-Request-Origin"); origin != "" {
		w.Header().Set("WebHook-Allowed-Origin", origin)
		if asked.Get("WebHook-Request-Rate") != "" {
			w.Header().Set("WebHook-Allowed-Rate", strconv.Itoa(rc.opts.RequestsPerMinute))
		}
	}
	w.WriteHeader(http.StatusOK)
}

// receive takes the events of a request in.
func (rc *Receiver) receive(w http.ResponseWriter, r *http.Request) answer {
	if err := repeated(r.Header); err != nil {
		return refusalOf(err)
	}
	client := rc.opts.Client(r)
	b := &body{w: w, r: r, limit: rc.limit(r), quota: rc.unproven, sender: rc.opts.Network(client), pace: unprovenPace}
	defer b.release()
	sender, err := rc.opts.Keys.Admit(r, client, b.raw)
	if err != nil {
		return refusalOf(err)
	}
	b.quota, b.sender, b.pace, b.expect = rc.proven, cmp.Or(sender.Name, loopbackLabel), provenPace, rc.opts.ExpectBody // unless it was read already
	form, err := formOf(r)
	if err != nil {
		return refusalOf(err)
	}
	data, err := b.content()
	if err != nil {
		return refusalOf(err)
	}
	messages, err := form.messages(r, data)
	if err == nil {
		err = rc.opts.Keys.Take(sender, len(messages))
	}
	if err != nil {
		return refusalOf(err)
	}
	d := delivery{sender: sender, form: form, id: r.Header.Get(standardwebhooks.HeaderWebhookID)}
	if sender.Kind == StandardWebhooks {
		d.signed = signedAt(r.Header).Add(time.Second - 1)
	}
	lines := rc.publish(r.Context(), d, messages)
	if form.batch {
		return answerAll(lines)
	}
	return lines[0]
}
