package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// welcome answers people with the feed that they opened, but not where it moved.
func welcome(o *web.Options) {
	o.FeedPage = func(w http.ResponseWriter, _ *http.Request, ref edition.Ref) bool {
		if ref.Name == "old" {
			return false
		}
		fmt.Fprintf(w, "page of %s %s %s", ref.Kind, ref.Name, ref.Page)
		return true
	}
	o.NotFound = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no page", http.StatusNotFound) }
}

func TestAPersonGetsThePageOfAFeed(t *testing.T) {
	s := newSite(t, welcome)
	for path, want := range map[string]string{
		"/feeds/all.rss":                "page of feeds all ",
		"/feeds/all.json?utm_source=x":  "page of feeds all ",
		"/feeds/none.atom":              "page of feeds none ",
		"/sections/caf%C3%A9.atom":      "page of sections café ",
		"/tags/night.rss":               "page of tags night ",
		"/authors/a.json":               "page of authors a ",
		"/galleries/harbour.rss":        "page of galleries harbour ",
		"/feeds/all/archive/newest.rss": "page of feeds all newest",
	} {
		if got := body(t, s.get(path, "Sec-Fetch-Dest", "document")); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestBrowsersAreRecognised(t *testing.T) {
	for _, c := range []struct {
		name   string
		query  string
		header []string
		person bool
	}{
		{"a tab", "", []string{"Sec-Fetch-Dest", "document"}, true},
		{"a tab that was there before", "", []string{"Sec-Fetch-Dest", "document", "If-None-Match", "*"}, true},
		{"a script's fetch", "", []string{"Sec-Fetch-Dest", "empty"}, false},
		{"a frame", "", []string{"Sec-Fetch-Dest", "iframe"}, false},
		{"a reader that asks for HTML", "", []string{"Accept", "text/html"}, false},
		{"a reader that is named like a browser", "", []string{"User-Agent", "Mozilla/5.0"}, false},
		{"a person who wants the feed itself", "?raw", []string{"Sec-Fetch-Dest", "document"}, false},
		{"a request that says two things", "", []string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Dest", "empty"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, welcome)
			res := s.get("/feeds/all.atom"+c.query, c.header...)
			if got := strings.HasPrefix(body(t, res), "page of"); got != c.person || res.StatusCode != http.StatusOK {
				t.Errorf("%s, a page: %t, want %t", res.Status, got, c.person)
			}
		})
	}
}

// For every client an address without a format is that of a page.
func TestTheAddressOfAFeedWithoutAFormatIsAPage(t *testing.T) {
	s := newSite(t, welcome, func(o *web.Options) {
		o.ListPage = func(w http.ResponseWriter, r *http.Request, ref edition.Ref) {
			fmt.Fprintf(w, "list of %s %s, %s", ref.Kind, ref.Name, r.URL.RawQuery)
		}
	})
	for path, want := range map[string]string{
		"/feeds/all":                   "list of feeds all, ",
		"/sections/caf%C3%A9?before=x": "list of sections café, before=x",
		"/tags/a~0123":                 "list of tags a~0123, ",
		"/authors/a":                   "list of authors a, ",
		"/authors/A.%20Writer":         "list of authors A. Writer, ",
		"/tags/node.js":                "list of tags node.js, ",
		"/feeds/all.xml":               "no such feed: addresses end in .rss, .atom or .json\n",
		"/feeds/all/archive/newest":    "no such feed: addresses end in .rss, .atom or .json\n",
	} {
		if got := body(t, s.get(path)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestPageOfAFeedLeavesOtherRequestsAlone(t *testing.T) {
	s := newSite(t, welcome)
	res := s.get("/feeds/old.rss", "Sec-Fetch-Dest", "document")
	if res.StatusCode != http.StatusMovedPermanently || res.Header.Get("Location") != "/feeds/all.rss" {
		t.Errorf("a former name: %s to %s", res.Status, res.Header.Get("Location"))
	}
	for _, path := range []string{"/feeds/all", "/feeds/all/archive/newest", "/tags/night.xml"} {
		if res := s.get(path, "Sec-Fetch-Dest", "document"); res.StatusCode != http.StatusNotFound || body(t, res) != "no page\n" {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
	plain := newSite(t)
	if got := body(t, plain.get("/feeds/all.rss", "Sec-Fetch-Dest", "document")); got != string(plain.document(feed.RSS).Bytes()) {
		t.Error("without pages a person does not get the feed")
	}
}

// A cache that has the feed must not answer a person with it, nor the other way
// round: what it may keep says what it depends on, however it is answered.
func TestFeedsSayThatTheyDependOnWhoAsks(t *testing.T) {
	s := newSite(t, welcome)
	etag := s.document(feed.RSS).ETag
	for name, res := range map[string]*http.Response{
		"whole":    s.get("/feeds/all.rss"),
		"gzip":     s.get("/feeds/all.rss", "Accept-Encoding", "gzip"),
		"HEAD":     s.request(http.MethodHead, "/feeds/all.rss"),
		"the same": s.get("/feeds/all.rss", "If-None-Match", etag),
	} {
		if !strings.Contains(res.Header.Get("Vary"), "Sec-Fetch-Dest") {
			t.Errorf("%s: Vary: %s", name, res.Header.Get("Vary"))
		}
	}
}
