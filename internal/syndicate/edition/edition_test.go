package edition_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/prometheus/client_golang/prometheus"
)

// noon is the time in every test that does not set its own.
var noon = time.Date(2100, 6, 1, 12, 0, 0, 0, time.UTC)

// node is a set over a catalogue of its own on a server that can be stopped.
type node struct {
	*storetest.World
	*storetest.Catalogue
	t        testing.TB
	server   *brokertest.External
	editions *edition.Set
	options  edition.Options // of the set, but for its metrics
	other    *edition.Set    // over the same galleries; nil: not needed yet
	metrics  *prometheus.Registry
	log      *bytes.Buffer
	loads    atomic.Int64                                // galleries read to be rendered
	onLoad   func(*gallery.Gallery)                      // called for each; may be nil
	refuse   func(body []byte) (*gallery.Gallery, error) // decodes instead, unless it returns nothing
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
	public *gallery.Audience
	others []*gallery.Audience // of partners
	few    edition.Dynamic
	hubs   []string
	also   func(edition.Ref) []string
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
func startNode(t testing.TB, change ...func(*options)) *node {
	t.Helper()
	n := newNode(t, change...)
	n.Start()
	return n
}

// newNode makes a node whose index is not read yet; Start reads it.
func newNode(t testing.TB, change ...func(*options)) *node {
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
	n.World = storetest.WorldOn(t, brokertest.Connect(t, o.server.URL()))
	n.Clock.Set(o.now)
	n.Catalogue = n.World.CatalogueOf(o.bucket, func(c *catalogue.Options) {
		c.Decode = n.decode
		c.Index = index.Options{ArchivePage: o.page, Tombstones: o.keep, Stubs: o.stubs, Public: o.public, Partners: o.others}
	})
	n.options = edition.Options{
		Index:       n.Index(),
		Load:        n.Load,
		Renderer:    feed.NewRenderer(feed.Options{SiteID: "example.com", BaseURL: "https://example.com", MaxItem: o.limit, Audience: o.public}),
		Site:        edition.Site{Title: "Wire", BaseURL: "https://example.com", Language: "en", Hubs: o.hubs, OtherHubs: o.also},
		Feeds:       o.feeds,
		Budget:      o.budget(),
		Dynamic:     o.few,
		Stubs:       o.stubs,
		MaxDocument: o.all,
		Now:         n.Clock.Now,
		Registerer:  n.metrics,
		Logger:      slog.New(slog.NewTextHandler(n.log, nil)),
	}
	n.editions = edition.New(n.options)
	n.options.Registerer = nil
	return n
}

func (n *node) decode(body []byte) (*gallery.Gallery, error) {
	n.loads.Add(1)
	if n.refuse != nil {
		if g, err := n.refuse(body); g != nil || err != nil {
			return g, err
		}
	}
	g, err := storetest.Decode(body)
	if err == nil && n.onLoad != nil {
		n.onLoad(g)
	}
	return g, err
}

// disconnect stops NATS, and returns when the node knows.
func (n *node) disconnect() { n.server.Disconnect(n.Broker) }

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
