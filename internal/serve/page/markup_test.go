package page_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/demo"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"golang.org/x/net/html"
)

// everyPage returns a node and the pages that it has, by their status.
func everyPage(t *testing.T) (*node, map[string]int) {
	n := startNode(t)
	cms, err := demo.New("https://pictures.example.com", noon.Add(-1))
	if err != nil {
		t.Fatal(err)
	}
	n.putSamples(cms)
	n.Publish(article(noon))
	n.Publish(hostile(noon))
	n.Publish(unsized(noon))
	n.Publish(photo("gone"))
	n.TakeDown("gone")
	for i := range 20 {
		n.Publish(photo(fmt.Sprint("more-", i), func(g *gallery.Gallery) {
			g.Summary, g.Section, g.Tags = strings.Repeat("What it is about. ", 20), fmt.Sprint("Section ", i), []string{fmt.Sprint("tag ", i), "all"}
		}))
	}
	return n, map[string]int{
		"/": 200, "/galleries": 200, "/feeds/travel": 200, "/sections/lifestyle": 200, "/galleries?before=1~a": 200, "/tags/none": 404, "/galleries?before=x": 400, sample: 200, "/galleries/article": 200, "/galleries/hostile": 200, "/galleries/unsized": 200, "/galleries/gone": 410, "/none": 404,
		"/feeds/all.rss": 200, "/tags/all.rss": 200, sample + ".atom": 200, "/galleries/hostile.json": 200, "/feeds/none.rss": 404,
	}
}

func TestMarkupOfEveryPage(t *testing.T) {
	t.Parallel()
	n, pages := everyPage(t)
	for path, status := range pages {
		t.Run(path, func(t *testing.T) {
			d := n.openAs(status, path)
			d.one(t, "h1")
			main := d.one(t, "main", "id=main")
			if skip := d.one(t, "a", "class=skip"); skip.attr("href") != "#main" || main.attr("tabindex") != "-1" {
				t.Error("the skip link does not lead to the content")
			}
			banner, colophon := 0, 0
			for c := range d.one(t, "body").ChildNodes() {
				banner, colophon = banner+is(c, "header"), colophon+is(c, "footer")
			}
			if banner != 1 || colophon != 1 {
				t.Errorf("%d banners and %d footers of the page, want one of each", banner, colophon)
			}
			if got := d.one(t, "html").attr("lang"); got != "en" {
				t.Errorf("language %q", got)
			}
			wellIdentified(t, d)
			wellHeaded(t, d)
			wellPictured(t, d)
		})
	}
}

func is(n *html.Node, tag string) int {
	if n.Type == html.ElementNode && n.Data == tag {
		return 1
	}
	return 0
}

// wellIdentified checks that ids are unique, and that what is referred to is
// there.
func wellIdentified(t *testing.T, d dom) {
	t.Helper()
	ids, wanted := map[string]int{}, []string{}
	for n := range d.Descendants() {
		e := dom{n}
		if e.carries("id") {
			ids[e.attr("id")]++
		}
		if e.carries("aria-labelledby") {
			wanted = append(wanted, e.attr("aria-labelledby"))
		}
		if to, ok := strings.CutPrefix(e.attr("href"), "#"); ok {
			wanted = append(wanted, to)
		}
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%d elements are called %q", n, id)
		}
	}
	for _, id := range wanted {
		if ids[id] == 0 {
			t.Errorf("nothing is called %q", id)
		}
	}
}

// wellHeaded checks that our headings go down by one step at a time, and that
// each section has a name.
func wellHeaded(t *testing.T, d dom) {
	t.Helper()
	last := 0
	for n := range d.Descendants() {
		if n.Type != html.ElementNode || len(n.Data) != 2 || n.Data[0] != 'h' || n.Data == "hr" {
			continue
		}
		level, err := strconv.Atoi(n.Data[1:])
		if err != nil || level > last+1 {
			t.Errorf("%s %q after a heading of level %d", n.Data, dom{n}.text(), last)
		}
		last = level
	}
	for _, s := range d.all("section") {
		if !s.carries("aria-labelledby") {
			t.Error("a section has no name")
		}
	}
}

// wellPictured checks that every picture says what it shows, and how large it is;
// where nobody knows that, it stands in a box that the stylesheet gives a size. But
// for those inside the texts of publishers.
func wellPictured(t *testing.T, d dom) {
	t.Helper()
	theirs := map[*html.Node]bool{}
	for _, text := range append(d.all("div", "class=lead"), d.all("figcaption")...) {
		for n := range text.Descendants() {
			theirs[n] = true
		}
	}
	for _, img := range d.all("img") {
		if theirs[img.Node] {
			continue
		}
		if !img.carries("alt") {
			t.Errorf("%s has no alternative text", img.attr("src"))
		}
		sized := img.carries("width") && img.carries("height")
		if unknown := strings.Contains(img.attr("src"), "/unsized-"); sized == unknown {
			t.Errorf("%s has a size: %t", img.attr("src"), sized)
		}
		if box := (dom{img.Parent}).attr("class"); !sized && box != "picture" && box != "cover" {
			t.Errorf("%s has no size and stands in %q", img.attr("src"), box)
		}
	}
}

func TestPagesAreSmall(t *testing.T) {
	t.Parallel()
	n, pages := everyPage(t)
	for path, status := range pages {
		res := n.get(path)
		text := body(t, res)
		ownWords := path == "/galleries/hostile" // all of them, at any length
		if len(text) > 50_000 && !ownWords || res.StatusCode != status {
			t.Errorf("%s: %s, %d bytes, want at most 50,000", path, res.Status, len(text))
		}
		t.Logf("%s: %d bytes", path, len(text))
		if got := len(parse(t, text).all("link", "rel=stylesheet")); got != 1 {
			t.Errorf("%s: %d stylesheets, want one", path, got)
		}
	}
	for _, path := range []string{"/style.css", "/page.js"} {
		if got := len(body(t, n.get(path))); got > 12_000 {
			t.Errorf("%s: %d bytes", path, got)
		}
	}
}
