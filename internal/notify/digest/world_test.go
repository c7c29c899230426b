package digest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/schedule"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// waitLimit bounds what a test waits for.
const waitLimit = time.Minute

// monday is when the clocks of tests begin: a Monday at noon in winter.
var monday = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// clock is the time of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// site is what is published, as every node of a test knows it.
type site struct {
	clock *clock

	mu    sync.Mutex
	feeds map[string]map[string]digest.Shown // by name and key
	said  map[string]gallery.Gallery         // by key
	err   error
}

// Shown implements [digest.Source].
func (s *site) Shown(_ context.Context, feed string, since time.Time, n int) ([]digest.Shown, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []digest.Shown
	for _, g := range s.feeds[feed] {
		if g.Published.After(since) && !g.Published.After(s.clock.Now()) {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b digest.Shown) int {
		return cmp.Or(b.Published.Compare(a.Published), cmp.Compare(a.Key, b.Key))
	})
	return list[:min(n, len(list))], s.err
}

// View implements [digest.Source].
func (s *site) View(_ context.Context, key string) (gallery.View, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.said[key]
	return g.ViewAt(s.clock.Now()), found, s.err
}

// put stores a gallery of a feed now.
func (s *site) put(feed, key string, published time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.feeds[feed] == nil {
		s.feeds[feed] = map[string]digest.Shown{}
	}
	visible := s.clock.Now()
	if published.After(visible) {
		visible = published
	}
	s.feeds[feed][key] = digest.Shown{Key: key, Published: published, Visible: visible}
	s.said[key] = gallery.Gallery{
		ID: key, Title: "Gallery " + key, URL: "https://example.com/galleries/" + key, Summary: "About " + key + ".",
		Section: "Travel", Authors: []gallery.Author{{Name: "A. Writer"}}, Language: "en", Published: published,
		Slides: []gallery.Slide{{ID: "1", Image: gallery.Image{URL: "https://img.example.com/" + key + ".jpg", Alt: "Picture of " + key, Width: 1600, Height: 900}}},
	}
}

// say changes what people are told of a gallery.
func (s *site) say(key string, change func(*gallery.Gallery)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.said[key]
	change(&g)
	s.said[key] = g
}

// takeDown removes a gallery everywhere.
func (s *site) takeDown(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.said, key)
	for _, feed := range s.feeds {
		delete(feed, key)
	}
}

func (s *site) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// debts is what every node of a test hands on: the newest of each id.
type debts struct {
	mu   sync.Mutex
	list []outbox.Notice
	told chan outbox.Notice
}

func (d *debts) owe(_ context.Context, n outbox.Notice) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, n)
	d.told <- n
	return nil
}

func (d *debts) all() []outbox.Notice {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.list)
}

// world is a server with a bucket, which any number of nodes share, and the
// site that they know.
type world struct {
	t      *testing.T
	broker *broker.Broker
	clock  *clock
	site   *site
	debts  *debts
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := &clock{now: monday}
	return &world{
		t: t, broker: brokertest.Start(t), clock: c,
		site:  &site{clock: c, feeds: map[string]map[string]digest.Shown{}, said: map[string]gallery.Gallery{}},
		debts: &debts{told: make(chan outbox.Notice, 100)},
	}
}

// bucket is that of the digests.
func (w *world) bucket() *bucket.Bucket {
	return bucket.New(bucket.Options{
		JetStream: w.broker.JetStream(), Bucket: w.broker.Name("digests"), Logger: slog.New(slog.DiscardHandler),
		Open: func(ctx context.Context) (jetstream.Stream, error) { return w.broker.Bucket(ctx, "digests") },
	})
}

// node is one of them.
type node struct {
	*digest.Digests
	t       *testing.T
	metrics *prometheus.Registry
}

// node adds a node with one digest, "travel", on weekdays at seven in Rome.
func (w *world) node(change ...func(*digest.Options)) *node {
	w.t.Helper()
	n := &node{t: w.t, metrics: prometheus.NewRegistry()}
	o := digest.Options{
		Digests: []digest.Definition{{
			Name: "travel", Schedule: spec(w.t, "CRON_TZ=Europe/Rome 0 7 * * 1-5"), Feeds: []string{"travel"},
		}},
		Source: w.site, Bucket: w.bucket(), Enqueue: w.debts.owe, SiteTitle: "Example News", BaseURL: "https://example.com", Language: "en",
		Lease: time.Hour, Now: w.clock.Now, Registerer: n.metrics, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if n.Digests, err = digest.New(o); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// to sends the digest to these addresses.
func to(addresses ...string) func(*digest.Options) {
	return func(o *digest.Options) { o.Digests[0].To = addresses }
}

// sweep must succeed.
func (n *node) sweep() {
	n.t.Helper()
	if err := n.Sweep(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

func spec(t testing.TB, text string) digest.Schedule {
	t.Helper()
	s, err := schedule.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rome is a time there.
func rome(t testing.TB, text string) time.Time {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// keysOf are the keys of a notice's galleries, one after the other.
func keysOf(t testing.TB, n outbox.Notice) string {
	t.Helper()
	var c struct{ Galleries []string }
	if err := json.Unmarshal(n.Data, &c); err != nil {
		t.Fatal(err)
	}
	return strings.Join(c.Galleries, "")
}
