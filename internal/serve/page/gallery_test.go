package page_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
)

func TestGalleryShowsAllOfIt(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("harbour", func(g *gallery.Gallery) {
		g.Title = "Harbour & <lights>"
		g.Summary = "Boats come home"
		g.Body = `<p>A <strong>long</strong> evening, <a href="/more">more</a></p>`
		g.Authors = []gallery.Author{{Name: "A. Writer", URL: "https://paper.example.com/a"}, {Name: "B. Writer"}, {URL: "https://paper.example.com/c"}}
		g.Updated = noon.Add(-30 * time.Minute)
		g.Section = "Travel"
		g.Tags = []string{"harbours", "night", "night"}
		g.Sources = []string{"Agency One", "Agency Two"}
		g.Copyright = "© Example News"
		g.License = "https://paper.example.com/licence"
	}))

	d := n.open("/galleries/harbour")

	if got, want := d.one(t, "title").text(), "Harbour & <lights> · Gallery & Wire"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	if got, want := d.one(t, "h1").text(), "Harbour & <lights>"; got != want {
		t.Errorf("heading %q, want %q", got, want)
	}
	if got := d.one(t, "p", "class=summary").text(); got != "Boats come home" {
		t.Errorf("summary %q", got)
	}
	lead := d.one(t, "div", "class=lead")
	if got := lead.one(t, "strong").text(); got != "long" {
		t.Errorf("lead text lost its markup: %q", lead.text())
	}
	if got := lead.one(t, "a").attr("href"); got != "https://paper.example.com/more" {
		t.Errorf("relative link leads to %q", got)
	}
	byline := d.one(t, "article").one(t, "ul", "class=row note")
	if diff := cmp.Diff([]string{"A. Writer", "B. Writer", "https://paper.example.com/c", "23 Nov 2026, 11:00 UTC", "2 pictures"}, texts(byline.all("li"))); diff != "" {
		t.Errorf("byline (-want +got):\n%s", diff)
	}
	byline.one(t, "a", "rel=author", "href=https://paper.example.com/a")
	byline.one(t, "time", "datetime=2026-11-23T11:00:00Z")
	facts := d.one(t, "dl")
	want := []string{
		"23 Nov 2026, 11:30 UTC", "Travel", "harbours", "night", "A. Writer", "B. Writer", "Agency One", "Agency Two",
		"© Example News", "https://paper.example.com/licence", "paper.example.com", "Atom Copy RSS Copy JSON Copy",
	}
	if diff := cmp.Diff(want, texts(facts.all("dd"))); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	facts.one(t, "a", "href=/news/sections/travel")
	facts.one(t, "a", "href=/news/tags/night")
	facts.one(t, "a", "href=/news/authors/"+url.PathEscape(gallery.Slug("B. Writer")))
	for _, format := range []string{"rss", "atom", "json"} {
		facts.one(t, "a", "href="+baseURL+"/galleries/harbour."+format)
	}
	facts.one(t, "a", "rel=license", "href=https://paper.example.com/licence")
}

