package web_test

import (
	"bufio"
	"compress/gzip"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/google/go-cmp/cmp"
)

func TestEveryKindOfFeedIsServed(t *testing.T) {
	l := newLive(t)
	for i, id := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		l.publish(id, i, 1)
	}
	section := "/sections/" + url.PathEscape(gallery.Slug("Reise & Café"))
	for path, want := range map[string]string{
		"/feeds/all": "Title of a", section: "Title of g", "/tags/%E5%A4%9C": "Title of g", "/authors/" + gallery.Slug("A. Writer"): "Title of g",
		"/galleries/a": "Title of a", "/feeds/all/archive/newest": "Title of a", section + "/archive/newest": "Title of a",
	} {
		for ending, contentType := range map[string]string{".rss": "application/rss+xml", ".atom": "application/atom+xml", ".json": "application/feed+json"} {
			res := l.get(path + ending)
			text := body(t, res)
			if res.StatusCode != 200 || !strings.Contains(text, want) {
				t.Errorf("%s: %s, without %q", path+ending, res.Status, want)
			}
			wantHeader(t, res, "Content-Type", contentType+"; charset=utf-8")
			wantHeader(t, res, "Cache-Control", "public, max-age=60, must-revalidate")
			again := l.get(path+ending, "If-None-Match", res.Header.Get("ETag"))
			if again.StatusCode != 304 {
				t.Errorf("%s again: %s", path+ending, again.Status)
			}
			head := ask(t, l.handler, http.MethodHead, path+ending)
			if head.StatusCode != 200 || head.Header.Get("ETag") != res.Header.Get("ETag") || body(t, head) != "" {
				t.Errorf("HEAD %s: %s", path+ending, head.Status)
			}
			if zipped := unzip(t, l.get(path+ending, "Accept-Encoding", "gzip")); zipped != text {
				t.Errorf("%s compressed is something else", path+ending)
			}
			if res := ask(t, l.handler, http.MethodOptions, path+ending); res.StatusCode != 204 {
				t.Errorf("OPTIONS %s: %s", path+ending, res.Status)
			}
		}
	}
	if got := body(t, l.get("/galleries/a")); got != "page of a" {
		t.Errorf("the page of a gallery: %q", got)
	}
}

