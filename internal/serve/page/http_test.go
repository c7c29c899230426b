package page_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/google/go-cmp/cmp"
)

func TestPagesAreCachedHonestly(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one"))
	for _, path := range []string{"/", "/galleries/one", "/style.css", "/page.js"} {
		first := n.get(path)
		etag, text := first.Header.Get("Etag"), body(t, first)
		if !strings.HasPrefix(etag, `"`) || len(etag) < 10 {
			t.Errorf("%s: no strong tag: %q", path, etag)
		}
		if got := first.Header.Get("Cache-Control"); got != "public, max-age=60, must-revalidate" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		for _, tag := range []string{etag, `"other", ` + etag, "W/" + etag, "*"} {
			res := n.get(path, "If-None-Match", tag)
			if res.StatusCode != http.StatusNotModified || body(t, res) != "" || res.Header.Get("Etag") != etag {
				t.Errorf("%s with %s: %s", path, tag, res.Status)
			}
		}
		if res := n.get(path, "If-None-Match", `"other"`); res.StatusCode != http.StatusOK || body(t, res) != text {
			t.Errorf("%s with another tag: %s", path, res.Status)
		}
	}
}

// Each page and file comes in two codings, by what the client takes, and each has a
// tag of its own. Who has one of them has the page.
func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one"))
	n.Publish(photo("gone"))
	n.TakeDown("gone")
	for path, kept := range map[string]bool{
		"/": true, "/galleries/one": true, "/style.css": true, "/page.js": true,
		"/feeds/all.rss": false, "/galleries/one.atom": false, "/none": false, "/galleries/gone": false,
	} {
		plain := n.get(path)
		text, etag := body(t, plain), plain.Header.Get("Etag")
		for accept, want := range map[string]string{
			"gzip": "gzip", "x-gzip": "gzip", "br, gzip;q=0.1": "gzip", "*": "gzip", "identity;q=0, *;q=0.5": "gzip", "GZIP ; Q=1": "gzip",
			"": "", "identity": "", "br": "", "gzip;q=0": "", "gzip;q=0, *": "", "*;q=0": "", "identity;q=0": "", "gzip;q=none": "",
		} {
			res := n.get(path, "Accept-Encoding", accept, "Range", "bytes=0-9")
			got, length := body(t, res), res.Header.Get("Content-Length")
			if res.StatusCode != plain.StatusCode || res.Header.Get("Content-Encoding") != want || length != fmt.Sprint(len(got)) {
				t.Errorf("%s to %q: %s, coding %q, %d bytes of %s", path, accept, res.Status, res.Header.Get("Content-Encoding"), len(got), length)
			}
			if !strings.HasPrefix(res.Header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("%s: Vary %q", path, res.Header.Get("Vary"))
			}
			tag := etag
			if want == "gzip" {
				got = unzipped(t, got)
				if kept {
					tag = strings.TrimSuffix(etag, `"`) + `-gzip"`
				}
			}
			if got != text || res.Header.Get("Etag") != tag || kept == (tag == "") {
				t.Errorf("%s to %q: another text, or tag %s, want %s", path, accept, res.Header.Get("Etag"), tag)
			}
			if again := n.get(path, "Accept-Encoding", "gzip", "If-None-Match", tag); kept &&
				(again.StatusCode != http.StatusNotModified || again.Header.Get("Etag") != tag || again.Header.Get("Vary") != "Accept-Encoding" || again.Header.Get("Content-Encoding") != "") {
				t.Errorf("%s with %s: %s, %v", path, tag, again.Status, again.Header)
			}
		}
	}
}

func unzipped(t *testing.T, s string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The budget counts both forms of a page.
func TestBudgetCountsBothCodings(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one", func(g *gallery.Gallery) { g.Body = strings.Repeat("<p>Some text that repeats.</p>", 1000) }))
	budget := cache.NewBudget(16 << 20)
	n.mountOn(budget, n.Clock.Now)
	sum := 0
	for _, coding := range []string{"identity", "gzip"} {
		sum += len(body(t, n.get("/galleries/one", "Accept-Encoding", coding)))
	}
	if got := budget.Used(); got < sum {
		t.Errorf("%d bytes are counted, both codings are %d", got, sum)
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one"))
	for _, path := range []string{"/", "/galleries/one", "/galleries/none", "/none", "/style.css", "/page.js", "/feeds/all.rss"} {
		get, head := n.get(path), n.request(http.MethodHead, path)
		if head.StatusCode != get.StatusCode || body(t, head) != "" {
			t.Errorf("HEAD %s: %s with a body, GET: %s", path, head.Status, get.Status)
		}
		if diff := cmp.Diff(get.Header, head.Header); diff != "" {
			t.Errorf("HEAD %s (-get +head):\n%s", path, diff)
		}
	}
}

func TestNoAnswerAllowsAForeignScript(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one"))
	n.Publish(photo("gone"))
	n.TakeDown("gone")
	const policy = "default-src 'none'; style-src 'self'; img-src http: https: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for path, scripted := range map[string]bool{
		"/": true, "/galleries/one": true, "/feeds/all.rss": true, "/galleries/one.rss": true,
		"/galleries/gone": false, "/galleries/none": false, "/none": false, "/feeds/none.rss": false, "/style.css": false, "/page.js": false,
	} {
		h, want := n.get(path).Header, policy
		if scripted {
			want += "; script-src 'self'"
		}
		if got := h.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy %q", path, got)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") == "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func TestStylesheetIsWhereThePagesSay(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	href := n.open("/").one(t, "link", "rel=stylesheet").attr("href")
	if href != "/news/style.css" {
		t.Fatalf("stylesheet at %q", href)
	}
	res := n.get(strings.TrimPrefix(href, "/news"))
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%s %s", res.Status, res.Header.Get("Content-Type"))
	}
	if text := body(t, res); !strings.Contains(text, "prefers-color-scheme: dark") || strings.Contains(text, "url(") {
		t.Error("the stylesheet knows no dark, or loads something")
	}
}

