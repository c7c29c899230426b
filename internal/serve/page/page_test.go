package page_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/page"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/prometheus/client_golang/prometheus"
)

const baseURL = "https://wire.example.com/news"

// noon is the time in every test that does not set its own.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// node is a site with its pages, on a NATS server of its own.
type node struct {
	*storetest.World
	*storetest.Catalogue
	t        testing.TB
	editions *edition.Set
	mux      *http.ServeMux
	pages    *page.Pages
	metrics  *prometheus.Registry // of the pages
}

// startNode starts a node and waits until its index is whole.
func startNode(t testing.TB, change ...func(*catalogue.Options)) *node {
	t.Helper()
	n := newNode(t, change...)
	n.Start()
	return n
}

// newNode makes a node whose index is not read yet.
func newNode(t testing.TB, change ...func(*catalogue.Options)) *node {
	t.Helper()
	return newNodeOf(t, edition.Options{
		Site: edition.Site{Title: "Gallery & Wire", Description: "Pictures of the day", BaseURL: baseURL, Language: "en", Copyright: "© Example News"},
		Feeds: []edition.Definition{
			{Name: "all", Title: "All <galleries>", Items: 30, Aliases: []string{"latest"}},
			{Name: "travel", Title: "Travel", Items: 30, Match: index.Match{Sections: []string{"Travel"}}},
		},
		Dynamic: edition.Dynamic{Sections: true, Tags: true, Authors: true},
	}, change...)
}

// newNodeOf makes a node of that site with those feeds.
func newNodeOf(t testing.TB, site edition.Options, change ...func(*catalogue.Options)) *node {
	t.Helper()
	return newNodeOn(t, storetest.NewWorld(t), site, change...)
}

// secondNode starts another node of the same site on the same server.
func secondNode(first *node) *node {
	first.t.Helper()
	n := newNodeOn(first.t, storetest.WorldOn(first.t, first.Broker), edition.Options{
		Site: first.editions.Site(), Feeds: first.editions.Feeds(), Dynamic: edition.Dynamic{Sections: true, Tags: true, Authors: true},
	})
	n.Start()
	return n
}

func newNodeOn(t testing.TB, w *storetest.World, site edition.Options, change ...func(*catalogue.Options)) *node {
	t.Helper()
	w.Clock.Set(noon)
	decoding := func(o *catalogue.Options) { o.Decode = decode }
	n := &node{t: t, World: w, Catalogue: w.Catalogue(append([]func(*catalogue.Options){decoding}, change...)...)}
	site.Index, site.Load, site.Now, site.Logger = n.Index(), n.Load, n.Clock.Now, quiet()
	site.Renderer = feed.NewRenderer(feed.Options{SiteID: "wire.example.com", BaseURL: site.Site.BaseURL})
	n.editions = edition.New(site)
	n.mount(n.Clock.Now)
	return n
}

// decode refuses a gallery without a title, as the contract does.
func decode(body []byte) (*gallery.Gallery, error) {
	g, err := storetest.Decode(body)
	if err == nil && g.Title == "" {
		return nil, gallery.Problems{{Place: "/title", Reason: "missing or blank"}}
	}
	return g, err
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// mount makes new pages that take the time from now.
func (n *node) mount(now func() time.Time) { n.mountOn(nil, now) }

// mountOn is mount with what is kept on a budget.
func (n *node) mountOn(budget *cache.Budget, now func() time.Time) {
	n.metrics = prometheus.NewRegistry()
	n.pages = page.New(page.Options{Editions: n.editions, Index: n.Index(), Load: n.Load, Now: now, MaxAge: time.Minute, Logger: quiet(), Registerer: n.metrics, Budget: budget, ReadTimeout: storetest.WaitLimit})
	n.mux = http.NewServeMux()
	n.pages.Register(n.mux)
	n.mux.HandleFunc("GET /galleries/{key}", func(w http.ResponseWriter, r *http.Request) {
		if path.Ext(r.URL.Path) != "" {
			n.feed(edition.Gallery)(w, r)
			return
		}
		n.pages.Gallery(w, r)
	})
	for _, kind := range []edition.Kind{edition.Feed, edition.Section, edition.Tag, edition.Author} {
		n.mux.HandleFunc("GET /"+string(kind)+"/{file}", n.feed(kind))
	}
	n.mux.HandleFunc("GET /", n.pages.NotFound)
}

// feed answers with the page of a feed, as a person gets it, or with the list of its
// galleries; {name}+{page}.rss is the page of an archive.
func (n *node) feed(kind edition.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		file := path.Base(r.URL.Path)
		if _, err := feed.ParseFormat(strings.TrimPrefix(path.Ext(file), ".")); err != nil {
			n.pages.List(w, r, edition.Ref{Kind: kind, Name: file})
			return
		}
		ref := edition.Ref{Kind: kind, Name: strings.TrimSuffix(file, path.Ext(file))}
		ref.Name, ref.Page, _ = strings.Cut(ref.Name, "+")
		if !n.pages.Feed(w, r, ref) {
			http.Error(w, "moved", http.StatusMovedPermanently)
		}
	}
}

// get asks for a page; headers are name and value by turns.
func (n *node) get(path string, headers ...string) *http.Response {
	return n.request(http.MethodGet, path, headers...)
}

func (n *node) request(method, path string, headers ...string) *http.Response {
	r := httptest.NewRequestWithContext(n.t.Context(), method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	n.mux.ServeHTTP(w, r)
	return w.Result()
}

// open asks for a page that must be there and returns it parsed.
func (n *node) open(path string) dom {
	n.t.Helper()
	return n.openAs(http.StatusOK, path)
}

func (n *node) openAs(status int, path string) dom {
	n.t.Helper()
	res := n.get(path)
	if res.StatusCode != status {
		n.t.Fatalf("GET %s: %s, want %d", path, res.Status, status)
	}
	if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		n.t.Errorf("GET %s: content type %q", path, got)
	}
	return parse(n.t, body(n.t, res))
}

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// photo returns a gallery of two slides, published an hour before noon.
func photo(id string, change ...func(*gallery.Gallery)) *gallery.Gallery {
	g := &gallery.Gallery{
		ID: id, URL: "https://paper.example.com/g/" + id, Title: "Title of " + id, Language: "en",
		Published: noon.Add(-time.Hour),
		Slides:    []gallery.Slide{picture(1), picture(2)},
	}
	for _, f := range change {
		f(g)
	}
	return g
}

func picture(n int) gallery.Slide {
	return gallery.Slide{
		ID: fmt.Sprint(n), Title: fmt.Sprintf("Slide %d", n), Caption: fmt.Sprintf("<p>Caption <em>%d</em></p>", n), Credit: fmt.Sprintf("Agency %d", n),
		Image: gallery.Image{URL: fmt.Sprintf("https://img.example.com/%d.jpg", n), Width: 1600, Height: 900, Alt: fmt.Sprintf("Picture %d", n)},
	}
}