func unzip(t *testing.T, res *http.Response) string {
	t.Helper()
	wantHeader(t, res, "Content-Encoding", "gzip")
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAFormerNameKeepsThePageOfItsArchive(t *testing.T) {
	l := newLive(t)
	l.publish("a", 1, 1)
	for path, c := range map[string]struct {
		status int
		to     string
	}{
		"/feeds/latest.rss":                       {301, "https://example.com/feeds/all.rss"},
		"/feeds/latest/archive/newest.json":       {301, "https://example.com/feeds/all/archive/newest.json"},
		"/feeds/latest/archive/after-newest.atom": {301, "https://example.com/feeds/all/archive/after-newest.atom"},
	} {
		res := l.get(path)
		if res.StatusCode != c.status {
			t.Errorf("%s: %s", path, res.Status)
		}
		wantHeader(t, res, "Location", c.to)
		wantHeader(t, res, "Cache-Control", "public, max-age=60, must-revalidate")
	}
}

// A reader walks up again by addresses that are looked up when asked.
func TestTheArchiveLeadsUpAgain(t *testing.T) {
	l := newLive(t)
	for i := range 40 {
		l.publish("g"+string(rune('A'+i)), i, 1)
	}
	var pages []string
	for next := "/feeds/all/archive/newest.atom"; next != ""; {
		pages = append(pages, next)
		next = strings.TrimPrefix(linkIn(t, body(t, l.get(next)), "prev-archive"), "https://example.com")
	}
	if len(pages) < 4 {
		t.Fatalf("only %d pages", len(pages))
	}
	for i, page := range pages[1:] {
		res := l.get(strings.TrimPrefix(linkIn(t, body(t, l.get(page)), "next-archive"), "https://example.com"))
		if res.StatusCode != http.StatusTemporaryRedirect {
			t.Errorf("above %s: %s", page, res.Status)
		}
		wantHeader(t, res, "Location", "https://example.com"+pages[i])
		wantHeader(t, res, "Cache-Control", "public, max-age=60, must-revalidate")
	}
}

// linkIn returns where a link of an Atom document leads, "" for none.
func linkIn(t *testing.T, text, rel string) string {
	t.Helper()
	var doc struct {
		Links []struct {
			Rel  string `xml:"rel,attr"`
			Href string `xml:"href,attr"`
		} `xml:"link"`
	}
	if err := xml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	for _, link := range doc.Links {
		if link.Rel == rel {
			return link.Href
		}
	}
	return ""
}

func TestUnknownAddresses(t *testing.T) {
	l := newLive(t)
	l.publish("a", 1, 1)
	l.publish("gone", 2, 1)
	l.TakeDown("gone")
	l.publish("soon", -60, 1, func(g *gallery.Gallery) { g.Section = "Secret" })
	long := strings.Repeat("x", 10<<10)
	for path, status := range map[string]int{
		"/sections/none.rss": 404, "/sections/secret.atom": 404, "/tags/none.json": 404, "/authors/none.atom": 404,
		"/feeds/all/archive/none.atom": 404, "/feeds/all/archive/newest": 404, "/feeds/all/archive/newest.xml": 404,
		"/sections/none/archive/newest.atom": 404, "/galleries/none.atom": 404, "/galleries/soon.atom": 404, "/galleries/gone.rss": 410,
		"/tags/" + long + ".rss": 404, "/feeds/all/archive/" + long + ".rss": 404, "/galleries/" + long + ".rss": 404,
		"/sections/...rss": 404, "/sections/%2e%2e.rss": 404, "/sections/%2e%2e/x.rss": 404, "/sections/../feeds/all.rss": 404, "/tags/..": 404,
		"/tags/..%2f..%2fetc%2fpasswd.rss": 404, "/tags/a%2Fb.rss": 404, "/tags/%00.rss": 404, "/tags/%ff.rss": 404, "/tags/.rss": 404,
		"/feeds/all/archive/..%2f.atom": 404, "/feeds/all/archive/%00.atom": 404, "/feeds/all/archive/1~%00.atom": 404, "/feeds/all/archive/~.atom": 404,
		"/galleries/%2e%2e.rss": 404, "/galleries/%00.json": 404, "/sections/a/b/c.rss": 404, "/sections/": 404, "/feeds/all/archive/": 404,
	} {
		res := l.get(path)
		text := body(t, res)
		if res.StatusCode != status || len(text) < 10 || len(text) > 200 || strings.Contains(text, "xxx") {
			t.Errorf("%.40s: %s, %.200q", path, res.Status, text)
		}
		wantHeader(t, res, "Content-Type", "text/plain; charset=utf-8")
	}
	if diff := cmp.Diff(body(t, l.get("/galleries/none.atom")), body(t, l.get("/galleries/soon.atom"))); diff != "" {
		t.Errorf("an embargo shows (-none +embargoed):\n%s", diff)
	}
	families, err := l.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if got := len(f.GetMetric()); got > 20 {
			t.Errorf("%s has %d label sets", f.GetName(), got)
		}
	}
}

func TestReadyzListsWarnings(t *testing.T) {
	s := newSite(t, func(o *web.Options) {
		o.Detail = func() []string { return []string{`left out of all: "b": too long`} }
	})
	if res := s.get("/readyz"); res.StatusCode != 200 || body(t, res) != "ready\nleft out of all: \"b\": too long\n" {
		t.Error(res.Status)
	}
}

