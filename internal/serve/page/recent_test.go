package page_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/google/go-cmp/cmp"
)

// startNarrow starts a node whose only feed holds little of what there is.
func startNarrow(t *testing.T) *node {
	t.Helper()
	n := newNodeOf(t, edition.Options{
		Site:    edition.Site{Title: "Wire", BaseURL: baseURL, Language: "en"},
		Feeds:   []edition.Definition{{Name: "rare", Title: "Rare", Items: 30, Match: index.Match{Sections: []string{"Rare"}}}},
		Dynamic: edition.Dynamic{Sections: true, Tags: true},
	})
	n.Start()
	return n
}

// section returns what a section of the front page lists.
func (d dom) section(t *testing.T, id string) []string {
	t.Helper()
	return texts(d.one(t, "section", "aria-labelledby="+id).all("li"))
}

func TestFrontShowsMoreThanTheFirstFeed(t *testing.T) {
	t.Parallel()
	n := startNarrow(t)
	for i := range 100 {
		n.Publish(photo(fmt.Sprintf("g%02d", i), func(g *gallery.Gallery) {
			g.Published = noon.Add(-time.Duration(i+1) * time.Hour)
			g.Section, g.Tags = fmt.Sprintf("Section %02d", i%50), []string{"all"}
		}))
	}
	d := n.open("/")
	if got := d.one(t, "ul", "class=galleries").one(t, "a", "href=/news/galleries/g00").text(); got != "Title of g00" {
		t.Errorf("the newest is called %q", got)
	}
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("Section %02d 2", i))
	}
	if diff := cmp.Diff(want, d.section(t, "sections")); diff != "" {
		t.Errorf("sections (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"all 100"}, d.section(t, "tags")); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestFrontNamesTheCommonestSections(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for i := range 90 {
		n.Publish(photo(fmt.Sprint("g", i), func(g *gallery.Gallery) { g.Section = fmt.Sprintf("Section %02d", i) }))
	}
	n.Publish(photo("again", func(g *gallery.Gallery) { g.Section = "section 88" }))
	got := n.open("/").section(t, "sections")
	if len(got) != 60 || got[0] != "Section 88 2" || got[1] != "Section 00 1" {
		t.Errorf("%d sections, first %q, want 60, the commonest before others", len(got), got[:2])
	}
}

func TestFrontFollowsTheTime(t *testing.T) {
	t.Parallel()
	n := startNarrow(t)
	n.Publish(photo("ends", func(g *gallery.Gallery) { g.Section, g.Expires = "Night", noon.Add(time.Hour) }))
	n.Publish(photo("begins", func(g *gallery.Gallery) { g.Section, g.Published = "Day", noon.Add(time.Hour) }))
	for _, c := range []struct {
		at            time.Time
		name, section string
	}{
		{noon, "Title of ends", "Night 1"},
		{noon.Add(time.Hour), "Title of begins", "Day 1"},
	} {
		n.Clock.Set(c.at)
		d := n.open("/")
		if got := d.one(t, "li", "class=card").one(t, "h3").text(); got != c.name {
			t.Errorf("at %s: %q, want %q", c.at, got, c.name)
		}
		if diff := cmp.Diff([]string{c.section}, d.section(t, "sections")); diff != "" {
			t.Errorf("at %s: sections (-want +got):\n%s", c.at, diff)
		}
	}
}

func TestFrontWithAFeedThatCannotBeServed(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one", func(g *gallery.Gallery) { g.Section = "Travel" }))
	n.open("/")
	n.Broker.Conn().Close()
	if _, err := n.editions.Current(t.Context(), "all"); err == nil {
		t.Fatal("the first feed can be served")
	}
	d := n.open("/")
	if diff := cmp.Diff([]string{"All <galleries>", "Travel"}, texts(d.one(t, "ul", "class=feeds").all("h3"))); diff != "" {
		t.Errorf("feeds (-want +got):\n%s", diff)
	}
	if got := d.one(t, "li", "class=card").one(t, "h3").text(); got != "Title of one" {
		t.Errorf("the newest is called %q", got)
	}
}

func TestFrontWhenNothingCanBeRead(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("one"))
	n.Broker.Conn().Close()
	unavailable(t, n, "/")
}

func TestFrontSkipsBrokenGalleries(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("broken", func(g *gallery.Gallery) { g.Title, g.Published = "", noon }))
	for i := range 20 {
		n.Publish(photo(fmt.Sprint("good-", i)))
	}
	for range 2 {
		res := n.get("/")
		if res.StatusCode != http.StatusOK || res.Header.Get("Cache-Control") != "public, max-age=60, must-revalidate" {
			t.Errorf("%s, Cache-Control %q: it is no better next time", res.Status, res.Header.Get("Cache-Control"))
		}
		if got := len(parse(t, body(t, res)).all("li", "class=card")); got != 20 {
			t.Errorf("%d galleries, want the 20 that can be read", got)
		}
	}
	n.Publish(photo("broken", func(g *gallery.Gallery) { g.Title, g.Published, g.Version = "Mended", noon, 2 }))
	if got := n.open("/").all("li", "class=card")[0].one(t, "h3").text(); got != "Mended" {
		t.Errorf("once it is published again the newest is called %q", got)
	}
}
