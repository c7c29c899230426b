package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// live is the public handler over real galleries.
type live struct {
	t         *testing.T
	catalogue *catalogue.Catalogue
	editions  *edition.Set
	metrics   *prometheus.Registry
	handler   http.Handler
}

// newLive serves the feed "all" of five galleries, formerly "latest", and what
// is made on demand. Options can be changed before the editions is made.
func newLive(t *testing.T, change ...func(*edition.Options)) *live {
	t.Helper()
	b := brokertest.Start(t)
	l := &live{t: t, metrics: prometheus.NewRegistry(), catalogue: liveCatalogue(t, b)}
	o := edition.Options{
		Index: l.catalogue.Index(), Load: l.catalogue.Load,
		Renderer: feed.NewRenderer(feed.Options{SiteID: "example.com", BaseURL: "https://example.com"}),
		Site: edition.Site{
			Title: "Wire", BaseURL: "https://example.com", Language: "en", Hubs: []string{"https://example.com/hub", "https://hub.example.org/?a=1"},
		},
		Feeds:   []edition.Definition{{Name: "all", Title: "All", Items: 5, Aliases: []string{"latest"}}},
		Dynamic: edition.Dynamic{Sections: true, Tags: true, Authors: true},
		Logger:  slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	l.editions = edition.New(o)
	l.handler = web.Public(web.Options{
		Editions: l.editions, Title: "Wire & wire", MaxAge: time.Minute, Metrics: l.metrics, Logger: slog.New(slog.DiscardHandler),
		GalleryPage: func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "page of "+r.PathValue("key")) },
	})
	return l
}

// patience is how long a test waits for what must come.
const patience = time.Minute

func liveCatalogue(t *testing.T, b *broker.Broker, change ...func(*catalogue.Options)) *catalogue.Catalogue {
	t.Helper()
	whole := make(chan struct{})
	ready := sync.OnceFunc(func() { close(whole) })
	o := catalogue.Options{
		JetStream: b.JetStream(), Bucket: b.Name("galleries"), Decode: event.Reader{}.Gallery,
		Open:   func(ctx context.Context) (jetstream.Stream, error) { return b.Bucket(ctx, "galleries") },
		Index:  index.Options{ArchivePage: 4, Tombstones: time.Hour, Changed: func(index.Change) { ready() }},
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	c := catalogue.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run catalogue: %v", err)
		}
	})
	select {
	case <-whole:
	case <-time.After(patience):
		t.Fatal(c.Index().Ready())
	}
	return c
}

// put stores a revision of a gallery, published so many minutes ago.
func (l *live) put(id string, minutes int, version int64, change ...func(*gallery.Gallery)) {
	l.t.Helper()
	at := time.Now().Add(-time.Duration(minutes) * time.Minute).UTC()
	g := &gallery.Gallery{
		ID: id, URL: "https://news.example.com/" + id, Title: fmt.Sprint("Title of ", id, ", ", version), Version: version,
		Published: at, Updated: at.Add(time.Duration(version)), Section: "Reise & Café", Tags: []string{"夜"}, Authors: []gallery.Author{{Name: "A. Writer"}},
		Slides: []gallery.Slide{{ID: "1", Image: gallery.Image{URL: "https://img.example.com/1.jpg"}}},
	}
	for _, f := range change {
		f(g)
	}
	body, err := json.Marshal(g)
	if err != nil {
		l.t.Fatal(err)
	}
	rank := gallery.Rank{Updated: g.Updated, Version: version, Hash: gallery.HashOf(body)}
	l.store(catalogue.Revision{ID: id, Rank: rank, Gallery: g, Body: body})
}

func (l *live) takeDown(id string) {
	l.t.Helper()
	l.store(catalogue.Revision{ID: id, Rank: gallery.Rank{Updated: time.Now(), TakeDown: true}, Body: []byte(`{}`)})
}

// store returns when the index knows of the revision.
func (l *live) store(r catalogue.Revision) {
	l.t.Helper()
	known := l.catalogue.Index().Revision()
	if outcome, err := l.catalogue.Put(l.t.Context(), r); err != nil || outcome != catalogue.Stored {
		l.t.Fatalf("put %s: %q, %v", r.ID, outcome, err)
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	if err := l.catalogue.Wait(ctx, known+1); err != nil {
		l.t.Fatal(err)
	}
}

func (l *live) get(path string, headers ...string) *http.Response {
	return ask(l.t, l.handler, http.MethodGet, path, headers...)
}
