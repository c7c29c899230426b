package web_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/prometheus/client_golang/prometheus"
)

// live is the public handler over real galleries.
type live struct {
	*storetest.World
	*storetest.Catalogue
	t        *testing.T
	editions *edition.Set
	metrics  *prometheus.Registry
	handler  http.Handler
}

// newLiveWorld makes one without editions and a handler.
func newLiveWorld(t *testing.T) *live {
	t.Helper()
	l := &live{t: t, World: storetest.NewWorld(t), metrics: prometheus.NewRegistry()}
	l.Catalogue = l.World.Catalogue(func(o *catalogue.Options) {
		o.Index = index.Options{ArchivePage: 4, Tombstones: time.Hour, Partners: []*gallery.Audience{delayed}}
	})
	l.Start()
	return l
}

// newLive serves the feed "all" of five galleries, formerly "latest", and what
// is made on demand. Options can be changed before the editions is made.
func newLive(t *testing.T, change ...func(*edition.Options)) *live {
	t.Helper()
	l := newLiveWorld(t)
	o := edition.Options{
		Index: l.Index(), Load: l.Load,
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

// publish stores a revision of a gallery, published so many minutes ago.
func (l *live) publish(id string, minutes int, version int64, change ...func(*gallery.Gallery)) {
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
	l.Publish(g)
}

func (l *live) get(path string, headers ...string) *http.Response {
	return ask(l.t, l.handler, http.MethodGet, path, headers...)
}
