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
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one", func(g *gallery.Gallery) { g.Section = "Travel" }))
	n.Publish(photo("two"))
	n.Publish(photo("embargoed", func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }))

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
	var changed []string
	for _, name := range []string{"all", "travel"} {
		changed = append(changed, n.editions.Touched(name).Format(time.RFC3339))
	}
	if diff := cmp.Diff(changed, attrs(feeds.all("time"), "datetime")); diff != "" {
		t.Errorf("when they changed (-want +got):\n%s", diff)
	}
	if got := texts(feeds.all("p")); got[0] != "2 galleries" || got[2] != "1 gallery" {
		t.Errorf("what they hold: %q", got)
	}
	want := []string{
		"/news/feeds/all",
		"https://wire.example.com/news/feeds/all.atom", "https://wire.example.com/news/feeds/all.rss", "https://wire.example.com/news/feeds/all.json",
		"/news/feeds/travel",
		"https://wire.example.com/news/feeds/travel.atom", "https://wire.example.com/news/feeds/travel.rss", "https://wire.example.com/news/feeds/travel.json",
	}
	if diff := cmp.Diff(want, attrs(feeds.all("a"), "href")); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	d.one(t, "link", "rel=canonical", "href="+baseURL+"/")
}

func TestEveryPageLetsReadersDiscoverFeeds(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one"))
	for path, status := range map[string]int{"/": 200, "/galleries/one": 200, "/galleries/none": 404, "/feeds/travel": 200, "/feeds/all.json": 200} {
		head := n.openAs(status, path).one(t, "head")
		links := head.all("link", "rel=alternate")
		if want := map[string]int{"/galleries/one": 9}[path]; len(links) != max(6, want) {
			t.Errorf("%s: %d links, want %d", path, len(links), max(6, want))
		}
		if got := links[0].attr("type"); got != "application/atom+xml" {
			t.Errorf("%s: readers discover %s first, which cannot tell what was withdrawn", path, got)
		}
		if got := links[0].attr("href"); path == "/feeds/travel" && got != baseURL+path+".atom" {
			t.Errorf("%s: readers discover %s first, not what the page is about", path, got)
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
	t.Parallel()
	n := startNode(t)
	for i := range 25 {
		n.Publish(photo(fmt.Sprintf("g%02d", i), func(g *gallery.Gallery) {
			g.Published = noon.Add(time.Duration(i-30) * time.Hour)
			g.Slides = g.Slides[:min(i%3, 2)]
		}))
	}
	n.Publish(photo("withheld", func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }))
	n.Publish(photo("awkward id", func(g *gallery.Gallery) {
		g.Published = noon.Add(-time.Minute)
		g.Slides[0].Rights.Syndicate = new(bool)
	}))

	list := n.open("/").one(t, "ul", "class=galleries")
	items := list.all("li", "class=card")
	if len(items) != 20 {
		t.Fatalf("%d galleries, want the newest 20", len(items))
	}
	if got, want := items[0].text(), "Title of awkward id 23 Nov 2026, 11:59 UTC · 1 picture"; got != want {
		t.Errorf("newest: %q, want %q", got, want)
	}
	items[0].one(t, "a", "href=/news/galleries/"+gallery.Key("awkward id"))
	for i, item := range items[1:] {
		id := fmt.Sprintf("g%02d", 24-i)
		if got := item.one(t, "a").attr("href"); got != "/news/galleries/"+id {
			t.Errorf("place %d leads to %q, want %s", i+1, got, id)
		}
	}
	if got := items[1].one(t, "p").text(); strings.Contains(got, "picture") {
		t.Errorf("g24 has none, and says %q", got)
	}
}

func TestFrontFollowsRevisions(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one"))
	before := n.get("/").Header.Get("Etag")
	n.Publish(photo("one", func(g *gallery.Gallery) { g.Title, g.Version = "Corrected", 2 }))
	res := n.get("/", "If-None-Match", before)
	if res.StatusCode != http.StatusOK || !strings.Contains(body(t, res), "Corrected") {
		t.Errorf("after a correction: %s without it", res.Status)
	}
}

func TestFrontOfAnEmptySite(t *testing.T) {
	t.Parallel()
	d := startNode(t).open("/")
	if got := d.one(t, "section", "aria-labelledby=newest").one(t, "p").text(); got != "Nothing is published at the moment." {
		t.Errorf("it says %q", got)
	}
	if got := len(d.one(t, "ul", "class=feeds").all("time")); got != 0 {
		t.Errorf("%d feeds say when they changed", got)
	}
}

func TestFrontShowsCovers(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("old", func(g *gallery.Gallery) {
		g.Published = noon.Add(-3 * time.Hour)
		g.Slides[0].Image.Thumbnail = "https://img.example.com/1-s.jpg"
	}))
	n.Publish(photo("older", func(g *gallery.Gallery) {
		g.Published = noon.Add(-4 * time.Hour)
		g.Slides[0].Image.URL = "javascript:alert(1)" // the next picture stands in
	}))
	n.Publish(photo("new", func(g *gallery.Gallery) {
		g.Slides[0].Image.Thumbnail = "https://img.example.com/1-s.jpg" // shown large
		g.Slides[0].Image.Height = 0
	}))
	n.Publish(photo("bare", func(g *gallery.Gallery) { g.Published, g.Slides = noon.Add(-5*time.Hour), nil }))
	cards := n.open("/").all("li", "class=card")
	for i, want := range []string{"https://img.example.com/1.jpg", "https://img.example.com/1-s.jpg", "https://img.example.com/2.jpg"} {
		img := cards[i].one(t, "img", "src="+want)
		if sized := img.carries("width") && img.carries("height"); sized != (i > 0) {
			t.Errorf("%s has a size: %t", want, sized)
		}
		if !strings.HasPrefix(img.attr("alt"), "Picture ") {
			t.Errorf("%s has alt %q", want, img.attr("alt"))
		}
	}
	if got := len(cards[3].all("img")); got != 0 {
		t.Errorf("a gallery without pictures has %d", got)
	}
}

