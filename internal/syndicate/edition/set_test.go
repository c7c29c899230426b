package edition_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

func TestAFeedHoldsWhatMatchesNewestFirst(t *testing.T) {
	t.Parallel()
	feeds := []edition.Definition{
		{Name: "all", Items: 50},
		{Name: "two", Items: 2},
		{Name: "travel", Items: 50, Match: index.Match{Sections: []string{"travel"}}},
		{Name: "night", Items: 50, Match: index.Match{Tags: []string{"night", "dusk"}}},
		{Name: "english", Items: 50, Match: index.Match{Languages: []string{"en"}}},
		{Name: "both", Items: 50, Match: index.Match{Sections: []string{"Travel", "Sport"}, Tags: []string{"night"}}},
		{Name: "none", Items: 50, Match: index.Match{Sections: []string{"Opera"}}},
	}
	n := startNode(t, func(o *options) { o.feeds = feeds })
	sort := func(hours int, section, language string, tags ...string) func(*gallery.Gallery) {
		return func(g *gallery.Gallery) {
			g.Published = noon.Add(-time.Duration(hours) * time.Hour)
			g.Section, g.Language, g.Tags = section, language, tags
		}
	}
	n.Publish(
		photo("d", sort(4, "Travel", "en-GB", "Night")),
		photo("a", sort(1, "Sport", "en", "night", "dusk")),
		photo("c", sort(3, "Travel", "it", "day")),
		photo("b", sort(2, "News", "de", "Dusk")),
		photo("embargoed", sort(-1, "Travel", "en", "night")),
		photo("expired", sort(5, "Travel", "en", "night"), func(g *gallery.Gallery) { g.Expires = noon }),
		photo("withheld", sort(5, "Travel", "en", "night"), func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }),
		photo("gone", sort(6, "Travel", "en", "night")),
	)
	n.TakeDown("gone")
	want := map[string][]string{
		"all": {"a", "b", "c", "d"}, "two": {"a", "b"}, "travel": {"c", "d"}, "night": {"a", "b", "d"},
		"english": {"a", "d"}, "both": {"a", "d"}, "none": {},
	}
	got := map[string][]string{}
	for _, d := range feeds {
		e := n.current(d.Name)
		got[d.Name] = ids(e)
		for _, f := range feed.Formats() {
			inside := string(e.Document(f).Bytes())
			for _, id := range []string{"a", "b", "c", "d", "embargoed", "expired", "withheld", "gone"} {
				if shown := strings.Contains(inside, "Title of "+id+"<") || strings.Contains(inside, `"Title of `+id+`"`); shown != slices.Contains(want[d.Name], id) {
					t.Errorf("%s.%s shows %s: %v", d.Name, f, id, shown)
				}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if got := n.editions.Len("two"); got != 4 {
		t.Errorf("the feed of two could show %d, want 4", got)
	}
}

func TestAFeedIsRenderedOnceForAllWhoAsk(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"), photo("b"))
	start := make(chan struct{})
	var wg sync.WaitGroup
	got := make([]*edition.Edition, 16)
	for i := range got {
		wg.Go(func() {
			<-start
			got[i], _ = n.editions.Current(t.Context(), "all")
		})
	}
	close(start)
	wg.Wait()
	for _, e := range got {
		if e == nil || e != got[0] {
			t.Fatal("not all got the same edition")
		}
	}
	if renders := n.metric("gallerywire_render_seconds"); renders != 1 || n.loads.Load() != 2 {
		t.Errorf("%v renders of %d galleries, want 1 of 2", renders, n.loads.Load())
	}
}

func TestAChangeCostsOneGallery(t *testing.T) {
	for name, cache := range map[string]int{"with a cache": 0, "with none to speak of": 1} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, func(o *options) { o.cache = cache })
			for i := range 10 {
				n.Publish(photo(fmt.Sprint("g", i)))
			}
			n.current("all")
			before := n.loads.Load()
			n.Publish(revised("g5"))
			e := n.current("all")
			if got := n.loads.Load() - before; got != 1 {
				t.Errorf("%d galleries were read, want 1", got)
			}
			if !bytes.Contains(e.Document(feed.Atom).Bytes(), []byte("New title of g5")) {
				t.Error("the new revision is not shown")
			}
		})
	}
}