func TestGalleryShowsEverySlide(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("many", func(g *gallery.Gallery) {
		g.Slides = nil
		for i := range 28 {
			g.Slides = append(g.Slides, picture(i))
		}
		g.Slides[3].Image.Alt = ""
		g.Slides[4].Image.Height = 0
	}))

	figures := n.open("/galleries/many").all("figure")
	if len(figures) != 28 {
		t.Fatalf("%d figures, want 28", len(figures))
	}
	for i, f := range figures {
		img := f.one(t, "img", fmt.Sprintf("src=https://img.example.com/%d.jpg", i))
		if lazy := img.attr("loading") == "lazy"; lazy != (i > 0) {
			t.Errorf("slide %d waits until it is in view: %t", i, lazy)
		}
		var steps []string
		if i > 0 {
			steps = append(steps, fmt.Sprint("#slide-", i-1))
		}
		if i < 27 {
			steps = append(steps, fmt.Sprint("#slide-", i+1))
		}
		if diff := cmp.Diff(steps, attrs(f.one(t, "p", "class=steps").all("a"), "href")); diff != "" {
			t.Errorf("slide %d leads to (-want +got):\n%s", i, diff)
		}
		if got, want := f.one(t, "figcaption").text(), fmt.Sprintf("Slide %d Caption %d Agency %d", i, i, i); got != want {
			t.Errorf("slide %d says %q, want %q", i, got, want)
		}
		wantAlt := fmt.Sprintf("Picture %d", i)
		if i == 3 {
			wantAlt = "Slide 3" // the title stands in
		}
		if got := img.attr("alt"); got != wantAlt {
			t.Errorf("slide %d has alt %q, want %q", i, got, wantAlt)
		}
		sized := img.attr("width") == "1600" && img.attr("height") == "900"
		if i == 4 {
			sized = !img.carries("width") && !img.carries("height")
		}
		if !sized {
			t.Errorf("slide %d is %s×%s", i, img.attr("width"), img.attr("height"))
		}
	}
}

// The first picture comes before the lead, and a picture leads to its file.
func TestGalleryBeginsWithAPicture(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("pictures", func(g *gallery.Gallery) {
		g.Body = "<p>The lead</p>"
		g.Slides[1].Title, g.Slides[1].Image.Alt = "", ""
	}))
	n.Publish(photo("article", func(g *gallery.Gallery) { g.Body, g.Slides = "<p>The lead</p>", nil }))
	for path, want := range map[string][]string{
		"/galleries/pictures": {"opening", "slide-1", "lead", "note keys", "slide-2"}, "/galleries/article": {"opening", "lead"},
	} {
		var order []string
		for c := range n.open(path).one(t, "article").ChildNodes() {
			if c.Type == html.ElementNode {
				order = append(order, dom{c}.attr("class")+dom{c}.attr("id"))
			}
		}
		if diff := cmp.Diff(want, order); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	links := n.open("/galleries/pictures").all("a", "class=picture")
	if diff := cmp.Diff([]string{"https://img.example.com/1.jpg", "https://img.example.com/2.jpg"}, attrs(links, "href")); diff != "" {
		t.Errorf("pictures lead to (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"", "Picture 2"}, attrs(links, "aria-label")); diff != "" {
		t.Errorf("names of links (-want +got):\n%s", diff)
	}
}

func TestHostileGalleryRunsNothing(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert(1)</script><img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a>` +
		`<iframe src="https://evil.example"></iframe><style>*{display:none}</style></div></figure></main><svg onload=alert(1)>` +
		`<p onclick="alert(1)" style="position:fixed">still here</p><form action="/"><base href="https://evil.example"><!-- "`
	n := startNode(t)
	n.Publish(photo("hostile", func(g *gallery.Gallery) {
		g.Title, g.Summary, g.Body, g.Section, g.Copyright = evil, evil, evil, evil, evil
		g.Language = `en" onload="alert(1)`
		g.URL, g.License = "javascript:alert(1)", "data:text/html,<script>alert(1)</script>"
		g.Tags, g.Sources = []string{evil}, []string{`"><script>alert(1)</script>`}
		g.Authors = []gallery.Author{{Name: evil, URL: "javascript:alert(1)"}}
		g.Slides[0].Title, g.Slides[0].Caption, g.Slides[0].Credit = evil, evil, evil
		g.Slides[0].Image.Alt, g.Slides[0].Image.URL = `" onerror="alert(1)`, "javascript:alert(1)"
		g.Slides[1].Image.Alt = `" onerror="alert(1)`
	}))

	for _, path := range []string{"/galleries/hostile", "/"} {
		d := n.open(path)
		harmless(t, d)
		if got := len(d.one(t, "body").all("main")); got != 1 {
			t.Errorf("%s: %d main elements", path, got)
		}
	}
	d := n.open("/galleries/hostile")
	main := d.one(t, "main")
	if got := len(main.all("figure")); got != 2 {
		t.Errorf("%d figures inside main, want 2", got)
	}
	if got := len(main.all("p")); got < 3 || !strings.Contains(main.one(t, "div", "class=lead").text(), "still here") {
		t.Errorf("the text went with the rest: %q", main.text())
	}
	if got := main.all("figure")[1].one(t, "img").attr("alt"); got != `" onerror="alert(1)` {
		t.Errorf("alt %q", got)
	}
	d.one(t, "link", "rel=canonical", "href="+baseURL+"/galleries/hostile")
}

// harmless checks that nothing in d runs, frames, styles or leads elsewhere.
func harmless(t *testing.T, d dom) {
	t.Helper()
	for node := range d.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		switch node.Data {
		case "script":
			ours := dom{node}.has([]string{"src=/news/page.js"}) || dom{node}.has([]string{"type=application/ld+json"})
			if !ours {
				t.Errorf("there is a script %v", node.Attr)
			}
		case "iframe", "style", "svg", "form", "base", "object", "embed":
			t.Errorf("there is a %s", node.Data)
		}
		for _, a := range node.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("%s has %s=%q", node.Data, a.Key, a.Val)
			}
			if address := a.Key == "href" || a.Key == "src"; address && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") {
				t.Errorf("%s leads to %q", node.Data, a.Val)
			}
		}
	}
}

