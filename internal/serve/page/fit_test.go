package page_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

func TestPagesOfLongTextsAreSmall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, address string }{
		"quotes":         {strings.Repeat(`"`, 1000), "1.jpg"},
		"addresses":      {"Usual", strings.Repeat("a", 1900)},
		"escaped":        {strings.Repeat(`"`, 1000), strings.Repeat("&", 900)},
		"short and many": {strings.Repeat(`"`, 1000), "?" + strings.Repeat("&", 240)},
	} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t)
			for i := range 30 {
				n.Publish(photo(fmt.Sprintf("g%02d", i), func(g *gallery.Gallery) {
					g.Title, g.Summary, g.Section = c.text, c.text, fmt.Sprint(i, c.text)
					g.Tags = []string{"all", fmt.Sprint(i, " tag ", c.text)}
					g.Slides = nil
					for k := range max(1, 28-28*i) { // all of them in the first
						s := picture(k)
						s.Title, s.Image.Alt, s.Image.URL = c.text, c.text, pictures+c.address
						s.Image.Thumbnail = s.Image.URL
						g.Slides = append(g.Slides, s)
					}
				}))
			}
			for _, path := range []string{"/", "/feeds/all.rss", "/tags/all.rss", "/galleries/g00.rss", "/galleries", "/tags/all"} {
				text := body(t, n.get(path))
				t.Logf("%s: %d bytes", path, len(text))
				if len(text) > 50_000 {
					t.Errorf("%s: %d bytes, want at most 50,000", path, len(text))
				}
				d := parse(t, text)
				if got := len(d.all("li", "class=card")) + len(listed(d.all("ol", "class=slides"))); got != 20 {
					t.Errorf("%s: %d are named, want 20", path, got)
				}
			}
		})
	}
}

// listed returns what is in those lists.
func listed(lists []dom) (all []dom) {
	for _, list := range lists {
		all = append(all, list.all("li")...)
	}
	return all
}

func TestUsualTextsAreNotShortened(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one", func(g *gallery.Gallery) {
		g.Title, g.Summary = strings.Repeat("t", 160), strings.Repeat("s", 200)
		g.Slides[0].Image.URL = pictures + strings.Repeat("a", 3000)
	}))
	for _, path := range []string{"/", "/feeds/all.rss"} {
		card := n.open(path).one(t, "li", "class=card")
		if got := card.one(t, "h3").text() + card.one(t, "p", "class=blurb").text(); len(got) != 360 {
			t.Errorf("%s: %d characters of title and summary, want all 360", path, len(got))
		}
		if got := len(card.one(t, "img").attr("src")); got < 3000 {
			t.Errorf("%s: the cover's address has %d characters", path, got)
		}
	}
}

func TestManyFeedsShortenNothing(t *testing.T) {
	t.Parallel()
	o := edition.Options{Site: edition.Site{Title: "Wire", BaseURL: baseURL, Language: "en"}}
	for i := range 80 {
		o.Feeds = append(o.Feeds, edition.Definition{Name: fmt.Sprint("feed-", i), Title: fmt.Sprint("Feed ", i), Items: 30})
	}
	n := newNodeOf(t, o)
	n.Start()
	n.Publish(photo("one", func(g *gallery.Gallery) { g.Title = strings.Repeat("t", 160) }))
	text := body(t, n.get("/"))
	t.Logf("80 feeds: %d bytes", len(text))
	if len(text) < 50_000 {
		t.Errorf("%d bytes: too few to tell", len(text))
	}
	if got := parse(t, text).one(t, "li", "class=card").one(t, "h3").text(); len(got) != 160 {
		t.Errorf("%d characters of a title, want all 160", len(got))
	}
}

// A long gallery has a long page; what is stated of it in docs/feeds.md holds.
func TestPageGrowsWithSlidesOnly(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	long := func(id string, slides int) {
		n.Publish(photo(id, func(g *gallery.Gallery) {
			g.Slides = nil
			for i := range slides {
				g.Slides = append(g.Slides, picture(i+1))
			}
		}))
	}
	long("of-100", 100)
	long("of-400", 400)
	a, b := body(t, n.get("/galleries/of-100")), body(t, n.get("/galleries/of-400"))
	own := len("Slide 100") + len("<p>Caption <em>100</em></p>") + len("Agency 100") + len("Picture 100") + len("https://img.example.com/100.jpg")
	each := (len(b)-len(a))/300 - own
	t.Logf("400 slides: %d bytes, %d a slide without its own texts", len(b), each)
	if each > 600 {
		t.Errorf("%d bytes a slide without its own texts, want at most 600", each)
	}
	for id, text := range map[string]string{"of-100": a, "of-400": b} {
		if got := len(parse(t, text).data(t)["image"].([]any)); got != 10 {
			t.Errorf("%s: %d pictures as data, want the first 10", id, got)
		}
	}
}