func TestAGalleryIsRenderedOnceForAllFeeds(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds = append(o.feeds, edition.Definition{Name: "more", Items: 50}) })
	n.Publish(photo("a"), photo("b"))
	n.current("all")
	n.current("more")
	if got := n.loads.Load(); got != 2 {
		t.Errorf("%d galleries were read for two feeds of two", got)
	}
}

func TestAChangeElsewhereLeavesAFeedAlone(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) {
		o.feeds = []edition.Definition{{Name: "travel", Items: 5, Match: index.Match{Sections: []string{"Travel"}}}}
	})
	inTravel := func(g *gallery.Gallery) { g.Section = "Travel" }
	n.Publish(photo("a", inTravel))
	first := n.current("travel")
	n.Publish(photo("b"))
	if n.current("travel") != first {
		t.Error("rendered again for a gallery of another section")
	}
	n.Publish(revised("a")) // leaves the section
	if got := ids(n.current("travel")); len(got) != 0 {
		t.Errorf("still holds %v", got)
	}
}

func TestAFreshEditionCostsNoNATS(t *testing.T) {
	n := startNode(t)
	n.Publish(photo("a"))
	first := n.current("all")
	n.disconnect()
	if n.current("all") != first {
		t.Error("another edition")
	}
	if got := testing.AllocsPerRun(100, func() { n.current("all") }); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestAnUnreadableGalleryIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func() (*gallery.Gallery, error){
		"refused": func() (*gallery.Gallery, error) { return nil, gallery.Problems{{Place: "/title", Reason: "missing"}} },
		"panic":   func() (*gallery.Gallery, error) { panic("out of film") },
		"undateable": func() (*gallery.Gallery, error) {
			return &gallery.Gallery{ID: "bad", Published: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := startNode(t, func(o *options) {
				o.refuse = func(body []byte) (*gallery.Gallery, error) {
					if bytes.Contains(body, []byte(`"bad"`)) {
						return refuse()
					}
					return nil, nil
				}
			})
			n.Publish(photo("a"), photo("bad"), photo("c"))
			e := n.current("all")
			if diff := cmp.Diff([]string{"c", "a"}, ids(e)); diff != "" || e.Fallback {
				t.Errorf("members (-want +got), fallback is %v:\n%s", e.Fallback, diff)
			}
			if got := n.metric("gallerywire_galleries_left_out_total"); got != 1 {
				t.Errorf("left out %v", got)
			}
			if !strings.Contains(n.log.String(), "gallery=bad") {
				t.Errorf("the log does not name it:\n%s", n.log)
			}
		})
	}
}

func TestContentOfASummary(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) {
		o.feeds = append(o.feeds, edition.Definition{Name: "short", Items: 50, Content: feed.Summary})
	})
	n.Publish(photo("a"))
	for name, want := range map[string]bool{"all": true, "short": false} {
		if got := bytes.Contains(n.current(name).Document(feed.Atom).Bytes(), []byte("figcaption")); got != want {
			t.Errorf("%s has captions in its content: %v", name, got)
		}
	}
}

