package edition_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

// hourly publishes galleries an hour apart, g0 the oldest.
func hourly(n *node, count int, change ...func(*gallery.Gallery)) {
	var galleries []*gallery.Gallery
	for i := range count {
		old := func(g *gallery.Gallery) { g.Published = noon.Add(-time.Duration(count-i) * time.Hour) }
		galleries = append(galleries, photo(fmt.Sprint("g", i), append(change, old)...))
	}
	n.Publish(galleries...)
}

// refOf takes an address of the site apart.
func refOf(t *testing.T, address string) edition.Ref {
	t.Helper()
	path, ok := strings.CutPrefix(address, "https://example.com/")
	parts := strings.Split(strings.TrimSuffix(strings.TrimSuffix(path, ".atom"), ".json"), "/")
	if !ok || len(parts) < 2 {
		t.Fatalf("%q is no address of a feed", address)
	}
	ref := edition.Ref{Kind: edition.Kind(parts[0]), Name: parts[1]}
	if len(parts) == 4 && parts[2] == "archive" {
		ref.Page = parts[3]
	}
	return ref
}

// walk returns every edition that prev-archive leads to from a feed.
func walk(t *testing.T, n *node, from edition.Ref) []*edition.Edition {
	t.Helper()
	var pages []*edition.Edition
	for next := read(t, n.edition(from)).link("prev-archive"); next != ""; {
		e := n.edition(refOf(t, next))
		pages = append(pages, e)
		next = read(t, e).link("prev-archive")
		if len(pages) > 100 {
			t.Fatal("a walk that does not end")
		}
	}
	return pages
}

func TestTheArchiveIsTheWholeHistory(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds[0].Items = 5 })
	hourly(n, 60, tags("night"))
	for _, from := range []edition.Ref{{Kind: edition.Feed, Name: "all"}, {Kind: edition.Tag, Name: "night"}} {
		pages := walk(t, n, from)
		var shown []string
		for i, e := range pages {
			shown = append(shown, ids(e)...)
			checkLinks(t, n, from, pages, i)
		}
		var want []string
		for i := range 60 {
			want = append(want, fmt.Sprint("g", 59-i))
		}
		if diff := cmp.Diff(want, shown); diff != "" || len(pages) < 5 {
			t.Errorf("%d pages of %s (-want +got):\n%s", len(pages), from.Kind, diff)
		}
	}
}

// checkLinks holds the links of a page to its place among the others.
func checkLinks(t *testing.T, n *node, from edition.Ref, pages []*edition.Edition, i int) {
	t.Helper()
	e := pages[i]
	a, j := read(t, e), readJSON(t, e.Document(feed.JSON))
	if strings.TrimSuffix(a.link("prev-archive"), "atom") != strings.TrimSuffix(j.NextURL, "json") {
		t.Errorf("Atom leads to %q, JSON to %q", a.link("prev-archive"), j.NextURL)
	}
	if want := "https://example.com" + from.Path(feed.Atom); a.link("current") != want || a.ID != read(t, n.edition(from)).ID {
		t.Errorf("page %d of %s is current at %q", i, a.ID, a.link("current"))
	}
	if !bytes.Contains(e.Document(feed.RSS).Bytes(), []byte(`rel="current"`)) {
		t.Errorf("page %d in RSS does not lead back", i)
	}
	self := refOf(t, a.link("self"))
	if newest := i == 0; (a.Archive == nil) != newest || (self.Page == "newest") != newest || (a.link("next-archive") == "") != newest {
		t.Errorf("page %d is %q, marked %v, leads on to %q", i, self.Page, a.Archive != nil, a.link("next-archive"))
		return
	} else if newest {
		return
	}
	moved, ok := errors.AsType[*edition.Moved](n.refused(refOf(t, a.link("next-archive"))))
	if above := read(t, pages[i-1]).link("self"); !ok || moved.Permanent || moved.URL(feed.Atom) != above {
		t.Errorf("above page %d is %v, want %s", i, moved, above)
	}
}

func TestASmallFeedHasNoArchive(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds[0].Items = 5 })
	hourly(n, 5)
	if got := read(t, n.current("all")).link("prev-archive"); got != "" {
		t.Errorf("leads to %q though it shows everything", got)
	}
	n.Publish(photo("one more"))
	if got := read(t, n.current("all")).link("prev-archive"); got != "https://example.com/feeds/all/archive/newest.atom" {
		t.Errorf("leads to %q", got)
	}
}

