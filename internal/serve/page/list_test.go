package page_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// putMany stores galleries of one section, tag and author, an hour apart; the first
// is the oldest.
func (n *node) putMany(count int) (titles []string) {
	n.t.Helper()
	for i := range count {
		n.Publish(photo(fmt.Sprintf("g%02d", i), func(g *gallery.Gallery) {
			g.Published = noon.Add(time.Duration(i-count) * time.Hour)
			g.Section, g.Tags, g.Authors = "Long reads", []string{"R&D"}, []gallery.Author{{Name: "A. Writer"}}
		}))
		titles = append([]string{fmt.Sprintf("Title of g%02d", i)}, titles...)
	}
	return titles
}

// place is how a list names the place of a gallery of an age in hours.
func place(age int, id string) string {
	return strconv.FormatInt(noon.Add(time.Duration(-age)*time.Hour).UnixNano(), 36) + "~" + id
}

// cards are the galleries that a page names.
func (d dom) cards() []string { return texts(d.all("h3")) }

// steps returns where the page leads to: the newer part of its list, and the older.
func (d dom) steps() (newer, older string) {
	for _, a := range d.all("a", "rel=prev") {
		newer = strings.TrimPrefix(a.attr("href"), "/news")
	}
	for _, a := range d.all("a", "rel=next") {
		older = strings.TrimPrefix(a.attr("href"), "/news")
	}
	return newer, older
}

func TestListsOfEveryKind(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	titles := n.putMany(45)
	n.Publish(photo("embargoed", func(g *gallery.Gallery) { g.Published, g.Section = noon.Add(time.Hour), "Long reads" }))
	n.Publish(photo("withheld", func(g *gallery.Gallery) { g.Rights.Syndicate, g.Section = new(bool), "Long reads" }))
	for _, c := range []struct{ path, title, kind string }{
		{"/galleries", "All galleries", ""},
		{"/feeds/all", "All <galleries>", ""},
		{"/sections/long-reads", "Long reads", "Section"},
		{"/tags/" + gallery.Slug("R&D"), "R&D", "Tag"},
		{"/authors/" + gallery.Slug("A. Writer"), "A. Writer", "Author"},
	} {
		t.Run(c.path, func(t *testing.T) {
			n.t = t
			var all, way []string
			for path := c.path; path != ""; {
				d := n.open(path)
				newer, older := d.steps()
				if want := append([]string{""}, way...)[len(way)]; newer != want {
					t.Errorf("%s: the newer part is at %q, want %q", path, newer, want)
				}
				if got := d.one(t, "h1").text(); got != c.title {
					t.Errorf("%s: titled %q, want %q", path, got, c.title)
				}
				if kind := strings.Join(texts(d.all("p", "class=kicker")), ""); kind != c.kind {
					t.Errorf("%s: of a %q, want %q", path, kind, c.kind)
				}
				d.one(t, "link", "rel=canonical", "href="+baseURL+path)
				d.one(t, "meta", "name=description", "content="+c.title+": Pictures of the day")
				if first := d.all("link", "rel=alternate")[0].attr("href"); c.path != "/galleries" && first != baseURL+c.path+".atom" {
					t.Errorf("%s: readers discover first %s", path, first)
				}
				all, way = append(all, d.cards()...), append(way, path)
				path = older
			}
			if diff := cmp.Diff(titles, all); diff != "" || len(way) != 3 {
				t.Errorf("%d pages (-want +got):\n%s", len(way), diff)
			}
		})
	}
	if got := n.open("/galleries").one(t, "header", "class=opening").one(t, "p", "class=note").text(); got != "45 galleries" {
		t.Errorf("it says %q", got)
	}
}