func TestFrontNamesWhatIsInTheNews(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", func(g *gallery.Gallery) { g.Section, g.Tags = "Travel", []string{"Night", "R&D"} }))
	n.Publish(photo("b", func(g *gallery.Gallery) { g.Section, g.Tags = "travel", []string{"night", "\u202Eturned"} }))
	n.Publish(photo("c", func(g *gallery.Gallery) { g.Section = "Travel" }))
	d := n.open("/")
	for id, want := range map[string][]string{
		"sections": {"Travel 3"},
		"tags":     {"Night 2", "R&D 1", "turned 1"},
	} {
		section := d.one(t, "section", "aria-labelledby="+id)
		if diff := cmp.Diff(want, texts(section.all("li"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
		for _, a := range section.all("a") {
			feed := strings.TrimPrefix(a.attr("href"), "/news")
			if res := n.get(feed); res.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", feed, res.Status)
			}
		}
	}
	d.one(t, "a", "href=/news/sections/travel")
}

func TestFrontIsBounded(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	long := strings.Repeat("é&\u202E ", 500)
	for i := range 40 {
		n.Publish(photo(fmt.Sprintf("g%02d", i), func(g *gallery.Gallery) {
			g.Title, g.Summary, g.Section = fmt.Sprint(i, " ", long), long+long, fmt.Sprint("Section ", i)
			for k := range 100 {
				g.Tags = append(g.Tags, fmt.Sprintf("tag %d of %d", k, i))
			}
			g.Slides[0].Image.Alt = long + long
			g.Slides[0].Image.URL = "https://img.example.com/" + strings.Repeat("x&", i*40)
		}))
	}
	for _, path := range []string{"/", "/feeds/all.rss", "/tags/tag-1-of-1.rss", "/galleries", "/tags/tag-1-of-1"} {
		text := body(t, n.get(path, "Sec-Fetch-Dest", "document"))
		if most := 50_000; len(text) > most {
			t.Errorf("%s: %d bytes of what nobody would write, want at most %d", path, len(text), most)
		}
	}
	d := n.open("/")
	if got := len(d.one(t, "section", "aria-labelledby=tags").all("li")); got != 24 {
		t.Errorf("%d tags, want 24", got)
	}
}