func TestUnknownPages(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	hourly(n, 3)
	for _, page := range []string{"0", "none", "..", "1~g1/", "after-", "after-newest", "after-none", "Newest", strings.Repeat("x", 10_000), "\x00"} {
		if err := n.refused(edition.Ref{Kind: edition.Feed, Name: "all", Page: page}); !errors.Is(err, edition.ErrUnknown) {
			t.Errorf("page %.20q: %v", page, err)
		}
	}
}

func TestAFormerNameKeepsThePage(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds[0].Aliases = []string{"latest"} })
	for _, page := range []string{"", "newest", "after-newest", "none"} {
		moved, ok := errors.AsType[*edition.Moved](n.refused(edition.Ref{Kind: edition.Feed, Name: "latest", Page: page}))
		want := "https://example.com" + edition.Ref{Kind: edition.Feed, Name: "all", Page: page}.Path(feed.JSON)
		if !ok || !moved.Permanent || moved.URL(feed.JSON) != want {
			t.Errorf("page %q: %v, want %s", page, moved, want)
		}
	}
}

// A page's bytes change only when a gallery of its own does, however many come,
// late ones included.
func TestPagesKeepTheirBytes(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds[0].Items = 5 })
	hourly(n, 60)
	all := edition.Ref{Kind: edition.Feed, Name: "all"}
	before := map[string]*edition.Edition{}
	for _, e := range walk(t, n, all) {
		before[read(t, e).link("self")] = e
	}
	n.Publish(photo("new"), revised("g30", func(g *gallery.Gallery) { g.Published = noon.Add(-30 * time.Hour) }))
	n.Publish(photo("late", func(g *gallery.Gallery) { g.Published = noon.Add(-12*time.Hour - time.Minute) }))
	n.TakeDown("g5")
	changed, same := 0, 0
	for _, e := range walk(t, n, all) {
		was := before[read(t, e).link("self")]
		if was == nil || !cmp.Equal(ids(was), ids(e)) || strings.Contains(string(e.Document(feed.Atom).Bytes()), "New title of g30") {
			changed++
			continue
		}
		same++
		if diff := cmp.Diff(etags(was), etags(e)); diff != "" {
			t.Errorf("%s holds the same and changed (-before +after):\n%s", read(t, e).link("self"), diff)
		}
	}
	if changed > 6 || same < 5 {
		t.Errorf("%d pages changed by four galleries, %d did not", changed, same)
	}
}

// The validator of a page is known when the page itself is no longer kept, and
// never of a page that has changed.
func TestTheValidatorOfAPage(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds[0].Items = 5 })
	hourly(n, 120, tags("Night"))
	all := edition.Ref{Kind: edition.Feed, Name: "all"}
	pages := walk(t, n, edition.Ref{Kind: edition.Tag, Name: "night"})
	pages = append(pages, walk(t, n, all)...) // more than are kept
	if len(pages) < 40 {
		t.Fatalf("only %d pages", len(pages))
	}
	n.Publish(revised("g60", func(g *gallery.Gallery) { g.Published = noon.Add(-60 * time.Hour) }), photo("new", tags("NIGHT")), photo("newer", tags("NIGHT")))
	n.TakeDown("g100")
	renders, known := n.metric("gallerywire_render_seconds"), 0
	for _, e := range pages {
		ref := refOf(t, read(t, e).link("self"))
		for _, f := range feed.Formats() {
			etag, ok := n.editions.ETag(ref, f)
			if !ok {
				continue
			}
			known++
			if now := fresh(t, n, ref); now.Document(f).ETag != etag {
				t.Errorf("%s has a wrong ETag %s", ref.Path(f), etag)
			}
		}
	}
	if rendered := n.metric("gallerywire_render_seconds") - renders; rendered > 0 {
		t.Errorf("%v were rendered to tell", rendered)
	}
	if known < 3*(len(pages)-8) {
		t.Errorf("only %d of %d validators are known", known, 3*len(pages))
	}
	for _, ref := range []edition.Ref{all, {Kind: edition.Feed, Name: "all", Page: "none"}, {Kind: edition.Tag, Name: "none", Page: "newest"}} {
		if etag, ok := n.editions.ETag(ref, feed.Atom); ok {
			t.Errorf("%+v is known to be %s", ref, etag)
		}
	}
}