func TestListsAreCachedHonestly(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.putMany(25)
	for _, path := range []string{"/galleries", "/feeds/all", "/sections/long-reads", "/galleries?before=" + place(20, "g05"), "/sitemap.xml", "/sitemap.xml?page=1", "/robots.txt", "/favicon.ico"} {
		first := n.get(path)
		etag := first.Header.Get("Etag")
		if got := first.Header.Get("Cache-Control"); first.StatusCode != http.StatusOK || got != "public, max-age=60, must-revalidate" {
			t.Errorf("%s: %s, Cache-Control %q", path, first.Status, got)
		}
		if res := n.get(path, "If-None-Match", etag); res.StatusCode != http.StatusNotModified || body(t, res) != "" {
			t.Errorf("%s again: %s", path, res.Status)
		}
		if head := n.request(http.MethodHead, path); head.StatusCode != http.StatusOK || head.Header.Get("Etag") != etag || body(t, head) != "" {
			t.Errorf("HEAD %s: %s", path, head.Status)
		}
	}
	old := "/galleries?before=" + place(22, "g03")
	before := n.get(old).Header.Get("Etag")
	n.Publish(photo("new", func(g *gallery.Gallery) { g.Published = noon }))
	if res := n.get(old, "If-None-Match", before); res.StatusCode != http.StatusNotModified {
		t.Errorf("a part of the list changes with what is above it: %s", res.Status)
	}
}

func TestListsFollowTheTime(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("stays", func(g *gallery.Gallery) {
		g.Section, g.Slides[1].Rights.Until = "Travel", noon.Add(3*time.Hour)
	}))
	n.Publish(photo("comes", func(g *gallery.Gallery) { g.Section, g.Published = "Travel", noon.Add(time.Hour) }))
	n.Publish(photo("goes", func(g *gallery.Gallery) {
		g.Section, g.Published, g.Expires = "Travel", noon.Add(-2*time.Hour), noon.Add(2*time.Hour)
	}))
	for hour, want := range [][]string{{"stays", "goes"}, {"comes", "stays", "goes"}, {"comes", "stays"}} {
		n.Clock.Set(noon.Add(time.Duration(hour) * time.Hour))
		for _, path := range []string{"/galleries", "/feeds/travel", "/sections/travel"} {
			got := n.open(path).cards()
			if diff := cmp.Diff(want, slices.Collect(func(yield func(string) bool) {
				for _, title := range got {
					yield(strings.TrimPrefix(title, "Title of "))
				}
			})); diff != "" {
				t.Errorf("%s, hour %d (-want +got):\n%s", path, hour, diff)
			}
		}
	}
	if text := n.open("/sections/travel").one(t, "ul", "class=galleries").text(); strings.Count(text, "2 pictures") != 2 {
		t.Errorf("before a right runs out: %s", text)
	}
	n.Clock.Set(noon.Add(3 * time.Hour))
	if text := n.open("/sections/travel").one(t, "ul", "class=galleries").text(); strings.Count(text, "1 picture") != 1 {
		t.Errorf("after a right ran out: %s", text)
	}
	n.TakeDown("stays")
	for _, path := range []string{"/galleries", "/feeds/travel"} {
		if got := n.open(path).cards(); !cmp.Equal(got, []string{"Title of comes"}) {
			t.Errorf("%s, after a take-down: %q", path, got)
		}
	}
}

func TestListsThatAreNotThere(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("secret", func(g *gallery.Gallery) { g.Section, g.Published = "Secret", noon.Add(time.Hour) }))
	n.Publish(photo("one"))
	nothing := body(t, n.get("/sections/none"))
	for path, want := range map[string]int{
		"/feeds/none": 404, "/sections/none": 404, "/sections/secret": 404, "/tags/none?before=1~a": 404, "/authors/" + strings.Repeat("x", 5000): 404,
		"/galleries?before=x": 400, "/feeds/all?before=20": 400, "/galleries?before=1~%00": 400, "/galleries?before=" + strings.Repeat("1", 9000): 400,
		"/galleries?before=": 200, "/galleries?utm_source=x": 200, "/galleries?before=0~one": 200, "/galleries?before=1y2p0ij32e8e7~one": 200,
	} {
		res := n.get(path)
		text := body(t, res)
		if res.StatusCode != want || strings.Contains(text, "secret") || strings.Contains(text, "Secret") {
			t.Errorf("%.60s: %s, want %d", path, res.Status, want)
		}
		if want == 404 && text != nothing || want != 200 && res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%.60s: the answer tells something, or is kept: %s", path, res.Header.Get("Cache-Control"))
		}
	}
	res := n.get("/feeds/latest?before=" + place(1, "one"))
	if want := baseURL + "/feeds/all?before=" + place(1, "one"); res.StatusCode != http.StatusMovedPermanently || res.Header.Get("Location") != want {
		t.Errorf("a former name: %s to %s", res.Status, res.Header.Get("Location"))
	}
}

