package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

func TestFrontListsFeeds(t *testing.T) {
	n := startNode(t)
	n.put(photo("one", func(g *gallery.Gallery) { g.Section = "Travel" }))
	n.put(photo("two"))
	n.put(photo("embargoed", func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }))
	n.settle()

	d := n.open("/")
	if got := d.one(t, "h1").text(); got != "Gallery & Wire" {
		t.Errorf("heading %q", got)
	}
	if got := d.one(t, "header").one(t, "p").text(); got != "Pictures of the day" {
		t.Errorf("description %q", got)
	}
	feeds := d.one(t, "ul", "class=feeds")
	if diff := cmp.Diff([]string{"All <galleries>", "Travel"}, texts(feeds.all("h3"))); diff != "" {
		t.Errorf("feeds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2 galleries", "1 gallery"}, texts(feeds.all("p"))); diff != "" {
		t.Errorf("what can be seen of them (-want +got):\n%s", diff)
	}
	want := []string{
		"https://wire.example.com/news/feeds/all.rss", "https://wire.example.com/news/feeds/all.atom", "https://wire.example.com/news/feeds/all.json",
		"https://wire.example.com/news/feeds/travel.rss", "https://wire.example.com/news/feeds/travel.atom", "https://wire.example.com/news/feeds/travel.json",
	}
	if diff := cmp.Diff(want, attrs(feeds.all("a"), "href")); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	d.one(t, "link", "rel=canonical", "href="+baseURL+"/")
}

func TestEveryPageLetsReadersDiscoverFeeds(t *testing.T) {
	n := startNode(t)
	n.put(photo("one"))
	n.settle()
	for path, status := range map[string]int{"/": 200, "/galleries/one": 200, "/galleries/none": 404} {
		head := n.openAs(status, path).one(t, "head")
		links := head.all("link", "rel=alternate")
		if len(links) != 6 {
			t.Errorf("%s: %d links, want 6", path, len(links))
		}
		for _, want := range [][]string{
			{"type=application/rss+xml", "title=All <galleries> (RSS)", "href=https://wire.example.com/news/feeds/all.rss"},
			{"type=application/atom+xml", "title=All <galleries> (Atom)", "href=https://wire.example.com/news/feeds/all.atom"},
			{"type=application/feed+json", "title=Travel (JSON)", "href=https://wire.example.com/news/feeds/travel.json"},
		} {
			head.one(t, "link", want...)
		}
		if text := body(t, n.get(path)); !strings.Contains(text, `type="application/rss+xml"`) {
			t.Errorf("%s: a reader that searches for the media type does not find it", path)
		}
	}
}

func TestFrontNamesNewestGalleries(t *testing.T) {
	n := startNode(t)
	for i := range 25 {
		n.put(photo(fmt.Sprintf("g%02d", i), func(g *gallery.Gallery) {
			g.Published = noon.Add(time.Duration(i-30) * time.Hour)
			g.Slides = g.Slides[:min(i%3, 2)]
		}))
	}
	n.put(photo("withheld", func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }))
	n.put(photo("awkward id", func(g *gallery.Gallery) {
		g.Published = noon.Add(-time.Minute)
		g.Slides[0].Rights.Syndicate = new(bool)
	}))
	n.settle()

	list := n.open("/").one(t, "ul", "class=galleries")
	items := list.all("li")
	if len(items) != 20 {
		t.Fatalf("%d galleries, want the newest 20", len(items))
	}
	if got, want := items[0].text(), "Title of awkward id 2026-11-23 11:59 UTC · 1 picture"; got != want {
		t.Errorf("newest: %q, want %q", got, want)
	}
	items[0].one(t, "a", "href=/news/galleries/"+gallery.Key("awkward id"))
	for i, item := range items[1:] {
		id := fmt.Sprintf("g%02d", 24-i)
		if got := item.one(t, "a").attr("href"); got != "/news/galleries/"+id {
			t.Errorf("place %d leads to %q, want %s", i+1, got, id)
		}
	}
	if got := items[1].one(t, "p").text(); !strings.HasSuffix(got, "0 pictures") {
		t.Errorf("g24 has %q", got)
	}
}

func TestFrontFollowsRevisions(t *testing.T) {
	n := startNode(t)
	n.put(photo("one"))
	n.settle()
	before := n.get("/").Header.Get("Etag")
	n.put(photo("one", func(g *gallery.Gallery) { g.Title, g.Version = "Corrected", 2 }))
	n.settle()
	res := n.get("/", "If-None-Match", before)
	if res.StatusCode != http.StatusOK || !strings.Contains(body(t, res), "Corrected") {
		t.Errorf("after a correction: %s without it", res.Status)
	}
}

func TestFrontOfAnEmptySite(t *testing.T) {
	d := startNode(t).open("/")
	if got := d.one(t, "ul", "class=galleries").text(); got != "Nothing has been published yet." {
		t.Errorf("it says %q", got)
	}
}
