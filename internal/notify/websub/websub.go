// Package websub is a hub of WebSub (the W3C's Recommendation) for the feeds of this
// site and no others.
//
// Requests of subscribers and publishers come in by HTTP ([Hub.ServeHTTP]), and announcements
// of feeds ([Hub.Notices]). Verifications go out to callbacks, and, when a feed changes, the
// whole document to each of its subscribers, as a channel of the outbox ([Hub.Deliveries]).
//
// A request to subscribe or unsubscribe is stored and answered with 202; then the callback
// is asked to confirm it, also after a crash. A confirmed subscription is a record in the
// bucket, which every node keeps in memory: any node takes any request, and any node
// delivers. A confirmation that fails changes nothing. Leases end by the clock, also
// before their records are deleted. Secrets, and the queries of callbacks, are in no log,
// error or metric.
//
// The address of a topic may have a key in it, which opens the feed to whoever knows it. When
// the key ends, so do the subscriptions by it. Keys are in no name, log, error or metric,
// but in the records of subscriptions: each delivery names the topic as its subscriber wrote
// it, and a node may know no more of a key than its hash. So the bucket, which has the
// secrets of subscribers as well, is as secret as the configuration.
//
// Requests are limited by one token bucket for each client's network, one for all clients,
// and a number of verifications that may wait.
//
// Left to others: to the outbox that notices wait, are retried and reach one callback at
// a time; to the outbound client which addresses may be called; to [Topics] which feeds
// there are and what they hold.
package websub

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/prometheus/client_golang/prometheus"
)

// Topic is a document that may be subscribed to.
type Topic struct {
	Feed     string `json:"feed"`         // its name, such as "all" or "sections/travel"
	Document string `json:"document"`     // the format of the feed's document
	Key      string `json:"key,omitzero"` // which the address has, and without which the document may not be read; empty: everybody may read it
}

// Topics is what may be subscribed to.
type Topics interface {
	// Resolve returns the canonical topic of an address that a client names. The text of
	// an error goes to the client; one that wraps [ErrUnavailable] is this node's own.
	Resolve(address string, client netip.Addr) (Topic, error)
	// Holds reports whether the key still opens the feed. It is asked before each delivery.
	Holds(feed, key string) bool
	// Content returns what the topic's document is now, at least as new as order; it
	// may wait.
	Content(ctx context.Context, t Topic, order outbox.Order) (Content, error)
	// Former returns the names that a feed had before: subscriptions to them are to it.
	Former(feed string) []string
	// Gone reports whether a feed no longer exists by this node's configuration.
	Gone(feed string) bool
}

// Content is a document as its readers get it.
type Content struct {
	Body        []byte
	ContentType string
	Version     string // another one whenever the body is, as in an ETag
	State       string // another one whenever the feed or its archive has changed, also where the body is the same
}

// Client calls subscribers. An [outbound.Client] is one.
type Client interface {
	// Check returns the parsed address, or in words why it is never called.
	Check(address string) (*url.URL, error)
	// Do sends the request, follows no redirect and reads at most max bytes of
	// what comes back.
	Do(req *http.Request, max int64) (*outbound.Response, error)
}

var (
	// ErrUnavailable is wrapped by errors that are this node's own and may pass.
	ErrUnavailable = errors.New("not available at the moment, try again")
	// ErrUnread means that the subscriptions were not read from the bucket yet.
	ErrUnread = errors.New("the subscriptions are still being read")
)

// Channel is the name of the outbox's channel to subscribers.
const Channel = "websub"

// Lease is how long a subscription lasts: as long as the subscriber asks for, within Min
// and Max; Default if it does not ask.
type Lease struct {
	Default, Min, Max time.Duration
}

