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

func TestPageOfAFeed(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for i := range 35 {
		n.Publish(photo(fmt.Sprintf("g%02d", i), func(g *gallery.Gallery) {
			g.Published = noon.Add(time.Duration(i-40) * time.Hour)
			g.Section, g.Tags, g.Authors = "Long reads", []string{"Night"}, []gallery.Author{{Name: "A. Writer"}}
		}))
	}
	writer := gallery.Slug("A. Writer")
	for _, c := range []struct{ feed, kind, title string }{
		{"/feeds/all", "Feed", "All <galleries>"},
		{"/sections/long-reads", "Feed of a section", "Long reads"},
		{"/tags/night", "Feed of a tag", "Night"},
		{"/authors/" + writer, "Feed of an author", "A. Writer"},
	} {
		for _, opened := range []string{"rss", "atom", "json"} {
			d := n.open(c.feed + "." + opened)
			if got := d.one(t, "p", "class=kicker").text(); got != c.kind {
				t.Errorf("%s: it is a %q, want %q", c.feed, got, c.kind)
			}
			if got := d.one(t, "h1").text(); got != c.title {
				t.Errorf("%s: titled %q, want %q", c.feed, got, c.title)
			}
			if got := d.one(t, "header", "class=opening").one(t, "p", "class=note").text(); !strings.HasPrefix(got, "35 galleries, last changed ") {
				t.Errorf("%s: it says %q", c.feed, got)
			}
			addresses := []string{baseURL + c.feed + ".atom", baseURL + c.feed + ".rss", baseURL + c.feed + ".json"}
			if diff := cmp.Diff(addresses, texts(d.one(t, "dl").all("code"))); diff != "" {
				t.Errorf("%s: addresses (-want +got):\n%s", c.feed, diff)
			}
			if got := attrs(d.all("link", "rel=alternate")[:3], "href"); !cmp.Equal(got, addresses) {
				t.Errorf("%s: readers discover first %q", c.feed, got)
			}
			if got := len(d.all("li", "class=card")); got != 20 {
				t.Errorf("%s: %d galleries, want the newest 20", c.feed, got)
			}
			if got := d.all("li", "class=card")[0].one(t, "a").attr("href"); got != "/news/galleries/g34" {
				t.Errorf("%s: the newest is %s", c.feed, got)
			}
			d.one(t, "a", "href=?raw")
		}
	}
}

func TestPageOfAFeedSaysWhichWasOpened(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for file, want := range map[string]string{"rss": "RSS", "atom": "Atom", "json": "JSON"} {
		for _, dt := range n.open("/feeds/all."+file).one(t, "dl").all("dt") {
			if opened := strings.HasSuffix(dt.text(), "you opened this one"); opened != strings.HasPrefix(dt.text(), want) {
				t.Errorf("of %s: %q", file, dt.text())
			}
		}
	}
}

func TestPageOfAGallerysFeed(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("many", func(g *gallery.Gallery) {
		for i := 3; i <= 40; i++ {
			g.Slides = append(g.Slides, picture(i))
		}
		g.Slides[0].Rights.Syndicate = new(bool)
		g.Slides[1].Title = ""
		for i := range g.Slides[2:] {
			g.Slides[i+2].Title, g.Slides[i+2].Image.Alt = strings.Repeat("long ", 400), strings.Repeat("long ", 4000)
		}
	}))
	if text := body(t, n.get("/galleries/many.atom")); len(text) > 50_000 {
		t.Errorf("%d bytes", len(text))
	}
	d := n.open("/galleries/many.atom")
	if d.one(t, "h1").text() != "Title of many" || d.one(t, "p", "class=kicker").text() != "Feed of a gallery" {
		t.Errorf("it is %q", d.one(t, "main").text())
	}
	links := d.one(t, "ol").all("a")
	if len(links) != 20 || links[0].text() != "Slide 1" || links[0].attr("href") != "/news/galleries/many#slide-2" {
		t.Errorf("%d slides, the first is %q at %s", len(links), links[0].text(), links[0].attr("href"))
	}
	if diff := cmp.Diff(baseURL+"/galleries/many.json", d.one(t, "dl").all("code")[2].text()); diff != "" {
		t.Error(diff)
	}
}