func TestAGalleryWithdrawnWhileItIsRenderedIsNotShown(t *testing.T) {
	t.Parallel()
	var n *node
	n = startNode(t, func(o *options) {
		o.onLoad = func(g *gallery.Gallery) {
			if g.ID == "a" && n.Index().Find("b").Rank.TakeDown == false {
				n.TakeDown("b")
			}
		}
	})
	// b comes first and is rendered when a's turn begins.
	n.Publish(photo("a"), photo("b"))
	if diff := cmp.Diff([]string{"a"}, ids(n.current("all"))); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestRepublish(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds = append(o.feeds, edition.Definition{Name: "more", Items: 1}) })
	n.Publish(photo("a"), photo("later", func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }))
	before := n.current("all")
	if err := n.editions.Republish(t.Context()); err != nil {
		t.Fatal(err)
	}
	same := n.current("all")
	if same == before || same.Document(feed.RSS) != before.Document(feed.RSS) {
		t.Error("an edition that did not change is not rendered, or its documents are not kept")
	}
	n.Clock.Advance(2 * time.Hour)
	if err := n.editions.Republish(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.disconnect() // nothing is left to be rendered
	for name, want := range map[string][]string{"all": {"later", "a"}, "more": {"later"}} {
		e := n.current(name)
		if diff := cmp.Diff(want, ids(e)); diff != "" || e.Fallback {
			t.Errorf("%s (-want +got), fallback is %v:\n%s", name, e.Fallback, diff)
		}
		if !e.Touched.Equal(noon.Add(time.Hour)) {
			t.Errorf("%s was touched at %v, want the end of the embargo", name, e.Touched)
		}
	}
}

func TestRepublishGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds = append(o.feeds, edition.Definition{Name: "more", Items: 1}) })
	n.Publish(photo("a"))
	n.disconnect()
	err := n.editions.Republish(t.Context())
	if !errors.Is(err, edition.ErrUnavailable) || !strings.Contains(err.Error(), `"all"`) || !strings.Contains(err.Error(), `"more"`) {
		t.Errorf("error %v", err)
	}
}

func TestNamesAndAddresses(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds[0].Aliases = []string{"latest"} })
	_, err := n.editions.Current(t.Context(), "latest")
	moved, ok := errors.AsType[*edition.Moved](err)
	if !ok || !moved.Permanent || moved.URL(feed.RSS) != "https://example.com/feeds/all.rss" {
		t.Errorf("a former name: %v", err)
	}
	want := []edition.Address{
		{Format: "atom", Title: "Atom", MediaType: "application/atom+xml", URL: "https://example.com/feeds/all.atom"},
		{Format: "rss", Title: "RSS", MediaType: "application/rss+xml", URL: "https://example.com/feeds/all.rss"},
		{Format: "json", Title: "JSON", MediaType: "application/feed+json", URL: "https://example.com/feeds/all.json"},
	}
	if diff := cmp.Diff(want, n.editions.Addresses(edition.Ref{Kind: edition.Feed, Name: "all"})); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	e := n.current("all")
	for i, f := range []feed.Format{feed.Atom, feed.RSS, feed.JSON} {
		if !bytes.Contains(e.Document(f).Bytes(), []byte(want[i].URL)) {
			t.Errorf("%s does not name its own address", f)
		}
	}
}

func TestConcernedAndHolds(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) {
		o.feeds = []edition.Definition{
			{Name: "all", Items: 1},
			{Name: "travel", Items: 1, Match: index.Match{Sections: []string{"Travel"}}},
			{Name: "sport", Items: 1, Match: index.Match{Sections: []string{"Sport"}}},
		}
	})
	n.Publish(photo("a", func(g *gallery.Gallery) { g.Section = "Travel" }), photo("b"))
	old := n.Index().Find("a")
	n.Publish(revised("a", func(g *gallery.Gallery) { g.Section = "Sport" }))
	for name, c := range map[string]struct {
		change index.Change
		want   []string
	}{
		"new":        {index.Change{New: old}, []string{"all", "travel"}},
		"moved":      {index.Change{Old: old, New: n.Index().Find("a")}, []string{"all", "travel", "sport"}},
		"deleted":    {index.Change{Old: old}, []string{"all", "travel"}},
		"everything": {index.Change{}, []string{"all", "travel", "sport"}},
	} {
		if diff := cmp.Diff(c.want, n.editions.Concerned(c.change)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, want := range map[string]bool{"all": true, "travel": false, "sport": true, "none": false} {
		if got := n.editions.Holds(edition.Ref{Kind: edition.Feed, Name: name}, "a"); got != want {
			t.Errorf("%s holds a: %v", name, got)
		}
	}
}