// A slug without its hash leads to the one list that it can mean, or names them.
func TestListByANameThatIsNoSlug(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", func(g *gallery.Gallery) { g.Tags = []string{"covid-19", "C++", "C#", "Node.js"} }))
	for asked, meant := range map[string]string{"covid-19": "covid-19", "node-js": "Node.js", "Node.js": "Node.js", "C%23": "C#"} {
		res := n.get("/tags/" + asked + "?before=1~a")
		if want := baseURL + "/tags/" + gallery.Slug(meant) + "?before=1~a"; res.StatusCode != http.StatusFound || res.Header.Get("Location") != want {
			t.Errorf("%s: %s to %s", asked, res.Status, res.Header.Get("Location"))
		}
	}
	res := n.get("/tags/c")
	var links []string
	for _, a := range parse(t, body(t, res)).one(t, "ul", "class=topics").all("a") {
		links = append(links, a.text()+" "+a.attr("href"))
	}
	slices.Sort(links)
	want := []string{"C# /news/tags/" + gallery.Slug("C#"), "C++ /news/tags/" + gallery.Slug("C++")}
	if diff := cmp.Diff(want, links); diff != "" || res.StatusCode != http.StatusMultipleChoices {
		t.Errorf("several: %s (-want +got):\n%s", res.Status, diff)
	}
}

// A place that no gallery has, or has no more, is answered with the nearest part of
// the list, which is rendered once however many such places are asked for.
func TestPlacesInAListAreFewerThanTheirNames(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.putMany(30)
	want := body(t, n.get("/galleries?before="+place(10, "g20")))
	rendered := n.rendered()
	for i := range 200 {
		odd := strconv.FormatInt(noon.Add(-10*time.Hour).UnixNano()-int64(i)-1, 36) + "~odd" + strconv.Itoa(i)
		if got := body(t, n.get("/galleries?before="+odd)); got != want {
			t.Fatalf("below %s is something else", odd)
		}
	}
	if n.rendered() != rendered {
		t.Errorf("rendered %v times more for other names of one place", n.rendered()-rendered)
	}
}

func TestListWithAnIDThatIsNoWord(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for i := range 21 {
		n.Publish(photo(fmt.Sprint("a/b?c&d=é ", i), func(g *gallery.Gallery) { g.Published = noon.Add(time.Duration(-i) * time.Hour) }))
	}
	_, older := n.open("/galleries").steps()
	if u, err := url.Parse(older); err != nil || len(u.Query()) != 1 {
		t.Fatalf("%q: %v", older, err)
	}
	if got := n.open(older).cards(); !cmp.Equal(got, []string{"Title of a/b?c&d=é 20"}) {
		t.Errorf("below it: %q", got)
	}
}

func TestListLeavesOutUnreadableGalleries(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("broken", func(g *gallery.Gallery) { g.Title, g.Published = "", noon }))
	n.Publish(photo("seen"))
	if got := n.open("/feeds/all").cards(); !cmp.Equal(got, []string{"Title of seen"}) {
		t.Errorf("it names %q", got)
	}
	n.Publish(photo("unseen", func(g *gallery.Gallery) { g.Published = noon }))
	n.Broker.Conn().Close()
	res := n.get("/feeds/all")
	if got := parse(t, body(t, res)).cards(); res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "no-cache" || !cmp.Equal(got, []string{"Title of seen"}) {
		t.Errorf("%s, Cache-Control %q, %q", res.Status, res.Header.Get("Cache-Control"), got)
	}
	n.mount(n.Clock.Now)
	unavailable(t, n, "/feeds/all")
	unavailable(t, newNode(t), "/galleries")
}