// Options make a Hub.
type Options struct {
	Bucket    bucket.Options // Apply, Reset, Whole and Now are the hub's own
	Topics    Topics
	Client    Client
	ClientOf  func(*http.Request) (addr netip.Addr, network string)           // the client that made a request, and what is limited as one client; empty: unknown, so that only what all clients ask together is limited
	PutTo     func(ctx context.Context, n outbox.Notice, target string) error // puts a notice for one target into the outbox, durably: the present document for a new subscription
	Baseline  func(ctx context.Context, feed string) error                    // called before a subscription to a feed is stored, which an error puts off
	Pinged    func(feed string)                                               // called when a publisher says that the feed has changed
	Address   string                                                          // of the hub, absolute
	Signature string                                                          // sha1, sha256, sha384 or sha512
	Alone     bool                                                            // no other node has the bucket: what waits there is asked at once after a start
	Lease     Lease

	MaxSubscriptions  int // 0: no limit
	MaxPerTopic       int // subscriptions of one topic; 0: no limit
	MaxPerHost        int // subscriptions with callbacks on one host; 0: no limit
	RequestsPerMinute int // from one client, as many at once; 0: no limit, also for all clients together

	Now        func() time.Time // nil: time.Now
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Hub is safe for concurrent use. [Hub.Run] must run for it to read any subscription.
// As an [http.Handler] it answers the requests of subscribers and publishers.
type Hub struct {
	opts    Options
	sign    func() hash.Hash
	made    time.Time
	bucket  *bucket.Bucket
	limits  *limits
	pending *pending

	verifications *prometheus.CounterVec

	mu       sync.RWMutex
	index    *index
	loading  *index               // replaces index when the bucket is read to its end; nil: it is
	loaded   bool                 // the bucket was read to its end once
	reserved map[id]reservation   // new subscriptions that are being verified
	gone     map[string]time.Time // since when a feed with subscriptions is gone
	closed   map[lock]time.Time   // since when a key with subscriptions does not hold
}

// New returns a hub that has read no subscription yet.
func New(o Options) (*Hub, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	// The hashes of the Recommendation, section 7.1.1. Some subscribers support SHA-1 only.
	signers := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}
	sign, supported := signers[o.Signature]
	if !supported {
		return nil, fmt.Errorf("signature %q: must be sha1, sha256, sha384 or sha512", o.Signature)
	}
	h := &Hub{
		opts: o, sign: sign, made: o.Now(), limits: newLimits(o.RequestsPerMinute),
		index: newIndex(), reserved: map[id]reservation{}, gone: map[string]time.Time{}, closed: map[lock]time.Time{},
	}
	o.Bucket.Apply, o.Bucket.Reset, o.Bucket.Whole, o.Bucket.Now = h.apply, h.reset, h.whole, o.Now
	h.bucket = bucket.New(o.Bucket)
	h.pending = &pending{hub: h, node: rand.Text(), wake: make(chan struct{}, 1), waiting: map[string]waiting{}, asking: map[string]string{}}
	h.verifications = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_websub_verifications_total",
		Help: "Verifications of intent, by mode (subscribe, unsubscribe) and outcome.",
	}, []string{"mode", "outcome"})
	for _, mode := range []string{subscribe, unsubscribe} {
		for _, outcome := range []string{verified, refused, unreachable} {
			h.verifications.WithLabelValues(mode, outcome) // there from the start, so that the first counts as an increase
		}
	}
	h.verifications.WithLabelValues(subscribe, denied)
	o.Registerer.MustRegister(h.verifications, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gallerywire_websub_subscriptions",
		Help: "Subscriptions of the hub, on all nodes together.",
	}, func() float64 {
		h.mu.RLock()
		defer h.mu.RUnlock()
		return float64(len(h.index.byID))
	}))
	return h, nil
}

// Run reads the subscriptions, asks callbacks to confirm theirs, and ends those whose keys
// have ended, until ctx ends. It retries for ever.
func (h *Hub) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	tasks.Go(func() { h.pending.run(ctx) })
	tasks.Go(func() { h.watchKeys(ctx) })
	defer tasks.Wait()
	return h.bucket.Run(ctx)
}

// Ready is nil once the subscriptions were read. Until then nothing can be put into the
// outbox for them, and nothing be delivered.
func (h *Hub) Ready() error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if !h.loaded {
		return ErrUnread
	}
	return nil
}

// Notices returns what to put into the outbox for the subscribers when n announces a change
// of a feed: nothing if there are none. An error means that there may be some.
func (h *Hub) Notices(n outbox.Notice) ([]outbox.Notice, error) {
	if err := h.Ready(); err != nil || !slices.ContainsFunc(h.names(n.About), h.Subscribed) {
		return nil, err
	}
	n.Channel = Channel
	return []outbox.Notice{n}, nil
}
