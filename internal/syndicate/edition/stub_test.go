package edition_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

func withStubs(o *options) { o.stubs, o.feeds[0].Items = true, 5 }

// titled lists what an edition shows: the identifiers' ends, and what is a stub with
// a sign before it. Every format says the same.
func titled(t *testing.T, e *edition.Edition) []string {
	t.Helper()
	list := []string{}
	for _, entry := range read(t, e).Entries {
		id := strings.TrimPrefix(entry.ID, "tag:example.com,2026:")
		if entry.Title == "Withdrawn" {
			id = "-" + id
		}
		list = append(list, id)
	}
	return list
}

// What is withdrawn keeps its place for as long as it has a tombstone, and the feed
// shows as many galleries as before.
func TestAStubKeepsItsPlace(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs)
	hourly(n, 8)
	n.Publish(revised("g5", expiring(noon.Add(time.Hour)), func(g *gallery.Gallery) { g.Published = noon.Add(-3 * time.Hour) }))
	before := n.current("all")
	n.TakeDown("g6")
	want := []string{"g7", "-g6", "g5", "g4", "g3", "g2"}
	if got := titled(t, n.current("all")); !cmp.Equal(got, want) {
		t.Errorf("shows %v, want %v", got, want)
	}
	n.Clock.Set(noon.Add(time.Hour))
	e := n.current("all")
	a := read(t, e)
	if got, want := titled(t, e), []string{"g7", "-g6", "-g5", "g4", "g3", "g2", "g1"}; !cmp.Equal(got, want) {
		t.Errorf("after the expiry it shows %v, want %v", got, want)
	}
	if got, want := a.gone(), []string{"tag:example.com,2026:g5", "tag:example.com,2026:g6"}; !cmp.Equal(got, want) {
		t.Errorf("gone are %v, want %v", got, want)
	}
	if a.Entries[2].Updated != noon.Add(time.Hour).Format(time.RFC3339) || a.Updated != a.Entries[2].Updated {
		t.Errorf("the stub is of %s, the feed of %s", a.Entries[2].Updated, a.Updated)
	}
	if got := since(t, before, e); !cmp.Equal(got, []string{"g6", "g5", "g2", "g1"}) {
		t.Errorf("who had the feed before is sent %v", got)
	}
	if got := e.Galleries(); len(got) != 5 || got[1].ID != "g4" {
		t.Errorf("shows the galleries %v", got)
	}
	n.Publish(photo("g5", func(g *gallery.Gallery) { g.Published, g.Updated = noon.Add(-3*time.Hour), n.Clock.Now() }))
	if got, want := titled(t, n.current("all")), []string{"g7", "-g6", "g5", "g4", "g3", "g2"}; !cmp.Equal(got, want) {
		t.Errorf("shown again, it shows %v, want %v", got, want)
	}
	n.Clock.Set(noon.Add(24 * time.Hour))
	if got, want := titled(t, n.current("all")), []string{"g7", "g5", "g4", "g3", "g2"}; !cmp.Equal(got, want) {
		t.Errorf("a day later it shows %v, want %v", got, want)
	}
}

// What newer galleries have pushed off the feed is a stub in the archive, once.
func TestStubsInTheArchive(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs)
	hourly(n, 30)
	var want []string
	for i := 29; i >= 0; i-- {
		id := fmt.Sprint("g", i)
		if i%3 == 0 {
			n.TakeDown(id)
			id = "-" + id
		}
		want = append(want, id)
	}
	var got []string
	for _, page := range walk(t, n, edition.Ref{Kind: edition.Feed, Name: "all"}) {
		got = append(got, titled(t, page)...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the archive (-want +got):\n%s", diff)
	}
	current := titled(t, n.current("all"))
	if want := []string{"g29", "g28", "-g27", "g26", "g25", "-g24", "g23"}; !cmp.Equal(current, want) {
		t.Errorf("the feed shows %v, want %v", current, want)
	}
}

// By update, a stub is where a correction at the instant of the withdrawal would be.
func TestAStubByUpdate(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs, func(o *options) { o.feeds[0].Order = index.ByUpdated })
	hourly(n, 3)
	n.TakeDown("g0")
	if got := titled(t, n.current("all")); !cmp.Equal(got, []string{"-g0", "g2", "g1"}) {
		t.Errorf("shows %v", got)
	}
}

// A feed that is emptied shows stubs alone, at most as many as it has items.
func TestOnlyStubsAreLeft(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs)
	hourly(n, 8, section("Travel"))
	for i := range 8 {
		n.TakeDown(fmt.Sprint("g", i))
	}
	if got := titled(t, n.current("all")); len(got) != 5 || got[0] != "-g7" {
		t.Errorf("shows %v", got)
	}
	if got := titled(t, n.edition(edition.Ref{Kind: edition.Section, Name: "travel"})); len(got) != 8 {
		t.Errorf("the section shows %v", got)
	}
}

