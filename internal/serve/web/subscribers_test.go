package web_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/google/go-cmp/cmp"
)

// reporting is a site that counts subscribers.
func reporting(t testing.TB) (*site, *web.Subscribers) {
	var s *site
	reported := web.NewSubscribers(func() time.Time { return s.now })
	s = newSite(t, func(o *web.Options) { o.Subscribers = reported })
	return s, reported
}

func TestSubscribersAsServicesReportThem(t *testing.T) {
	for agent, want := range map[string]string{
		"Feedly/1.0 (+http://www.feedly.com/fetcher.html; 12 subscribers; like FeedFetcher-Google)":                         "Feedly 12",
		"Feedly/1.0 (+http://www.feedly.com/fetcher.html; 1 subscriber; like FeedFetcher-Google)":                           "Feedly 1",
		"NewsBlur Feed Fetcher - 5 subscribers - https://www.newsblur.com/site/1/news (Mozilla/5.0 (Macintosh) Safari/604)": "NewsBlur 5",
		"Inoreader/1.0 (+http://www.inoreader.com/feed-fetcher; 3 subscribers; )":                                           "Inoreader 3",
		"Feedbin feed-id:1234 - 20 subscribers":                                                                             "Feedbin 20",
		"Mozilla/5.0 (compatible; theoldreader.com; 2 subscribers; feed-id=99aa)":                                           "theoldreader.com 2",
		"BazQux/2.4 (+https://bazqux.com/fetcher; 7 subscribers)":                                                           "BazQux 7",
		"Feed Wrangler/1.0 (4 subscribers; feed-id=15123; https://feedwrangler.net; Allow like Gecko)":                      "Feed Wrangler 4",
		"Bloglines/3.1 (http://www.bloglines.com; 0 subscribers)":                                                           "Bloglines 0",
		"Miniflux/2.0.50": "",
		"":                "",
		"Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0": "",
		"12 subscribers":                                    "12 12", // a name like another
		"(12 subscribers)":                                  "",
		"Feedly (many subscribers)":                         "",
		"Feedly (-3 subscribers)":                           "Feedly 3",
		"Feedly (123456789 subscribers)":                    "", // more than there could be
		"<script>alert(1)</script> (5 subscribers)":         "",
		"Evil\x1b[31m\u202e/1 (5 subscribers)":              "Evil 5",
		strings.Repeat("x", 41) + "/1.0 (5 subscribers)":    "",
		"Mozilla/5.0 (compatible; <b>; 2 subscribers)":      "",
		"Mozilla/5.0 (compatible;" + strings.Repeat(" ", 9): "",
	} {
		s, reported := reporting(t)
		s.get("/feeds/all.rss", "User-Agent", agent)
		got := ""
		for _, r := range reported.Reported() {
			got += fmt.Sprintf("%s %d", r.Service, r.Subscribers)
			if r.Feed != "all" || !r.At.Equal(noon) {
				t.Errorf("%q: of %q at %v", agent, r.Feed, r.At)
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

func TestTheLatestNumberOfEachFormatCounts(t *testing.T) {
	s, reported := reporting(t)
	ask := func(path, service string, n int) *http.Response {
		return s.get(path, "User-Agent", fmt.Sprintf("%s/1.0 (+https://example.com; %d subscribers)", service, n))
	}
	ask("/feeds/all.rss", "Feedly", 12)
	ask("/feeds/all.rss", "Feedly", 13)
	ask("/feeds/all.atom", "Feedly", 4)
	ask("/feeds/all.atom", "Inoreader", 40)
	// None of these is a subscription of a feed that there is.
	ask("/feeds/none.rss", "Feedly", 99)
	ask("/feeds/old.rss", "Feedly", 99)
	ask("/feeds/all/archive/newest.rss", "Feedly", 99)
	ask("/", "Feedly", 99)
	want := []web.Reported{
		{Service: "Inoreader", Feed: "all", Subscribers: 40, At: noon},
		{Service: "Feedly", Feed: "all", Subscribers: 17, At: noon},
	}
	if diff := cmp.Diff(want, reported.Reported()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.now = noon.Add(6 * 24 * time.Hour)
	etag := ask("/feeds/all.rss", "Feedly", 14).Header.Get("Etag")
	s.now = s.now.Add(2 * 24 * time.Hour)
	s.get("/feeds/all.rss", "User-Agent", "Feedly/1.0 (15 subscribers)", "If-None-Match", etag)
	want = []web.Reported{{Service: "Feedly", Feed: "all", Subscribers: 15, At: s.now}}
	if diff := cmp.Diff(want, reported.Reported()); diff != "" {
		t.Errorf("after eight days (-want +got):\n%s", diff)
	}
}

func TestMadeUpServicesTakeNoMemory(t *testing.T) {
	s, reported := reporting(t)
	filler := strings.Repeat("x", 2000) // no memory may hold it
	ask := func(from, to int) {
		for i := from; i < to; i++ {
			s.get("/feeds/all.rss", "User-Agent", fmt.Sprintf("Made up %d/1.0 (%d subscribers) %s", i, i, filler))
			s.log.Reset()
		}
	}
	ask(0, 2000)
	before := heap()
	ask(2000, 20_000)
	if grown := heap() - before; grown > 256<<10 {
		t.Errorf("18,000 more services took %d bytes", grown)
	}
	if got := len(reported.Reported()); got != 1000 {
		t.Errorf("%d services are remembered, want 1000", got)
	}
	s.get("/feeds/all.rss", "User-Agent", "Feedly/1.0 (30000 subscribers)")
	if got := reported.Reported()[0]; got.Service != "Feedly" {
		t.Errorf("the largest is of %s", got.Service)
	}
}

// heap is how much memory is in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