// fresh is what another set over the same galleries makes.
func fresh(t *testing.T, n *node, ref edition.Ref) *edition.Edition {
	t.Helper()
	if n.other == nil {
		n.other = edition.New(n.options)
	}
	e, err := n.other.Edition(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAFeedByUpdateHasAnArchiveByPublication(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) {
		o.feeds[0].Items, o.feeds[0].Order = 3, index.ByUpdated
		o.few = edition.Dynamic{Tags: true, Items: 3, Order: index.ByUpdated}
	})
	hourly(n, 30, tags("night"))
	for _, ref := range []edition.Ref{{Kind: edition.Feed, Name: "all"}, {Kind: edition.Tag, Name: "night"}} {
		walk(t, n, ref) // so that the pages are known
	}
	n.Publish(revised("g0", tags("night"), func(g *gallery.Gallery) { g.Published, g.Updated = noon.Add(-30*time.Hour), noon }))
	for _, ref := range []edition.Ref{{Kind: edition.Feed, Name: "all"}, {Kind: edition.Tag, Name: "night"}} {
		if got := ids(n.edition(ref)); !cmp.Equal(got, []string{"g0", "g29", "g28"}) {
			t.Errorf("%s shows %v", ref, got)
		}
		var members []string
		content, err := n.editions.Content(ref, index.Position{}, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range content.Members {
			members = append(members, m.ID)
		}
		if !cmp.Equal(members, []string{"g0", "g29", "g28"}) {
			t.Errorf("notices say that %s shows %v", ref, members)
		}
		var shown []string
		for _, e := range walk(t, n, ref) {
			shown = append(shown, ids(e)...)
		}
		if len(shown) != 30 || shown[0] != "g29" || shown[29] != "g0" {
			t.Errorf("the archive of %s shows %v", ref, shown)
		}
	}
	if n.editions.Len("all") != 30 {
		t.Errorf("counts %d", n.editions.Len("all"))
	}
}

// A gallery that was taken down is listed in Atom and JSON Feed, of the current document
// alone.
func TestTombstones(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds[0].Items = 5 })
	n.Publish(photo("a"), photo("b", func(g *gallery.Gallery) { g.GUID = "https://old.example.com/?p=17" }), photo("c", func(g *gallery.Gallery) { g.GUID = "number 9" }))
	hourly(n, 10)
	before := n.current("all")
	n.TakeDown("a")
	n.TakeDown("b")
	n.TakeDown("c")
	e := n.current("all")
	var gone []string
	for _, g := range read(t, e).Gone {
		gone = append(gone, g.Ref)
	}
	want := []string{"tag:example.com,2026:/guid/number%209", "https://old.example.com/?p=17", "tag:example.com,2026:a"}
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
	gone = nil
	for _, g := range readJSON(t, e.Document(feed.JSON)).Data.Deleted {
		gone = append(gone, g.ID)
	}
	want[0] = "number 9" // which is no IRI
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("gone in JSON Feed (-want +got):\n%s", diff)
	}
	if strings.Contains(string(e.Document(feed.RSS).Bytes()), "?p=17") {
		t.Error("RSS tells it too")
	}
	for _, page := range walk(t, n, edition.Ref{Kind: edition.Feed, Name: "all"}) {
		if got := read(t, page).Gone; len(got) != 0 {
			t.Errorf("an archive page says that %v are gone", got)
		}
	}
	if cmp.Equal(etags(before), etags(e)) {
		t.Error("the same edition")
	}
	n.Publish(photo("d", func(g *gallery.Gallery) { g.GUID = "https://old.example.com/?p=17" }))
	if got := read(t, n.current("all")).Gone; len(got) != 2 {
		t.Errorf("an identifier that is shown again is reported as gone: %v", got)
	}
	n.Clock.Advance(25 * time.Hour)
	if got := read(t, n.current("all")).Gone; len(got) != 0 {
		t.Errorf("a day later %v are still reported as gone", got)
	}
}