func TestGalleryIsAtHomeAtItsPublisher(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("away", func(g *gallery.Gallery) { g.URL = "https://paper.example.com/g?a=1&b=2" }))
	n.Publish(photo("id with spaces", func(g *gallery.Gallery) { g.URL = "" }))

	d := n.open("/galleries/away")
	d.one(t, "link", "rel=canonical", "href=https://paper.example.com/g?a=1&b=2")
	d.one(t, "a", "class=original", "href=https://paper.example.com/g?a=1&b=2")

	path := "/galleries/" + gallery.Key("id with spaces")
	d = n.open(path)
	d.one(t, "link", "rel=canonical", "href="+baseURL+path)
	if got := len(d.all("a", "class=original")); got != 0 {
		t.Errorf("%d links to a publisher that has no page", got)
	}
}

func TestGalleryInItsLanguage(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for id, language := range map[string]string{"arabic": "ar-EG", "german": "de", "unknown": ""} {
		n.Publish(photo(id, func(g *gallery.Gallery) { g.Language, g.Section = language, "Section" }))
	}

	d := n.open("/galleries/arabic")
	d.one(t, "article", "lang=ar-EG", "dir=rtl")
	d.one(t, "dd", "lang=ar-EG", "dir=auto")
	d.one(t, "html", "lang=en")
	if a := n.open("/galleries/german").one(t, "article", "lang=de"); a.carries("dir") {
		t.Errorf("German runs %s", a.attr("dir"))
	}
	if a := n.open("/galleries/unknown").one(t, "article"); a.carries("lang") || a.carries("dir") {
		t.Errorf("attributes of an unknown language: %v", a.Attr)
	}
	d = n.open("/")
	d.one(t, "div", "class=words", "lang=ar-EG", "dir=rtl")
}

func TestSlideThatMayNotBeShown(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("rights", func(g *gallery.Gallery) {
		g.Slides = append(g.Slides, picture(3))
		g.Slides[0].Rights.Syndicate = new(bool)
		g.Slides[1].Rights.Until = noon.Add(time.Hour)
	}))

	if diff := cmp.Diff([]string{"Slide 2", "Slide 3"}, texts(n.open("/galleries/rights").one(t, "article").all("h2"))); diff != "" {
		t.Errorf("slides while the rights last (-want +got):\n%s", diff)
	}
	n.Clock.Set(noon.Add(time.Hour))
	if diff := cmp.Diff([]string{"Slide 3"}, texts(n.open("/galleries/rights").one(t, "article").all("h2"))); diff != "" {
		t.Errorf("slides afterwards (-want +got):\n%s", diff)
	}
}