func TestOPMLListsFeedsAndSections(t *testing.T) {
	l := newLive(t)
	l.publish("a", 1, 1, func(g *gallery.Gallery) { g.Section = `<b> & "c"` + "\x0b" })
	res := l.get("/feeds.opml")
	text := body(t, res)
	wantHeader(t, res, "Content-Type", "text/x-opml; charset=utf-8")
	wantHeader(t, res, "Access-Control-Allow-Origin", "*")
	var list struct {
		Version  string `xml:"version,attr"`
		Title    string `xml:"head>title"`
		Outlines []struct {
			Type  string `xml:"type,attr"`
			Text  string `xml:"text,attr"`
			Title string `xml:"title,attr"`
			URL   string `xml:"xmlUrl,attr"`
			Page  string `xml:"htmlUrl,attr"`
		} `xml:"body>outline"`
	}
	if err := xml.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"rss", "All", "All", "https://example.com/feeds/all.atom", "https://example.com/feeds/all"},
		{"rss", `<b> & "c"`, `<b> & "c"`, "https://example.com/sections/" + url.PathEscape(gallery.Slug(`<b> & "c"`)) + ".atom", "https://example.com/sections/" + url.PathEscape(gallery.Slug(`<b> & "c"`))},
	}
	var got [][]string
	for _, o := range list.Outlines {
		got = append(got, []string{o.Type, o.Text, o.Title, o.URL, o.Page})
	}
	if diff := cmp.Diff(want, got); diff != "" || list.Version != "2.0" || list.Title != "Wire & wire" {
		t.Errorf("version %q, title %q (-want +got):\n%s", list.Version, list.Title, diff)
	}
	lint(t, text)
	for _, o := range list.Outlines {
		if res := l.get(strings.TrimPrefix(o.URL, "https://example.com")); res.StatusCode != 200 {
			t.Errorf("%s: %s", o.URL, res.Status)
		}
	}
	if res := l.get("/feeds.opml", "If-None-Match", res.Header.Get("ETag")); res.StatusCode != 304 {
		t.Errorf("again: %s", res.Status)
	}
	if head := ask(t, l.handler, http.MethodHead, "/feeds.opml"); head.StatusCode != 200 || body(t, head) != "" {
		t.Errorf("HEAD: %s", head.Status)
	}
}

func TestOPMLOfNothingIsStillOne(t *testing.T) {
	s := newSite(t)
	s.editions.listings = []edition.Listing{}
	if text := body(t, s.get("/feeds.opml")); !strings.Contains(text, "<body></body>") {
		t.Error(text)
	} else {
		lint(t, text)
	}
}

// lint holds XML to a program that nobody here wrote.
func lint(t *testing.T, text string) {
	t.Helper()
	path, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("xmllint is missing")
		}
		t.Log("not held to xmllint, which is not installed")
		return
	}
	check := exec.Command(path, "--noout", "-")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("xmllint: %v\n%s", err, out)
	}
}

func TestHostileConditionsAreRefused(t *testing.T) {
	address := serve(t, web.NewServer(newSite(t).handler, slog.New(slog.DiscardHandler)))
	for _, name := range []string{"A-IM", "If-None-Match", "Accept-Encoding"} {
		conn := dial(t, address)
		go io.WriteString(conn, "GET /feeds/all.rss HTTP/1.1\r\nHost: x\r\n"+name+": "+strings.Repeat(`"a", `, 200_000)+"\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s of 1 MB: %s", name, res.Status)
		}
	}
}

// What just fits is answered, whatever it says.
func TestStrangeConditionsAreAnswered(t *testing.T) {
	l := newLive(t)
	l.publish("a", 1, 1)
	l.get("/feeds/all.atom")
	l.publish("b", 0, 1)
	for _, strange := range []string{
		strings.Repeat(",", 30_000), strings.Repeat(`"`, 30_000), strings.Repeat("W/", 15_000), strings.Repeat(`"a",`, 7000), "*", "feed", "\x00\xff", strings.Repeat("feed;q=nan,", 2500),
	} {
		res := l.get("/feeds/all.atom", "A-IM", "feed", "A-IM", strange, "If-None-Match", strange)
		if wanted := map[bool]int{true: 304, false: 200}[strange == "*"]; res.StatusCode != wanted {
			t.Errorf("%.20q: %s", strange, res.Status)
		}
		if res := l.get("/feeds/all/archive/newest.atom", "If-None-Match", strange); res.StatusCode != 200 && strange != "*" {
			t.Errorf("%.20q: %s", strange, res.Status)
		}
	}
}

func TestWhatIsSentIsNeverRedirected(t *testing.T) {
	l := newLive(t)
	for _, path := range []string{"//", "/./healthz", "//healthz", "/x//y", "/healthz/"} {
		if res := ask(t, l.handler, http.MethodPost, path); res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %s", path, res.Status)
		}
	}
}
