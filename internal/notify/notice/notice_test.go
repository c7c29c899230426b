package notice_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/prometheus/client_golang/prometheus"
)

// epoch is when the bucket of galleries was made.
var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// content is what a node knows of its feeds.
type content struct {
	history *history

	mu         sync.Mutex
	feeds      map[string]notice.Snapshot
	older      map[string]bool // galleries that belong to every feed, and are too old to be members
	leftOut    []string        // galleries that cannot be shown
	never      string          // a feed that there is not
	err        error
	asked      int
	renderings map[string]int
	render     func(ctx context.Context, feed string) error // called for each rendering; may be nil
}

// history is what feeds were, by name and definition: what every node of a cluster
// has gone through.
type history struct {
	mu    sync.Mutex
	feeds map[[2]string][]notice.Snapshot
}

func (h *history) add(s notice.Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := [2]string{s.Feed, s.Definition}
	h.feeds[key] = append(h.feeds[key], s)
}

// replace takes back what was added last.
func (h *history) replace(old, s notice.Snapshot) {
	h.mu.Lock()
	key := [2]string{old.Feed, old.Definition}
	if n := len(h.feeds[key]); n > 0 {
		h.feeds[key] = h.feeds[key][:n-1]
	}
	h.mu.Unlock()
	h.add(s)
}

func orderOf(p notice.Position) outbox.Order { return p.Order() }

// at is what the feed was at a position.
func (h *history) at(s notice.Snapshot, p notice.Position) (was notice.Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, old := range h.feeds[[2]string{s.Feed, s.Definition}] {
		if old.Position.Epoch.Equal(p.Epoch) && orderOf(old.Position).Compare(orderOf(p)) <= 0 && orderOf(old.Position).Compare(orderOf(was.Position)) > 0 {
			was = old
		}
	}
	return was
}

// ChangedSince implements [notice.Source].
func (c *content) ChangedSince(feed string, since notice.Position) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return feed == c.never || c.err != nil || orderOf(c.feeds[feed].Position) != orderOf(since)
}

// Snapshot implements [notice.Source].
func (c *content) Snapshot(feed string, since notice.Since) (notice.Snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if feed == c.never {
		return notice.Snapshot{}, errNoFeed
	}
	s := c.feeds[feed]
	if p := since.Position; p == (notice.Position{}) || p.Epoch.Equal(s.Position.Epoch) && p != s.Position {
		c.step(c.history.at(s, p), &s)
	}
	s.Members, s.Addresses = slices.Clone(s.Members), nil
	return s, c.err
}

// step adds to s what has happened to the galleries since before.
func (c *content) step(before notice.Snapshot, s *notice.Snapshot) {
	was := map[string]string{}
	for _, m := range before.Members {
		was[m.ID] = m.State
	}
	for _, m := range s.Members {
		if state, known := was[m.ID]; !known || state != m.State {
			s.Steps = append(s.Steps, notice.Step{ID: m.ID, Was: known, Is: true})
		}
		delete(was, m.ID)
	}
	for _, m := range before.Members {
		if _, gone := was[m.ID]; gone && !c.older[m.ID] {
			s.Steps = append(s.Steps, notice.Step{ID: m.ID, Was: true})
		}
	}
	s.Other = s.Other || len(s.Steps) == 0 && !slices.Equal(s.Members, before.Members)
}

// Documents implements [notice.Source].
func (c *content) Documents(ctx context.Context, feed string) (notice.Documents, error) {
	c.mu.Lock()
	if c.renderings == nil {
		c.renderings = map[string]int{}
	}
	c.renderings[feed]++
	d := notice.Documents{Addresses: c.feeds[feed].Addresses, LeftOut: c.leftOut}
	render := c.render
	c.mu.Unlock()
	if render == nil {
		return d, nil
	}
	return d, render(ctx, feed)
}

// Holds implements [notice.Source].
func (c *content) Holds(feed, gallery string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.older[gallery] || slices.ContainsFunc(c.feeds[feed].Members, func(m notice.Member) bool { return m.ID == gallery })
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
	c.history.add(s)
}

// change changes what set made.
func (c *content) change(feed string, f func(*notice.Snapshot)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.feeds[feed]
	f(&s)
	c.history.replace(c.feeds[feed], s)
	c.feeds[feed] = s
}

// wire is where every node of a test sends to.
type wire struct {
	mu     sync.Mutex
	events []event.CloudEvent
	sent   chan event.CloudEvent
}

func newWire() *wire { return &wire{sent: make(chan event.CloudEvent, 1000)} }

func (w *wire) send(_ context.Context, e event.CloudEvent) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	w.sent <- e
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
	return storetest.Receive(t, "a notice", w.sent)
}

// cluster is a server with a bucket, which any number of nodes share.
type cluster struct {
	t       *testing.T
	store   *storetest.World // nil: there is no server, and no record
	wire    *wire
	history *history
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := withoutServer(t)
	c.store = storetest.NewWorld(t)
	return c
}

func withoutServer(t *testing.T) *cluster {
	return &cluster{t: t, wire: newWire(), history: &history{feeds: map[[2]string][]notice.Snapshot{}}}
}

// noRecords is a bucket that is empty.
type noRecords struct{ notice.Bucket }

// Get implements [notice.Bucket].
func (noRecords) Get(context.Context, string) (bucket.Record, error) { return bucket.Record{}, nil }

// bucket returns the bucket of the cluster. Options can be changed before.
func (c *cluster) bucket(change ...func(*bucket.Options)) *bucket.Bucket {
	return c.store.Bucket("notices", change...)
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
	n := &node{t: c.t, content: &content{history: c.history, feeds: map[string]notice.Snapshot{}, older: map[string]bool{}}, metrics: prometheus.NewRegistry()}
	n.content.set("all", 0)
	o := notice.Options{
		Source: n.content, Feeds: []string{"all"}, Bucket: noRecords{}, Send: c.wire.send, SiteID: "example.com",
		Enqueue:     func(context.Context, outbox.Notice, event.Update) error { return nil },
		QuietPeriod: time.Millisecond, MaxWait: 20 * time.Millisecond, Lease: 50 * time.Millisecond,
		Registerer: n.metrics, Logger: slog.New(slog.DiscardHandler),
	}
	if c.store != nil {
		o.Bucket = c.bucket()
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
func (n *node) run() { storetest.Run(n.t, n.Run) }

// announced are the galleries added, changed and removed by an event.
func announced(e event.CloudEvent) [3][]string {
	u := e.Data.(event.Update)
	return [3][]string{u.Added, u.Edited, u.Removed}
}

var (
	errAway   = errors.New("nats is away")
	errNoFeed = errors.New("no such feed")
)
