package edition_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

func section(name string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Section = name }
}

func tags(names ...string) func(*gallery.Gallery) { return func(g *gallery.Gallery) { g.Tags = names } }

func author(name string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Authors = []gallery.Author{{Name: name}} }
}

func TestSectionsTagsAndAuthorsAreFeeds(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(
		photo("a", section("أخبار"), tags("Été", "!!!"), author("José Núñez")),
		photo("b", section("أخبار"), tags("旅行", "été"), author("陳")),
		photo("c", section("أخبار "), tags("ÉTÉ", "été"), author("jose nunez")),
		photo("embargoed", section("Secret"), tags("旅行"), func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }),
	)
	for _, c := range []struct {
		kind  edition.Kind
		name  string // the request is for its slug
		title string
		want  []string
	}{
		{edition.Section, "أخبار", "أخبار", []string{"c", "b", "a"}},
		{edition.Tag, "été", "été", []string{"c", "b", "a"}},
		{edition.Tag, "!!!", "!!!", []string{"a"}},
		{edition.Tag, "旅行", "旅行", []string{"b"}},
		{edition.Author, "José Núñez", "José Núñez", []string{"a"}},
		{edition.Author, "jose nunez", "jose nunez", []string{"c"}},
		{edition.Author, "陳", "陳", []string{"b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ref := edition.Ref{Kind: c.kind, Name: gallery.Slug(c.name)}
			a := read(t, n.edition(ref))
			if diff := cmp.Diff(c.want, a.ids()); diff != "" || a.Title != c.title {
				t.Errorf("titled %q (-want +got):\n%s", a.Title, diff)
			}
			self := "https://example.com/" + string(c.kind) + "/" + url.PathEscape(gallery.Slug(c.name))
			if a.link("self") != self+".atom" || a.ID != "tag:example.com,2026:/"+string(c.kind)+"/"+url.PathEscape(gallery.Slug(c.name)) {
				t.Errorf("is %s at %s", a.ID, a.link("self"))
			}
		})
	}
	for _, ref := range []edition.Ref{
		{Kind: edition.Section, Name: "secret"}, {Kind: edition.Section, Name: "none"}, {Kind: edition.Section},
		{Kind: edition.Tag, Name: gallery.Slug("أخبار")}, {Kind: edition.Tag, Name: "!!!"}, {Kind: edition.Tag, Name: "Été"}, {Kind: edition.Author, Name: "\x00"},
		{Kind: "languages", Name: "en"}, {Kind: "", Name: "all"}, {Kind: edition.Gallery, Name: "a", Page: "newest"},
		{Kind: edition.Section, Name: "none", Page: "newest"}, {Kind: edition.Section, Name: "none", Page: "after-newest"},
	} {
		if err := n.refused(ref); !errors.Is(err, edition.ErrUnknown) {
			t.Errorf("%+v: %v", ref, err)
		}
	}
	n.Clock.Advance(time.Hour)
	if got := read(t, n.edition(edition.Ref{Kind: edition.Section, Name: "secret"})).ids(); !cmp.Equal(got, []string{"embargoed"}) {
		t.Errorf("after the embargo: %v", got)
	}
}

func TestDynamicFeedsThatAreTurnedOff(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.few = edition.Dynamic{Tags: true} })
	n.Publish(photo("a", section("Travel"), tags("night"), author("A")))
	n.edition(edition.Ref{Kind: edition.Tag, Name: "night"})
	for _, ref := range []edition.Ref{{Kind: edition.Section, Name: "travel"}, {Kind: edition.Author, Name: "a"}} {
		if err := n.refused(ref); !errors.Is(err, edition.ErrUnknown) {
			t.Errorf("%+v: %v", ref, err)
		}
	}
	if got := n.editions.Listings(); len(got) != 1 {
		t.Errorf("lists %v", got)
	}
}

// The feed that was not asked for longest goes, and comes back as it was.
func TestDynamicFeedsAreBounded(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.few = edition.Dynamic{Tags: true, Cache: 3, Items: 2} })
	for i := range 10 {
		n.Publish(photo(fmt.Sprint("g", i), tags(fmt.Sprint("tag ", i), "all")))
	}
	tag := func(i int) edition.Ref { return edition.Ref{Kind: edition.Tag, Name: fmt.Sprint("tag-", i)} }
	first := n.edition(tag(0))
	if n.edition(tag(0)) != first {
		t.Error("rendered again for the next request")
	}
	for i := range 10 {
		n.edition(tag(i))
	}
	renders := n.metric("gallerywire_render_seconds")
	again := n.edition(tag(0))
	if again == first || n.metric("gallerywire_render_seconds") != renders+1 {
		t.Error("more feeds are kept than are allowed")
	}
	if diff := cmp.Diff(etags(first), etags(again)); diff != "" {
		t.Errorf("it came back as another (-before +after):\n%s", diff)
	}
	n.Publish(revised("g0", tags("TAG 0", "all")))
	if got := read(t, n.edition(tag(0))); got.Title != "TAG 0" || got.Entries[0].Title != "New title of g0" {
		t.Errorf("after a correction: %+v", got.Entries)
	}
	if got := len(n.edition(edition.Ref{Kind: edition.Tag, Name: "all"}).Members); got != 2 {
		t.Errorf("shows %d, want 2", got)
	}
}

func TestDynamicFeedsAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.cache = 1 })
	n.Publish(photo("a", tags("one")), photo("b", tags("two")))
	one := n.edition(edition.Ref{Kind: edition.Tag, Name: "one"})
	n.edition(edition.Ref{Kind: edition.Tag, Name: "two"})
	if n.edition(edition.Ref{Kind: edition.Tag, Name: "one"}) == one {
		t.Error("both are kept, and one is too much")
	}
}

// A correction elsewhere, or of another spelling, makes no new feed of it.
func TestADynamicFeedOutlivesItsSpelling(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", tags("Night")), photo("b", tags("other")))
	ref := edition.Ref{Kind: edition.Tag, Name: "night"}
	first := n.edition(ref)
	n.Publish(revised("b", tags("other")))
	if n.edition(ref) != first {
		t.Error("rendered again for a gallery without the tag")
	}
	n.Publish(photo("c", tags("night")), photo("d", tags("night")))
	second := n.edition(ref)
	if got := read(t, second); got.Title != "night" || len(got.Entries) != 3 {
		t.Errorf("titled %q, %d galleries", got.Title, len(got.Entries))
	}
	if _, ok := second.Since(has(first, feed.Atom), feed.Atom); !ok {
		t.Error("it has forgotten what it was before")
	}
}

func TestTenThousandTagsCostNothing(t *testing.T) {
	n := startNode(t)
	var galleries []*gallery.Gallery
	for i := range 200 {
		var many []string
		for j := range 50 {
			many = append(many, fmt.Sprint("tag ", 50*i+j))
		}
		galleries = append(galleries, photo(fmt.Sprint("g", i), tags(many...)))
	}
	n.Publish(galleries...)
	if renders := n.metric("gallerywire_render_seconds"); renders != 0 || n.loads.Load() != 0 {
		t.Errorf("%v renders, %d galleries read", renders, n.loads.Load())
	}
	if got := n.edition(edition.Ref{Kind: edition.Tag, Name: "tag-9999"}).Members; len(got) != 1 || got[0].ID != "g199" || n.loads.Load() != 1 {
		t.Errorf("shows %v after %d galleries were read", got, n.loads.Load())
	}
}

func TestListings(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", section("Travel")), photo("b", section("travel")), photo("c", section("Art & <Design>")))
	design := edition.Ref{Kind: edition.Section, Name: gallery.Slug("Art & <Design>")}
	want := []edition.Listing{
		{Title: "All", Atom: "https://example.com/feeds/all.atom", Page: "https://example.com/feeds/all"},
		{Title: "Art & <Design>", Atom: "https://example.com" + design.Path(feed.Atom), Page: strings.TrimSuffix("https://example.com"+design.Path(feed.Atom), ".atom")},
		{Title: "Travel", Atom: "https://example.com/sections/travel.atom", Page: "https://example.com/sections/travel"},
	}
	if diff := cmp.Diff(want, n.editions.Listings()); diff != "" {
		t.Errorf("listings (-want +got):\n%s", diff)
	}
	for _, l := range want {
		ref, _, err := n.editions.Resolve(l.Atom)
		if err != nil {
			t.Fatal(err)
		}
		n.edition(ref)
	}
}

// While NATS is away a feed on demand is cut as the others are.
func TestADynamicFeedWithoutNATS(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", tags("night")), photo("b", tags("night"), func(g *gallery.Gallery) { g.Expires = noon.Add(time.Hour) }))
	ref := edition.Ref{Kind: edition.Tag, Name: "night"}
	n.edition(ref)
	n.Publish(photo("c", tags("night"))) // what cannot be read
	n.disconnect()
	n.Clock.Advance(time.Hour)
	if e := n.edition(ref); !cmp.Equal(ids(e), []string{"a"}) || !e.Fallback {
		t.Errorf("shows %v, fallback is %v", ids(e), e.Fallback)
	}
	n.Clock.Advance(2 * time.Second)
	if _, err := n.editions.Edition(t.Context(), edition.Ref{Kind: edition.Tag, Name: "night", Page: "newest"}); !errors.Is(err, edition.ErrUnavailable) {
		t.Errorf("its archive: %v", err)
	}
}

func has(e *edition.Edition, f feed.Format) func(string) bool {
	return func(etag string) bool { return etag == e.Document(f).ETag }
}
