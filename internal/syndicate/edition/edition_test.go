package edition_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// noon is the time in every test that does not set its own.
var noon = time.Date(2100, 6, 1, 12, 0, 0, 0, time.UTC)

// patience is how long a test waits for what must come.
const patience = time.Minute

// node is a set over a catalogue of its own on a server that can be stopped.
type node struct {
	t         *testing.T
	server    *brokertest.External
	broker    *broker.Broker
	catalogue *catalogue.Catalogue
	editions  *edition.Set
	options   edition.Options // of the set, but for its metrics
	other     *edition.Set    // over the same galleries; nil: not needed yet
	metrics   *prometheus.Registry
	start     func()
	log       *bytes.Buffer
	now       atomic.Int64
	loads     atomic.Int64                                // galleries read to be rendered
	onLoad    func(*gallery.Gallery)                      // called for each; may be nil
	refuse    func(body []byte) (*gallery.Gallery, error) // decodes instead, unless it returns nothing
}

// options are what tests change of a node.
type options struct {
	server *brokertest.External // nil: one of its own
	bucket string
	feeds  []edition.Definition
	cache  int // bytes of all that is kept; 0: plenty
	limit  int // bytes of a gallery in a document
	all    int // bytes of a document
	page   uint32
	keep   time.Duration // of withdrawals
	stubs  bool
	few    edition.Dynamic
	hubs   []string
	others func(edition.Ref) []string
	now    time.Time
	onLoad func(*gallery.Gallery)
	refuse func(body []byte) (*gallery.Gallery, error)
}

func (o options) budget() *cache.Budget {
	if o.cache == 0 {
		return nil
	}
	return cache.NewBudget(o.cache)
}

// startNode starts a node with one feed of everything, "all", and waits until
// its index is whole.
func startNode(t *testing.T, change ...func(*options)) *node {
	t.Helper()
	n := newNode(t, change...)
	n.start()
	return n
}

// newNode makes a node whose index is not read yet; start reads it.
func newNode(t *testing.T, change ...func(*options)) *node {
	t.Helper()
	o := options{
		bucket: "galleries", feeds: []edition.Definition{{Name: "all", Title: "All", Items: 50}}, now: noon,
		few: edition.Dynamic{Sections: true, Tags: true, Authors: true}, page: 4, keep: 24 * time.Hour,
	}
	for _, f := range change {
		f(&o)
	}
	if o.server == nil {
		o.server = brokertest.Server(t)
	}
	n := &node{t: t, server: o.server, log: new(bytes.Buffer), metrics: prometheus.NewRegistry(), onLoad: o.onLoad, refuse: o.refuse}
	n.set(o.now)
	n.connect()
	whole := make(chan struct{})
	n.catalogue = n.newCatalogue(o, sync.OnceFunc(func() { close(whole) }))
	n.options = edition.Options{
		Index:       n.catalogue.Index(),
		Load:        n.catalogue.Load,
		Renderer:    feed.NewRenderer(feed.Options{SiteID: "example.com", BaseURL: "https://example.com", MaxItem: o.limit}),
		Site:        edition.Site{Title: "Wire", BaseURL: "https://example.com", Language: "en", Hubs: o.hubs, OtherHubs: o.others},
		Feeds:       o.feeds,
		Budget:      o.budget(),
		Dynamic:     o.few,
		Stubs:       o.stubs,
		MaxDocument: o.all,
		Now:         n.time,
		Registerer:  n.metrics,
		Logger:      slog.New(slog.NewTextHandler(n.log, nil)),
	}
	n.editions = edition.New(n.options)
	n.options.Registerer = nil
	n.start = func() { n.run(whole) }
	return n
}

func (n *node) connect() {
	n.t.Helper()
	b, err := broker.Open(n.t.Context(), broker.Options{URL: n.server.URL()})
	if err != nil {
		n.t.Fatal(err)
	}
	n.broker = b
	n.t.Cleanup(func() {
		if err := b.Close(); err != nil {
			n.t.Errorf("close broker: %v", err)
		}
	})
}

func (n *node) newCatalogue(o options, whole func()) *catalogue.Catalogue {
	bucket := o.bucket
	return catalogue.New(catalogue.Options{
		JetStream: n.broker.JetStream(),
		Bucket:    n.broker.Name(bucket),
		Open:      func(ctx context.Context) (jetstream.Stream, error) { return n.broker.Bucket(ctx, bucket) },
		Decode:    n.decode,
		Now:       n.time,
		Reconnect: n.broker.OnReconnect,
		Index: index.Options{
			Changed: func(c index.Change) {
				if c == (index.Change{}) {
					whole()
				}
			},
			ArchivePage: o.page,
			Tombstones:  o.keep,
			Stubs:       o.stubs,
		},
		Logger:   slog.New(slog.DiscardHandler),
		Timeless: true,
	})
}

func (n *node) decode(body []byte) (*gallery.Gallery, error) {
	n.loads.Add(1)
	if n.refuse != nil {
		if g, err := n.refuse(body); g != nil || err != nil {
			return g, err
		}
	}
	g := new(gallery.Gallery)
	if err := json.Unmarshal(body, g); err != nil {
		return nil, err
	}
	g.Normalise()
	if n.onLoad != nil {
		n.onLoad(g)
	}
	return g, nil
}

// run reads the index until the test ends.
func (n *node) run(whole <-chan struct{}) {
	n.t.Helper()
	ctx, cancel := context.WithCancel(n.t.Context())
	done := make(chan error, 1)
	go func() { done <- n.catalogue.Run(ctx) }()
	n.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("run catalogue: %v", err)
		}
	})
	select {
	case <-whole:
	case <-time.After(patience):
		n.t.Fatal(n.catalogue.Index().Ready())
	}
}