// A feed's page names the first slides only, and costs no more where there are
// many others and a long text.
func TestPageOfAGallerysFeedCostsWhatItShows(t *testing.T) {
	n := startNode(t)
	cost := func(slides int) float64 {
		path := n.long(slides)
		return testing.AllocsPerRun(5, func() {
			if res := n.get(path); res.StatusCode != http.StatusOK {
				t.Fatal(res.Status)
			}
		})
	}
	if few, many := cost(20), cost(500); many > 1.2*few {
		t.Errorf("%.0f allocations with 20 slides, %.0f with 500", few, many)
	}
}

// long stores a gallery with so many slides and as long a text, and returns the
// address of its feed.
func (n *node) long(slides int) (path string) {
	n.t.Helper()
	id := fmt.Sprint("of-", slides)
	n.Publish(photo(id, func(g *gallery.Gallery) {
		g.Body, g.Slides = strings.Repeat("<p>A <b>word</b> and another.</p>", slides), nil
		for i := range slides {
			s := picture(i + 1)
			s.Caption = strings.Repeat("<em>Words</em> of a caption. ", 5)
			g.Slides = append(g.Slides, s)
		}
	}))
	return "/galleries/" + id + ".rss"
}

func TestPageOfAnArchive(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one"))
	d := n.open("/feeds/all+newest.rss")
	d.one(t, "section", "class=subscribe").one(t, "a", "href=/news/feeds/all.atom")
	if got := d.one(t, "dl").all("code")[0].text(); got != baseURL+"/feeds/all/archive/newest.atom" {
		t.Errorf("address %q", got)
	}
	if got := len(d.all("li", "class=card")); got != 1 {
		t.Errorf("%d galleries", got)
	}
}

func TestPageOfAFeedIsForOnePerson(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one"))
	n.Publish(photo("gone"))
	n.TakeDown("gone")
	for path, status := range map[string]int{
		"/feeds/all.rss": 200, "/galleries/one.json": 200,
		"/feeds/none.rss": 404, "/tags/none.rss": 404, "/galleries/none.rss": 404, "/feeds/all+none.rss": 404, "/galleries/gone.rss": 410,
	} {
		res := n.get(path, "If-None-Match", "*")
		if res.StatusCode != status {
			t.Errorf("%s: %s, want %d", path, res.Status, status)
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "Vary": "Accept-Encoding, Sec-Fetch-Dest", "Etag": "", "Last-Modified": ""} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", path, name, got, want)
			}
		}
		d := parse(t, body(t, res))
		if len(d.all("a", "href=/news/")) == 0 {
			t.Errorf("%s leads nowhere", path)
		}
	}
}

func TestFeedThatHasMovedIsLeftToTheCaller(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", func(g *gallery.Gallery) { g.Tags = []string{"covid-19"} }))
	for _, path := range []string{"/feeds/latest.rss", "/tags/covid-19.rss"} {
		res := n.get(path)
		if res.StatusCode != http.StatusMovedPermanently || res.Header.Get("Vary") != "" {
			t.Errorf("%s: %s, %v", path, res.Status, res.Header)
		}
	}
}

func TestPageOfAFeedWithoutGalleries(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	if got := n.open("/feeds/all.rss").one(t, "section", "aria-labelledby=newest").one(t, "p").text(); got != "Nothing is in this feed just now." {
		t.Errorf("it says %q", got)
	}
	for _, path := range []string{"/feeds/all.rss", "/galleries/one.rss", "/tags/night.rss"} {
		unavailable(t, newNode(t), path)
	}
}

func TestPageOfAFeedAfterATakeDown(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("seen"))
	n.open("/feeds/all.rss")
	n.open("/galleries/seen.rss")
	n.TakeDown("seen")
	if text := body(t, n.get("/feeds/all.rss")); strings.Contains(text, "Title of seen") {
		t.Error("the page of the feed still names it")
	}
	if got := n.get("/galleries/seen.rss").StatusCode; got != http.StatusGone {
		t.Errorf("its own feed: %d", got)
	}
}
