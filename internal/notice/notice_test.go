package notice_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/broker"
	"github.com/gallerywire/gallerywire/internal/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notice"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// epoch is when the bucket of galleries was made.
var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// patience is how long a test waits for what must come.
const patience = time.Minute

// content is what a node knows of its feeds.
type content struct {
	mu    sync.Mutex
	feeds map[string]notice.Snapshot
	older map[string]bool // galleries that belong to every feed, and are too old to be members
	never string          // a feed that there is not
	err   error
	asked int
}

// Snapshot implements [notice.Source].
func (c *content) Snapshot(_ context.Context, feed string) (notice.Snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if feed == c.never {
		return notice.Snapshot{}, errNoFeed
	}
	return c.feeds[feed], c.err
}

// Holds implements [notice.Source].
func (c *content) Holds(_, gallery string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.older[gallery]
}

// set replaces a feed's content as of a revision. A member is its id and its
// state: "a1".
func (c *content) set(feed string, revision uint64, members ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := notice.Snapshot{
		Feed:      feed,
		Addresses: map[string]event.Address{"rss": {URL: "https://example.com/feeds/" + feed + ".rss", ETag: fmt.Sprintf(`"%d"`, revision)}},
		Changed:   epoch.Add(time.Duration(revision) * time.Minute),
		Position:  notice.Position{Epoch: epoch, Revision: revision},
	}
	for _, m := range members {
		s.Members = append(s.Members, notice.Member{ID: m[:1], State: m[1:]})
	}
	c.feeds[feed] = s
}

// change changes what set made.
func (c *content) change(feed string, f func(*notice.Snapshot)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.feeds[feed]
	f(&s)
	c.feeds[feed] = s
}

// wire is where every node of a test sends to.
type wire struct {
	mu     sync.Mutex
	events []event.CloudEvent
	heard  chan event.CloudEvent
}

func newWire() *wire { return &wire{heard: make(chan event.CloudEvent, 1000)} }

func (w *wire) send(_ context.Context, e event.CloudEvent) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	w.heard <- e
	return nil
}

// all returns what was sent so far.
func (w *wire) all() []event.CloudEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]event.CloudEvent(nil), w.events...)
}

// next waits for one event.
func (w *wire) next(t *testing.T) event.CloudEvent {
	t.Helper()
	select {
	case e := <-w.heard:
		return e
	case <-time.After(patience):
		t.Fatal("no notice")
		return event.CloudEvent{}
	}
}

// cluster is a server with a bucket, which any number of nodes share.
type cluster struct {
	t      *testing.T
	broker *broker.Broker
	wire   *wire
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return &cluster{t: t, broker: brokertest.Start(t), wire: newWire()}
}

// bucket makes the bucket when it is missing.
func (c *cluster) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	if _, err := c.broker.Bucket(ctx, "notices"); err != nil {
		return nil, err
	}
	return c.broker.JetStream().KeyValue(ctx, c.broker.Name("notices"))
}

// node is one of them.
type node struct {
	*notice.Notices
	t       *testing.T
	content *content
	metrics *prometheus.Registry
}

// node adds a node with one feed, "all", that holds nothing. Options can be
// changed before it is made.
func (c *cluster) node(change ...func(*notice.Options)) *node {
	c.t.Helper()
	n := &node{t: c.t, content: &content{feeds: map[string]notice.Snapshot{}, older: map[string]bool{}}, metrics: prometheus.NewRegistry()}
	n.content.set("all", 0)
	o := notice.Options{
		Source: n.content, Feeds: []string{"all"}, Bucket: c.bucket, Send: c.wire.send, SiteID: "example.com",
		QuietPeriod: time.Millisecond, MaxWait: 20 * time.Millisecond, Lease: 50 * time.Millisecond,
		Registerer: n.metrics, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	n.Notices = notice.New(o)
	return n
}

// restarted is a node in the place of n.
func (c *cluster) restarted(n *node, change ...func(*notice.Options)) *node {
	c.t.Helper()
	again := c.node(change...)
	again.content.mu.Lock()
	defer again.content.mu.Unlock()
	n.content.mu.Lock()
	defer n.content.mu.Unlock()
	for name, s := range n.content.feeds {
		again.content.feeds[name] = s
	}
	return again
}

// sweep must succeed.
func (n *node) sweep() {
	n.t.Helper()
	if err := n.Sweep(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

// run runs the node until the test ends.
func (n *node) run() {
	n.t.Helper()
	ctx, cancel := context.WithCancel(n.t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	n.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("run: %v", err)
		}
	})
}

// announced are the galleries added, changed and removed by an event.
func announced(e event.CloudEvent) [3][]string {
	u := e.Data.(event.Update)
	return [3][]string{u.Added, u.Edited, u.Removed}
}

var (
	errAway   = errors.New("nats is away")
	errNoFeed = errors.New("no such feed")
)