func TestGalleryThatMayNotBeShown(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	hour := func(i int) time.Time { return noon.Add(time.Duration(i) * time.Hour) }
	n.Publish(photo("embargoed", func(g *gallery.Gallery) { g.Published = hour(1) }))
	n.Publish(photo("embargoed-and-expired", func(g *gallery.Gallery) { g.Published, g.Expires = hour(1), hour(-1) }))
	n.Publish(photo("withheld", func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }))
	n.Publish(photo("withheld-and-expired", func(g *gallery.Gallery) { g.Rights.Syndicate, g.Published, g.Expires = new(bool), hour(-3), hour(-1) }))
	n.Publish(photo("expired", func(g *gallery.Gallery) { g.Published, g.Expires = hour(-3), hour(-1) }))
	n.Publish(photo("rights-over", func(g *gallery.Gallery) { g.Published, g.Rights.Until = hour(-3), hour(-1) }))
	n.Publish(photo("taken-down"))
	n.TakeDown("taken-down")
	n.TakeDown("never-published")

	nothing := body(t, n.get("/galleries/unknown"))
	for id, want := range map[string]int{
		"unknown":               http.StatusNotFound,
		"embargoed":             http.StatusNotFound,
		"embargoed-and-expired": http.StatusNotFound,
		"withheld":              http.StatusNotFound,
		"withheld-and-expired":  http.StatusNotFound,
		"expired":               http.StatusGone,
		"rights-over":           http.StatusGone,
		"taken-down":            http.StatusGone,
		"never-published":       http.StatusGone,
	} {
		res := n.get("/galleries/" + id)
		if res.StatusCode != want {
			t.Errorf("%s: %s, want %d", id, res.Status, want)
		}
		if got := res.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", id, got)
		}
		text := body(t, res)
		if want == http.StatusNotFound && text != nothing {
			t.Errorf("%s differs from a gallery that does not exist", id)
		}
		if d := parse(t, text); strings.Contains(text, "Title of") || len(d.all("a", "href=/news/")) == 0 {
			t.Errorf("%s: the page holds content or leads nowhere", id)
		}
	}
}

func TestTimeLetsGalleriesComeAndGo(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("evening", func(g *gallery.Gallery) { g.Published, g.Expires = noon.Add(time.Hour), noon.Add(2*time.Hour) }))
	for _, step := range []struct{ minutes, want int }{{59, 404}, {60, 200}, {119, 200}, {120, 410}} {
		n.Clock.Set(noon.Add(time.Duration(step.minutes) * time.Minute))
		if got := n.get("/galleries/evening").StatusCode; got != step.want {
			t.Errorf("after %d minutes: %d, want %d", step.minutes, got, step.want)
		}
	}
}

func TestTakeDownOfAGalleryThatWasSeen(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("seen"))
	etag := n.get("/galleries/seen").Header.Get("Etag")
	n.TakeDown("seen") // the node's own index knows it when this returns
	if res := n.get("/galleries/seen", "If-None-Match", etag); res.StatusCode != http.StatusGone {
		t.Errorf("after the take-down: %s", res.Status)
	}
	if d := n.open("/"); strings.Contains(d.text(), "Title of seen") {
		t.Error("the front page still names it")
	}
}

func TestGalleryNamesKeysWhereSlidesAreSeveral(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for slides := range 3 {
		n.Publish(photo(fmt.Sprint("of-", slides), func(g *gallery.Gallery) { g.Slides = g.Slides[:slides] }))
	}
	for slides, want := range []int{0, 0, 1} {
		if got := len(n.open(fmt.Sprint("/galleries/of-", slides)).all("p", "class=note keys")); got != want {
			t.Errorf("%d slides: %d lines about keys, want %d", slides, got, want)
		}
	}
}