func (n *node) time() time.Time      { return time.Unix(0, n.now.Load()).UTC() }
func (n *node) set(at time.Time)     { n.now.Store(at.UnixNano()) }
func (n *node) pass(d time.Duration) { n.set(n.time().Add(d)) }

// put stores galleries as they stand.
func (n *node) put(galleries ...*gallery.Gallery) {
	n.t.Helper()
	for _, g := range galleries {
		n.putOne(g)
	}
	n.settle()
}

// putOne stores a gallery and does not wait for the index.
func (n *node) putOne(g *gallery.Gallery) {
	n.t.Helper()
	if outcome, err := n.catalogue.Put(n.t.Context(), revision(n.t, g)); err != nil || outcome != catalogue.Stored {
		n.t.Fatalf("put %s: %v, %v", g.ID, outcome, err)
	}
}

func revision(t *testing.T, g *gallery.Gallery) catalogue.Revision {
	t.Helper()
	body, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	stored := *g
	stored.Normalise()
	rank := gallery.Rank{Updated: stored.Updated, Version: stored.Version, Hash: gallery.HashOf(body)}
	return catalogue.Revision{ID: g.ID, Rank: rank, Gallery: &stored, Body: body}
}

func takeDown(id string) catalogue.Revision {
	body := []byte(`{"id":"` + id + `"}`)
	return catalogue.Revision{ID: id, Rank: gallery.Rank{Updated: noon, TakeDown: true, Hash: gallery.HashOf(body)}, Body: body}
}

func (n *node) takeDown(id string) {
	n.t.Helper()
	if outcome, err := n.catalogue.Put(n.t.Context(), takeDown(id)); err != nil || outcome != catalogue.Stored {
		n.t.Fatalf("take %s down: %v, %v", id, outcome, err)
	}
	n.settle()
}

// settle waits until the index knows everything that was put.
func (n *node) settle() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	stream, err := n.broker.JetStream().Stream(ctx, "KV_"+n.broker.Name("galleries"))
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.catalogue.Wait(ctx, stream.CachedInfo().State.LastSeq); err != nil {
		n.t.Fatal(err)
	}
}

// stop takes NATS away, and returns when the node knows.
func (n *node) stop() {
	n.t.Helper()
	gone := n.broker.Conn().StatusChanged(nats.RECONNECTING)
	n.server.Stop()
	n.await(gone, "the connection to break")
}

// restart brings NATS back, and returns when the node knows.
func (n *node) restart() {
	n.t.Helper()
	back := n.broker.Conn().StatusChanged(nats.CONNECTED)
	n.server.Start()
	n.await(back, "the connection to come back")
}

func (n *node) await(status <-chan nats.Status, what string) {
	n.t.Helper()
	select {
	case <-status:
	case <-time.After(patience):
		n.t.Fatal("waited in vain for " + what)
	}
}

// current returns the edition of a feed that must be there.
func (n *node) current(name string) *edition.Edition {
	n.t.Helper()
	e, err := n.editions.Current(n.t.Context(), name)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

// edition returns an edition that must be there.
func (n *node) edition(ref edition.Ref) *edition.Edition {
	n.t.Helper()
	e, err := n.editions.Edition(n.t.Context(), ref)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

// refused returns why there is no edition.
func (n *node) refused(ref edition.Ref) error {
	n.t.Helper()
	_, err := n.editions.Edition(n.t.Context(), ref)
	if err == nil {
		n.t.Fatalf("there is %+v", ref)
	}
	return err
}

// metric sums up a counter, or counts a histogram's observations.
func (n *node) metric(name string) float64 {
	n.t.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range families {
		if m := f.GetMetric(); f.GetName() == name && len(m) > 0 {
			return m[0].GetCounter().GetValue() + float64(m[0].GetHistogram().GetSampleCount())
		}
	}
	n.t.Fatalf("no metric %s", name)
	return 0
}

// ids are the galleries in an edition, newest first.
func ids(e *edition.Edition) []string {
	list := []string{}
	for _, m := range e.Members {
		list = append(list, m.ID)
	}
	return list
}

// etags are those of the edition's documents.
func etags(e *edition.Edition) []string {
	var list []string
	for _, f := range feed.Formats() {
		list = append(list, e.Document(f).ETag)
	}
	return list
}

// photo returns a gallery of two slides, published an hour before noon.
func photo(id string, change ...func(*gallery.Gallery)) *gallery.Gallery {
	g := &gallery.Gallery{
		ID: id, URL: "https://paper.example.com/g/" + id, Title: "Title of " + id, Language: "en", Published: noon.Add(-time.Hour),
		Slides: []gallery.Slide{picture(id, 1), picture(id, 2)},
	}
	for _, f := range change {
		f(g)
	}
	return g
}

func picture(id string, n int) gallery.Slide {
	name := fmt.Sprintf("%s-%d", id, n)
	return gallery.Slide{ID: name, Caption: "<p>Caption of " + name + "</p>", Image: gallery.Image{URL: "https://img.example.com/" + name + ".jpg"}}
}

// revised returns photo's next revision.
func revised(id string, change ...func(*gallery.Gallery)) *gallery.Gallery {
	return photo(id, append([]func(*gallery.Gallery){func(g *gallery.Gallery) {
		g.Version, g.Title = 2, "New title of "+id
	}}, change...)...)
}