func TestNotFoundLeadsBack(t *testing.T) {
	t.Parallel()
	d := startNode(t).openAs(http.StatusNotFound, "/nothing/here")
	d.one(t, "main").one(t, "a", "href=/news/")
}

func TestSameBytesAtAnotherTimeAndOnAnotherNode(t *testing.T) {
	t.Parallel()
	a := startNode(t)
	b := secondNode(a)
	for _, id := range []string{"one", "two"} {
		a.Publish(photo(id, func(g *gallery.Gallery) { g.Section, g.Tags = "Travel", []string{"night", "day"} }))
	}
	a.Settle()
	b.Settle()
	b.Clock.Set(noon.Add(5 * time.Hour))
	for _, path := range []string{"/", "/galleries/one", "/feeds/all.rss", "/tags/night.atom", "/galleries/two.json"} {
		if diff := cmp.Diff(body(t, a.get(path)), body(t, b.get(path))); diff != "" {
			t.Errorf("%s differs:\n%s", path, diff)
		}
	}
}

func TestBeforeTheIndexIsWhole(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for _, path := range []string{"/", "/galleries/one"} {
		unavailable(t, n, path)
	}
}

func TestStorageAway(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("seen"))
	n.open("/galleries/seen")
	n.Publish(photo("unseen"))
	n.Broker.Conn().Close()

	unavailable(t, n, "/galleries/unseen")
	n.open("/galleries/seen") // what was rendered before goes on
	if got := n.get("/galleries/none").StatusCode; got != http.StatusNotFound {
		t.Errorf("unknown gallery: %d", got)
	}
}

// unavailable checks that path answers 503 and when to come back.
func unavailable(t *testing.T, n *node, path string) {
	t.Helper()
	res := n.get(path)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("%s: %s, Retry-After %q", path, res.Status, res.Header.Get("Retry-After"))
	}
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s: Cache-Control %q", path, got)
	}
}

func TestFrontLeavesOutUnreadableGalleries(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("seen"))
	whole := n.open("/")
	if got := len(whole.all("ul", "class=galleries")); got != 1 {
		t.Fatalf("%d lists", got)
	}
	n.Publish(photo("unseen", func(g *gallery.Gallery) { g.Published = noon }))
	if _, err := n.editions.Current(t.Context(), "all"); err != nil { // the feed has it, the page not yet
		t.Fatal(err)
	}
	n.Broker.Conn().Close()

	res := n.get("/")
	if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%s, Cache-Control %q", res.Status, res.Header.Get("Cache-Control"))
	}
	names := texts(parse(t, body(t, res)).one(t, "ul", "class=galleries").all("h3"))
	if diff := cmp.Diff([]string{"Title of seen"}, names); diff != "" {
		t.Errorf("galleries (-want +got):\n%s", diff)
	}
}

func TestGalleryThatCannotBeReadAnyMore(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("broken", func(g *gallery.Gallery) { g.Title = "" }))
	n.Publish(photo("good"))
	if res := n.get("/galleries/broken"); res.StatusCode != http.StatusInternalServerError || res.Header.Get("Retry-After") != "" {
		t.Errorf("%s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
	n.open("/galleries/good")
}

func TestSupersededWhileItIsRead(t *testing.T) {
	t.Parallel()
	held, resume := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(resume) })
	n := startNode(t, func(o *catalogue.Options) {
		o.Index.Changed = func(c index.Change) {
			if c.ID() == "hold" { // the index lags behind the bucket from here
				close(held)
				<-resume
			}
		}
	})
	t.Cleanup(release) // before the node's own, which waits for the index
	n.Publish(photo("moving"))
	looks := 0
	n.mount(func() time.Time {
		if looks++; looks == 2 {
			release()
		}
		return noon
	})
	writer := n.World.Catalogue()
	for _, g := range []*gallery.Gallery{photo("hold"), photo("moving", func(g *gallery.Gallery) { g.Title, g.Version = "Moved on", 2 })} {
		if _, err := writer.Put(t.Context(), storetest.Publication(t, g)); err != nil {
			t.Fatal(err)
		}
		<-held
	}

	if got := n.open("/galleries/moving").one(t, "h1").text(); got != "Moved on" {
		t.Errorf("it shows %q", got)
	}
	if looks < 2 {
		t.Errorf("it looked %d times: nothing was superseded", looks)
	}
}
