package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/prometheus/client_golang/prometheus"
)

// subscribed are feeds that somebody subscribed to, as the hub knows them.
type subscribed struct {
	mu    sync.RWMutex
	feeds map[string]bool
}

// Feeds implements [notice.Audience].
func (s *subscribed) Feeds() ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Keys(s.feeds)), nil
}

// Subscribed implements [notice.Audience].
func (s *subscribed) Subscribed(feed string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.feeds[feed]
}

// inMemory is a bucket in memory.
type inMemory struct {
	notice.Bucket
	mu      sync.Mutex
	records map[string][]byte
}

// Get implements [notice.Bucket].
func (m *inMemory) Get(_ context.Context, key string) (bucket.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bucket.Record{Key: key, Value: m.records[key], Revision: 1}, nil
}

// Store implements [notice.Bucket].
func (m *inMemory) Store(_ context.Context, key string, v any, _ uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, err := bucket.Encode(v)
	m.records[key] = value
	return 1, err
}

// sweeping is a node with so many subscribed feeds, all of which have begun.
type sweeping struct {
	t       testing.TB
	cat     *catalogue.Catalogue
	notices *notice.Notices
	people  *subscribed
	metrics *prometheus.Registry
	sent    int
	loads   int
}

const tagsEach = 40

func newSweeping(t testing.TB, tags int) *sweeping {
	b := brokertest.Start(t, func(o *broker.Options) { o.Embedded.SyncInterval = time.Minute })
	s := &sweeping{t: t, metrics: prometheus.NewRegistry(), people: &subscribed{feeds: map[string]bool{}}}
	var loads sync.Mutex
	log := slog.New(slog.DiscardHandler)
	s.cat = catalogue.New(catalogue.Options{
		Bucket: bucketOptions(b, bucketGalleries, log),
		Decode: func(body []byte) (*gallery.Gallery, error) {
			loads.Lock()
			defer loads.Unlock()
			s.loads++
			return event.Reader{}.Gallery(body)
		},
	})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.cat.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
	})
	if !until(ctx, s.cat.Index().Ready) {
		t.Fatal("the index is not whole")
	}
	editions := edition.New(edition.Options{
		Index: s.cat.Index(), Load: s.cat.Load, Renderer: feed.NewRenderer(feed.Options{SiteID: "example.com", BaseURL: "https://example.com"}), Logger: log,
		Feeds: []edition.Definition{{Name: "all", Items: 50}}, Dynamic: edition.Dynamic{Sections: true, Tags: true, Authors: true},
		Site: edition.Site{BaseURL: "https://example.com"}, Registerer: s.metrics,
	})
	s.notices = notice.New(notice.Options{
		Source: noticeSource{&partners{public: editions}}, Subscriptions: s.people, SiteID: "example.com", Logger: log,
		Bucket: &inMemory{records: map[string][]byte{}},
		Send:   func(context.Context, event.CloudEvent) error { s.sent++; return nil },
	})
	for i := 0; i < tags; i += tagsEach {
		var names []string
		for n := i; n < min(i+tagsEach, tags); n++ {
			names = append(names, fmt.Sprint("tag-", n))
			s.people.feeds[fmt.Sprint("tags/tag-", n)] = true
		}
		s.put(fmt.Sprint("gallery-", i), names...)
	}
	return s
}

func (s *sweeping) put(id string, tags ...string) {
	s.t.Helper()
	before := s.cat.Index().Revision() // nobody else writes
	g := &gallery.Gallery{ID: id, Title: id, Published: time.Now().Add(-time.Hour), Tags: tags}
	rank := gallery.Rank{Updated: time.Now(), Hash: gallery.HashOf([]byte(id))}
	if _, err := s.cat.Put(s.t.Context(), catalogue.Revision{ID: id, Rank: rank, Gallery: g, Body: []byte("{}")}); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cat.Wait(s.t.Context(), before+1); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sweeping) sweep() {
	s.t.Helper()
	if err := s.notices.Sweep(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// renderings are how many editions were made.
func (s *sweeping) renderings() (n uint64) {
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			n += m.GetHistogram().GetSampleCount()
		}
	}
	return n
}

// More feeds are subscribed to than are kept rendered: they are not rendered to see
// that nothing happened, and neither because something happened to others.
func TestASweepRendersNothing(t *testing.T) {
	s := newSweeping(t, 3000)
	s.sweep() // they begin
	for i := range 3 {
		s.put(fmt.Sprint("unrelated-", i), "another")
		s.sweep()
	}
	if got := s.renderings(); got != 0 || s.loads != 0 || s.sent != 0 {
		t.Errorf("%d renderings of %d galleries, %d notices", got, s.loads, s.sent)
	}
}

// BenchmarkSweepAtRest sweeps 20,000 subscribed feeds without a change, while
// another gallery changes each time. Its floor, in the
// same run, is to go through the names of the same feeds and look each of them up in
// one map.
func BenchmarkSweepAtRest(b *testing.B) {
	const feeds = 20_000
	s := newSweeping(b, feeds)
	s.sweep()
	s.sweep()
	var took, floors []time.Duration
	for i := 0; b.Loop(); i++ {
		s.put(fmt.Sprint("unrelated-", i), "another")
		began := time.Now()
		s.sweep()
		took = append(took, time.Since(began))

		began = time.Now()
		names, _ := s.people.Feeds()
		for _, name := range names {
			if !s.people.Subscribed(name) {
				b.Fatal(name)
			}
		}
		floors = append(floors, time.Since(began))
	}
	if s.renderings() != 0 || s.sent != 0 {
		b.Fatalf("%d renderings, %d notices", s.renderings(), s.sent)
	}
	slices.Sort(took)
	slices.Sort(floors)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/feeds, "ns/feed")
	b.ReportMetric(float64(floors[len(floors)/2].Nanoseconds())/feeds, "floor-ns/feed")
	b.ReportMetric(0, "ns/op")
}
