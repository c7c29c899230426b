package web_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/prometheus/client_golang/prometheus"
)

// noon is the time in every test that does not set its own.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// editions holds editions as a test wants them.
type editions struct {
	editions map[string]*edition.Edition
	former   *edition.Set // knows former names only
	err      error        // answered for every feed
	listings []edition.Listing
}

// Edition implements [web.Editions].
func (s *editions) Edition(ctx context.Context, ref edition.Ref) (*edition.Edition, error) {
	if s.err != nil {
		return nil, s.err
	}
	if e := s.editions[ref.Name]; e != nil {
		return e, nil
	}
	if ref.Kind != edition.Feed {
		return nil, edition.ErrUnknown
	}
	return s.former.Edition(ctx, ref)
}

// ETag implements [web.Editions].
func (s *editions) ETag(edition.Ref, feed.Format) (string, bool) { return "", false }

// Address implements [web.Editions].
func (s *editions) Address(ref edition.Ref, f feed.Format) string {
	return "https://example.com" + ref.Path(f)
}

// Listings implements [web.Editions].
func (s *editions) Listings() []edition.Listing { return s.listings }

// site is the public handler over a editions with one feed, "all".
type site struct {
	t        testing.TB
	editions *editions
	now      time.Time
	log      *bytes.Buffer
	metrics  *prometheus.Registry
	options  web.Options
	handler  http.Handler
}

// newSite makes a site whose feed was touched an hour ago. Options can be
// changed before the handler is made.
func newSite(t testing.TB, change ...func(*web.Options)) *site {
	t.Helper()
	s := &site{t: t, now: noon, log: new(bytes.Buffer), metrics: prometheus.NewRegistry()}
	s.editions = &editions{editions: map[string]*edition.Edition{}, former: edition.New(edition.Options{
		Index: index.New(index.Options{}), Renderer: feed.NewRenderer(feed.Options{}), Feeds: []edition.Definition{{Name: "all", Aliases: []string{"old"}}},
	})}
	s.publish("One", noon.Add(-time.Hour))
	s.options = web.Options{
		Editions: s.editions, MaxAge: time.Minute, Now: func() time.Time { return s.now },
		Metrics: s.metrics, Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	for _, f := range change {
		f(&s.options)
	}
	s.handler = web.Public(s.options)
	return s
}

// publish makes an edition of one gallery current.
func (s *site) publish(title string, touched time.Time) *edition.Edition {
	s.t.Helper()
	e := newEdition(s.t, touched, &gallery.Gallery{ID: "g", URL: "https://example.com/g", Title: title, Published: noon.Add(-24 * time.Hour)})
	s.editions.editions["all"] = e
	return e
}

func newEdition(t testing.TB, touched time.Time, galleries ...*gallery.Gallery) *edition.Edition {
	t.Helper()
	renderer := feed.NewRenderer(feed.Options{SiteID: "example.com", BaseURL: "https://example.com"})
	var items []*feed.Item
	for _, g := range galleries {
		item, err := renderer.Item(g, noon, feed.Full)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
	}
	e := &edition.Edition{Feed: "all", Touched: touched}
	ch := feed.Channel{ID: renderer.FeedID("all"), Title: "All", Home: "https://example.com/", Hubs: []string{"https://example.com/hub"}}
	for _, f := range feed.Formats() {
		ch.Self[f] = "https://example.com/feeds/all." + f.String()
	}
	for _, f := range feed.Formats() {
		doc, err := feed.Assemble(f, ch, items)
		if err != nil {
			t.Fatal(err)
		}
		e.Documents = append(e.Documents, doc)
	}
	return e
}

// document is what the site serves as that format.
func (s *site) document(f feed.Format) *feed.Document { return s.editions.editions["all"].Document(f) }

// get asks for an address; headers are name and value by turns.
func (s *site) get(path string, headers ...string) *http.Response {
	return s.request(http.MethodGet, path, headers...)
}

func (s *site) request(method, path string, headers ...string) *http.Response {
	return ask(s.t, s.handler, method, path, headers...)
}

func ask(t testing.TB, h http.Handler, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wantHeader compares one header.
func wantHeader(t testing.TB, res *http.Response, name, want string) {
	t.Helper()
	if got := strings.Join(res.Header.Values(name), "|"); got != want {
		t.Errorf("%s: %q, want %q", name, got, want)
	}
}
