package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

const twoHubs = `<https://example.com/hub>; rel="hub", <https://hub.example.org/?a=1>; rel="hub", `

// wantLink asks for one Link header, and none but that.
func wantLink(t *testing.T, res *http.Response, status int, want string) {
	t.Helper()
	if res.StatusCode != status {
		t.Errorf("%s, want %d", res.Status, status)
	}
	if got := res.Header.Values("Link"); len(got) != 1 || got[0] != want {
		t.Errorf("Link %q, want %s", got, want)
	}
}

// Subscribers find hub and topic in the header of whatever they are answered.
func TestEveryAnswerOfAFeedNamesTheHubsAndItself(t *testing.T) {
	l := newLive(t)
	l.publish("a", 1, 1)
	slug := gallery.Slug("Reise & Café")
	section := "/sections/" + url.PathEscape(slug)
	for path, canonical := range map[string]string{
		"/feeds/all": "", "/sections/" + slug: section, "/tags/%E5%A4%9C": "", "/tags/夜": "/tags/%E5%A4%9C",
		"/authors/" + gallery.Slug("A. Writer"): "", "/galleries/a": "", "/galleries/%61": "/galleries/a",
	} {
		if canonical == "" {
			canonical = path
		}
		for _, ending := range []string{".rss", ".atom", ".json"} {
			want := twoHubs + `<https://example.com` + canonical + ending + `>; rel="self"`
			res := l.get(path+ending, "Accept-Encoding", "gzip")
			wantLink(t, res, 200, want)
			wantLink(t, l.get(path+ending, "If-None-Match", res.Header.Get("ETag")), 304, want)
			wantLink(t, ask(t, l.handler, http.MethodHead, path+ending), 200, want)
			text := body(t, l.get(path+ending))
			for address := range strings.SplitSeq(want, ", ") {
				address, _, _ = strings.Cut(strings.TrimPrefix(address, "<"), ">")
				if !strings.Contains(text, address) {
					t.Errorf("%s does not name %s itself", path+ending, address)
				}
			}
		}
	}
}

func TestADeltaNamesTheHubsToo(t *testing.T) {
	l, old := deltaSite(t)
	want := twoHubs + `<https://example.com/feeds/all.atom>; rel="self"`
	wantLink(t, l.get("/feeds/all.atom", "A-IM", "feed", "If-None-Match", old), 226, want)
}

// A page of an archive is no topic: its changes are announced to nobody.
func TestAPageOfAnArchiveNamesOnlyItself(t *testing.T) {
	l := newLive(t)
	l.publish("a", 1, 1)
	for _, path := range []string{"/feeds/all/archive/newest", "/tags/%E5%A4%9C/archive/newest"} {
		for _, ending := range []string{".rss", ".atom", ".json"} {
			want := `<https://example.com` + path + ending + `>; rel="self"`
			res := l.get(path + ending)
			wantLink(t, res, 200, want)
			// Known without rendering.
			wantLink(t, l.get(path+ending, "If-None-Match", res.Header.Get("ETag")), 304, want)
			if strings.Contains(body(t, res), "/hub") {
				t.Errorf("%s names a hub", path+ending)
			}
		}
	}
}

func TestWithoutAHubAFeedNamesItself(t *testing.T) {
	l := newLive(t, func(o *edition.Options) { o.Site.Hubs = nil })
	l.publish("a", 1, 1)
	wantLink(t, l.get("/feeds/all.json"), 200, `<https://example.com/feeds/all.json>; rel="self"`)
}

func TestOnlyFeedsHaveLinkHeaders(t *testing.T) {
	s := newSite(t, func(o *web.Options) { o.Title = "Wire" })
	for _, path := range []string{"/feeds/none.rss", "/feeds/old.rss", "/feeds.opml", "/healthz"} {
		wantHeader(t, s.get(path), "Link", "")
	}
}
