package edition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

func expiring(at time.Time) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Expires = at }
}

// slideEnding gives the first slide rights that run out.
func slideEnding(at time.Time) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Slides[0].Rights.Until = at }
}

// says fails unless each of the documents has that text, and the text of its
// format.
func says(t *testing.T, e *edition.Edition, all string, each map[feed.Format]string) {
	t.Helper()
	for _, f := range feed.Formats() {
		text := string(e.Document(f).Bytes())
		if !strings.Contains(text, all) || !strings.Contains(text, each[f]) {
			t.Errorf("%s does not say %q and %q:\n%s", f, all, each[f], text)
		}
	}
}

// A reader that goes by identifier and date learns of a picture that the time took.
func TestADateFollowsTheRightsOfASlide(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) {
		o.feeds = append(o.feeds, edition.Definition{Name: "fresh", Items: 50, Order: index.ByUpdated})
	})
	ends := noon.Add(time.Hour)
	n.Publish(photo("a", slideEnding(ends)), photo("b", func(g *gallery.Gallery) { g.Updated = noon }))
	before := n.current("fresh")
	if got := ids(before); !cmp.Equal(got, []string{"b", "a"}) {
		t.Fatalf("shows %v", got)
	}
	n.Clock.Set(ends)
	for _, name := range []string{"all", "fresh"} {
		e := n.current(name)
		stamp := ends.Format(time.RFC3339)
		says(t, e, stamp, map[feed.Format]string{
			feed.RSS: "<lastBuildDate>" + ends.Format(time.RFC1123Z), feed.JSON: `"date_modified":"` + stamp, feed.Atom: "<updated>" + stamp + "</updated><id>tag:example.com,2026:a<",
		})
		if a := read(t, e); a.Updated != stamp || len(a.Gone) != 0 || !e.Touched.Equal(ends) {
			t.Errorf("%s is of %s, touched %s, gone are %v", name, a.Updated, e.Touched, a.gone())
		}
	}
	if got := ids(n.current("fresh")); !cmp.Equal(got, []string{"a", "b"}) {
		t.Errorf("by update it shows %v", got)
	}
}

// What expired, or may not be syndicated any more, is announced like a take-down.
func TestExpiredGalleriesHaveDeletedEntries(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	ends := noon.Add(time.Hour)
	n.Publish(
		photo("expires", expiring(ends), section("Travel"), func(g *gallery.Gallery) { g.GUID = "https://old.example.com/?p=17" }),
		photo("licensed", func(g *gallery.Gallery) { g.Rights.Until = ends.Add(time.Minute) }),
		photo("embargoed", func(g *gallery.Gallery) { g.Published, g.Expires = noon.Add(72*time.Hour), ends }),
		photo("b"),
	)
	held := etags(n.current("all"))
	n.Clock.Set(ends.Add(time.Minute))
	e := n.current("all")
	a := read(t, e)
	if got, want := a.gone(), []string{"tag:example.com,2026:licensed", "https://old.example.com/?p=17"}; !cmp.Equal(got, want) {
		t.Errorf("gone are %v, want %v", got, want)
	}
	if cmp.Equal(held, etags(e)) || a.Updated != ends.Add(time.Minute).Format(time.RFC3339) || a.Gone[1].When != ends.Format(time.RFC3339) {
		t.Errorf("the feed is of %s, the first went at %s", a.Updated, a.Gone[1].When)
	}
	if got := read(t, n.edition(edition.Ref{Kind: edition.Section, Name: "travel"})).gone(); len(got) != 1 {
		t.Errorf("gone from the section, which is empty, are %v", got)
	}
	n.Publish(photo("expires", func(g *gallery.Gallery) { g.Updated, g.GUID = n.Clock.Now(), "https://old.example.com/?p=17" }))
	if a := read(t, n.current("all")); !cmp.Equal(a.gone(), []string{"tag:example.com,2026:licensed"}) || !cmp.Equal(len(a.Entries), 2) {
		t.Errorf("shown again, gone are %v", a.gone())
	}
	n.Clock.Advance(24 * time.Hour)
	if got := read(t, n.current("all")).gone(); len(got) != 0 {
		t.Errorf("a day later gone are %v", got)
	}
}

// The feed of a gallery tells which slides the time took, and no other changes.
func TestASlideThatTheTimeWithdrewIsADeletedEntry(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	ends := noon.Add(time.Hour)
	n.Publish(photo("a", slideEnding(ends)))
	before := read(t, n.edition(slidesOf("a")))
	n.Clock.Set(ends)
	e := n.edition(slidesOf("a"))
	a := read(t, e)
	if !cmp.Equal(a.gone(), []string{before.Entries[0].ID}) || a.Updated != ends.Format(time.RFC3339) || !e.Touched.Equal(ends) {
		t.Errorf("gone are %v, of %s, touched %s", a.gone(), a.Updated, e.Touched)
	}
	if diff := cmp.Diff(before.Entries[1:], a.Entries); diff != "" {
		t.Errorf("the others (-before +after):\n%s", diff)
	}
	n.Clock.Advance(24 * time.Hour)
	if a := read(t, n.edition(slidesOf("a"))); len(a.Gone) != 0 || len(a.Entries) != 1 || a.Updated != ends.Format(time.RFC3339) {
		t.Errorf("a day later gone are %v, of %s", a.gone(), a.Updated)
	}
}