// No identifier is listed twice.
func TestNoStubOfAnIdentifierThatIsShown(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs)
	guid := func(g *gallery.Gallery) { g.GUID = "https://old.example.com/?p=17" }
	n.Publish(photo("a", guid), photo("b", guid), photo("c"))
	n.TakeDown("a")
	if got := titled(t, n.current("all")); !cmp.Equal(got, []string{"c", "https://old.example.com/?p=17"}) {
		t.Errorf("shows %v", got)
	}
	n.TakeDown("b")
	if got := titled(t, n.current("all")); !cmp.Equal(got, []string{"c", "-https://old.example.com/?p=17"}) {
		t.Errorf("shows %v", got)
	}
}

func TestNoStubOfAGalleryThatWasNeverShown(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs)
	n.Publish(
		photo("embargoed", func(g *gallery.Gallery) { g.Published, g.Updated = noon.Add(time.Hour), noon.Add(-time.Hour) }),
		photo("hidden", func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }),
		photo("early", expiring(noon.Add(-2*time.Hour))),
	)
	n.TakeDown("embargoed")
	n.TakeDown("hidden")
	n.TakeDown("never there")
	if got := titled(t, n.current("all")); len(got) != 0 {
		t.Errorf("shows %v", got)
	}
}

// The language and the place are those that the take-down's record remembers, in
// whatever order the two came.
func TestAStubInTheLanguageOfTheGallery(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs)
	de := func(g *gallery.Gallery) { g.Language = "de" }
	n.Publish(photo("a", de), photo("c"))
	n.TakeDown("a")
	n.TakeDown("b")
	if _, err := n.Put(t.Context(), storetest.Publication(t, photo("b", de))); err != nil {
		t.Fatal(err)
	}
	n.Settle()
	a := read(t, n.current("all"))
	for i, want := range []string{"Title of c", "Zurückgezogen", "Zurückgezogen"} {
		if a.Entries[i].Title != want {
			t.Errorf("entry %d is %q, want %q", i, a.Entries[i].Title, want)
		}
	}
}

// While galleries cannot be read, what goes leaves a stub all the same.
func TestStubsWithoutNATS(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs)
	hourly(n, 4)
	n.Publish(photo("ends", expiring(noon.Add(time.Hour)), func(g *gallery.Gallery) { g.Published = noon.Add(-90 * time.Minute) }))
	n.TakeDown("g0")
	if got := titled(t, n.current("all")); !cmp.Equal(got, []string{"g3", "ends", "g2", "g1", "-g0"}) {
		t.Fatalf("shows %v", got)
	}
	n.TakeDown("g2")
	n.Publish(photo("new", func(g *gallery.Gallery) { g.Published = noon }))
	n.disconnect()
	n.Clock.Advance(time.Hour)
	e := n.current("all")
	if got := titled(t, e); !cmp.Equal(got, []string{"g3", "-ends", "-g2", "g1", "-g0"}) || !e.Fallback {
		t.Errorf("shows %v", got)
	}
	if again := n.current("all"); again != e {
		t.Error("it is made once more though nothing changed")
	}
}

// The stub of a gallery is no part of it: when it may be shown again, it is.
func TestAfterAStubComesTheGallery(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs)
	n.Publish(photo("a", expiring(noon.Add(time.Hour))))
	n.Clock.Set(noon.Add(time.Hour))
	if got := titled(t, n.current("all")); !cmp.Equal(got, []string{"-a"}) {
		t.Fatalf("shows %v", got)
	}
	n.Clock.Set(noon) // the clock was set back
	n.Index().Advance(n.Clock.Now)
	if got := titled(t, n.current("all")); !cmp.Equal(got, []string{"a"}) {
		t.Errorf("shows %v", got)
	}
}

func TestStubsOfSlides(t *testing.T) {
	t.Parallel()
	n := startNode(t, withStubs)
	n.Publish(photo("a", slideEnding(noon.Add(time.Hour))))
	before := read(t, n.edition(slidesOf("a")))
	n.Clock.Set(noon.Add(time.Hour))
	e := n.edition(slidesOf("a"))
	a := read(t, e)
	if len(a.Entries) != 2 || a.Entries[0].ID != before.Entries[0].ID || a.Entries[0].Title != "Withdrawn" || a.Entries[1] != before.Entries[1] {
		t.Errorf("shows %v", a.Entries)
	}
	if !cmp.Equal(a.gone(), []string{a.Entries[0].ID}) || strings.Contains(string(e.Document(feed.JSON).Bytes()), "a-1.jpg") {
		t.Errorf("gone are %v: %s", a.gone(), e.Document(feed.JSON).Bytes())
	}
	n.Clock.Advance(24 * time.Hour)
	if a := read(t, n.edition(slidesOf("a"))); len(a.Entries) != 1 {
		t.Errorf("a day later it shows %v", a.Entries)
	}
}
