package edition_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

var update = flag.Bool("update", false, "write the golden documents anew")

// announced returns what subscribers receive, which must be there, whole and
// good.
func (n *node) announced(ref edition.Ref) *edition.Edition {
	n.t.Helper()
	e, err := n.editions.Announce(n.t.Context(), ref)
	if err != nil {
		n.t.Fatal(err)
	}
	a := read(n.t, e)
	if e.Fallback || len(e.Documents) != 3 || a.link("self") != n.editions.Address(ref, feed.Atom) {
		n.t.Errorf("%v: cut is %v, %d documents, at %s", ref, e.Fallback, len(e.Documents), a.link("self"))
	}
	return e
}

// goneNode has a gallery for each way of not being shown any more, and sections
// that nobody has any more.
func goneNode(t *testing.T, change ...func(*options)) *node {
	t.Helper()
	n := startNode(t, append(change, func(o *options) { o.hubs = []string{"https://example.com/hub"} })...)
	n.Publish(
		photo("taken", section("Withdrawn"), func(g *gallery.Gallery) { g.GUID = "https://old.example.com/?p=17" }),
		photo("ended", section("Long Past"), func(g *gallery.Gallery) { g.Expires = noon.Add(-time.Minute) }),
		photo("hidden", section("Elsewhere"), tags("left")),
		photo("put off"),
		photo("shown", section("Travel"), tags("night"), author("A. Writer")),
	)
	n.Publish(
		revised("hidden", section("Elsewhere"), func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }),
		revised("put off", func(g *gallery.Gallery) { g.Updated, g.Published = noon, noon.Add(48*time.Hour) }),
	)
	r := storetest.TakeDown("taken", noon)
	r.Reason = "The agency withdrew it"
	n.Store(r)
	return n
}

func TestGoneFeedsAreAnnounced(t *testing.T) {
	t.Parallel()
	n := goneNode(t)
	for _, c := range []struct {
		name    string
		ref     edition.Ref
		id      string // of the feed
		title   string
		updated time.Time
		gone    []string // deleted entries
	}{
		{"a gallery taken down", slidesOf("taken"), "/galleries/taken", "Wire", noon, []string{"https://old.example.com/?p=17"}},
		{"one that expired", slidesOf("ended"), "/galleries/ended", "Wire", noon.Add(-time.Minute), []string{"tag:example.com,2026:ended"}},
		{"one that is withheld", slidesOf("hidden"), "/galleries/hidden", "Wire", noon.Add(-time.Hour), nil},
		{"one that is under embargo again", slidesOf(gallery.Key("put off")), "/galleries/put%20off", "Wire", noon, nil},
		{"one that nobody remembers", slidesOf("none"), "/galleries/none", "Wire", time.Unix(0, 0).UTC(), nil},
		{"a section whose gallery expired", edition.Ref{Kind: edition.Section, Name: "long-past"}, "/sections/long-past", "long-past", noon.Add(-time.Minute), []string{"tag:example.com,2026:ended"}},
		{"one whose gallery was taken down", edition.Ref{Kind: edition.Section, Name: "withdrawn"}, "/sections/withdrawn", "withdrawn", noon, []string{"https://old.example.com/?p=17"}},
		{"an author that nobody remembers", edition.Ref{Kind: edition.Author, Name: "nobody"}, "/authors/nobody", "nobody", time.Unix(0, 0).UTC(), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			n.t = t
			e := n.announced(c.ref)
			a := read(t, e)
			if a.ID != "tag:example.com,2026:"+c.id || a.Title != c.title || a.Updated != c.updated.Format(time.RFC3339) {
				t.Errorf("%s %q of %s", a.ID, a.Title, a.Updated)
			}
			if len(e.Members) != 0 || len(a.Entries) != 0 || a.link("hub") != "https://example.com/hub" {
				t.Errorf("%d members, %d entries, hub %q", len(e.Members), len(a.Entries), a.link("hub"))
			}
			if diff := cmp.Diff(c.gone, a.gone()); diff != "" {
				t.Errorf("deleted entries (-want +got):\n%s", diff)
			}
			golden(t, e, c.ref)
		})
	}
}

// golden holds the documents to those that are kept.
func golden(t *testing.T, e *edition.Edition, ref edition.Ref) {
	t.Helper()
	for _, f := range feed.Formats() {
		path := filepath.Join("testdata", "gone", string(ref.Kind)+"-"+ref.Name+"."+f.String())
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, e.Document(f).Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(e.Document(f).Bytes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// Readers that ask are answered as before: there is nothing.
func TestFeedsAnnouncedAsGoneAreNotServed(t *testing.T) {
	t.Parallel()
	n := goneNode(t)
	for ref, want := range map[edition.Ref]error{
		slidesOf("taken"): edition.ErrGone, slidesOf("ended"): edition.ErrGone, slidesOf("hidden"): edition.ErrUnknown,
		{Kind: edition.Section, Name: "elsewhere"}: edition.ErrUnknown, {Kind: edition.Tag, Name: "left"}: edition.ErrUnknown,
	} {
		n.announced(ref)
		if err := n.refused(ref); !errors.Is(err, want) {
			t.Errorf("%v: %v", ref, err)
		}
	}
}

func TestAGoneFeedWasTouchedWhenItsLastGalleryWent(t *testing.T) {
	t.Parallel()
	n := goneNode(t)
	stored := func(key string) time.Time { return n.Index().Find(key).Stored() }
	for ref, want := range map[edition.Ref]time.Time{
		slidesOf("taken"): stored("taken"), slidesOf("hidden"): stored("hidden"), slidesOf("ended"): noon.Add(-time.Minute), slidesOf("none"): {},
		{Kind: edition.Section, Name: "long-past"}: noon.Add(-time.Minute),
		{Kind: edition.Tag, Name: "left"}:          stored("hidden"), // which lost the tag
		{Kind: edition.Tag, Name: "nobody"}:        {},
	} {
		if got := n.announced(ref).Touched; !got.Equal(want) {
			t.Errorf("%v went at %v, want %v", ref, got, want)
		}
	}
}

func TestShownFeedsAreAnnouncedAsServed(t *testing.T) {
	t.Parallel()
	n := goneNode(t)
	for _, ref := range []edition.Ref{
		{Kind: edition.Feed, Name: "all"}, {Kind: edition.Section, Name: "travel"}, {Kind: edition.Tag, Name: "night"},
		{Kind: edition.Author, Name: gallery.Slug("A. Writer")}, slidesOf("shown"),
	} {
		e, served := n.announced(ref), n.edition(ref)
		if diff := cmp.Diff(etags(served), etags(e)); diff != "" || !e.Touched.Equal(served.Touched) {
			t.Errorf("%v (-served +announced):\n%s", ref, diff)
		}
		if !cmp.Equal(ids(e), []string{"shown"}) || e.Members[0].Rank != n.Index().Find("shown").Rank {
			t.Errorf("%v has %v", ref, e.Members)
		}
	}
}

func TestTheTimeAloneIsAnnounced(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", func(g *gallery.Gallery) {
		g.Slides[0].Rights.Until, g.Expires = noon.Add(time.Hour), noon.Add(2*time.Hour)
	}))
	if m := n.announced(slidesOf("a")).Members; len(m) != 1 || m[0].Phase != 0 {
		t.Errorf("at first %v", m)
	}
	n.Clock.Advance(time.Hour)
	e := n.announced(slidesOf("a"))
	if len(e.Members) != 1 || e.Members[0].Phase != 1 || !e.Touched.Equal(noon.Add(time.Hour)) || len(read(t, e).Entries) != 1 {
		t.Errorf("after a picture's rights ran out %v of %v", e.Members, e.Touched)
	}
	n.Clock.Advance(time.Hour)
	if e := n.announced(slidesOf("a")); len(e.Members) != 0 || !e.Touched.Equal(noon.Add(2*time.Hour)) {
		t.Errorf("after the expiry %v of %v", e.Members, e.Touched)
	}
}

// The announcement does not depend on its instant or on the history of the node.
func TestEveryNodeAnnouncesGoneFeedsAlike(t *testing.T) {
	t.Parallel()
	n := goneNode(t)
	refs := []edition.Ref{
		slidesOf("taken"), slidesOf("ended"), slidesOf("hidden"), slidesOf(gallery.Key("put off")), slidesOf("none"),
		{Kind: edition.Section, Name: "long-past"}, {Kind: edition.Section, Name: "withdrawn"}, {Kind: edition.Section, Name: "elsewhere"}, {Kind: edition.Tag, Name: "left"},
	}
	for name, now := range map[string]time.Time{"at once": noon, "hours later": noon.Add(20 * time.Hour)} {
		other := startNode(t, func(o *options) { o.server, o.now, o.hubs = n.server, now, n.options.Site.Hubs })
		for _, ref := range refs {
			if diff := cmp.Diff(etags(n.announced(ref)), etags(other.announced(ref))); diff != "" {
				t.Errorf("%v %s (-one +other):\n%s", ref, name, diff)
			}
		}
	}
}

// Once a take-down is forgotten the gallery's feed is still announced as empty.
func TestATakeDownThatIsForgottenIsStillOne(t *testing.T) {
	t.Parallel()
	n := goneNode(t)
	n.Clock.Advance(24 * 365 * 100 * time.Hour)
	if a := read(t, n.announced(slidesOf("taken"))); len(a.gone()) != 0 || a.Updated != noon.Format(time.RFC3339) {
		t.Errorf("gone are %v since %s", a.gone(), a.Updated)
	}
	e := n.announced(edition.Ref{Kind: edition.Section, Name: "withdrawn"})
	if a := read(t, e); len(a.gone()) != 0 || e.Touched.Before(noon) || a.Updated < noon.Format(time.RFC3339) {
		t.Errorf("the section was touched at %v and says %s", e.Touched, a.Updated)
	}
}

func TestReturnedGalleriesAreAnnouncedAgain(t *testing.T) {
	t.Parallel()
	n := goneNode(t)
	n.Publish(photo("taken", section("Withdrawn"), func(g *gallery.Gallery) { g.Updated = noon.Add(time.Minute) }))
	for _, ref := range []edition.Ref{slidesOf("taken"), {Kind: edition.Section, Name: "withdrawn"}} {
		if got := ids(n.announced(ref)); !cmp.Equal(got, []string{"taken"}) {
			t.Errorf("%v: %v", ref, got)
		}
	}
}

func TestUnknownFeedsAreNotAnnounced(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) {
		o.few = edition.Dynamic{Tags: true}
		o.feeds[0].Aliases = []string{"latest"}
	})
	n.Publish(photo("a", section("Travel"), tags("night")))
	for _, ref := range []edition.Ref{
		{}, {Kind: edition.Feed, Name: "none"}, {Kind: edition.Section, Name: "travel"}, {Kind: edition.Author, Name: "a"}, {Kind: edition.Tag}, slidesOf(""),
		{Kind: edition.Feed, Name: "all", Page: "newest"}, {Kind: edition.Tag, Name: "none", Page: "newest"}, slidesOf(gallery.Key("an id that is forgotten")),
	} {
		if e, err := n.editions.Announce(t.Context(), ref); !errors.Is(err, edition.ErrUnknown) || e != nil {
			t.Errorf("%+v: %v", ref, err)
		}
	}
	_, err := n.editions.Announce(t.Context(), edition.Ref{Kind: edition.Feed, Name: "latest"})
	if moved, ok := errors.AsType[*edition.Moved](err); !ok || moved.To.String() != "all" {
		t.Errorf("a former name: %v", err)
	}
}

// A record that somebody deletes is gone, and nobody knows since when.
func TestAGalleryDeletedByHandIsAnnouncedAsGone(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", section("Travel")))
	n.byHand("a", "KV-Operation", "DEL")
	for _, ref := range []edition.Ref{slidesOf("a"), {Kind: edition.Section, Name: "travel"}} {
		if e := n.announced(ref); len(e.Members) != 0 || read(t, e).Updated != "1970-01-01T00:00:00Z" {
			t.Errorf("%v: %v", ref, e.Members)
		}
	}
}

// While releases are mixed, the older one does not say that a gallery is gone
// only because it cannot read it.
func TestAGalleryOfANewerReleaseIsNotAnnouncedAsGone(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"))
	n.byHand("a", "Gallerywire-Format", "1000")
	if _, err := n.editions.Announce(t.Context(), slidesOf("a")); !errors.Is(err, edition.ErrUnavailable) {
		t.Error(err)
	}
}

// byHand writes a record that is nothing but a header.
func (n *node) byHand(key, name, value string) {
	n.t.Helper()
	msg := nats.NewMsg("$KV." + n.Broker.Name("galleries") + "." + key)
	msg.Header.Set(name, value)
	if _, err := n.Broker.JetStream().PublishMsg(n.t.Context(), msg); err != nil {
		n.t.Fatal(err)
	}
	n.Settle()
}

// A node that does not know announces nothing as gone.
func TestNothingIsAnnouncedAsGoneBeforeTheIndexIsWhole(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	o := n.options
	o.Index = index.New(index.Options{})
	s := edition.New(o)
	for _, ref := range []edition.Ref{{Kind: edition.Feed, Name: "all"}, {Kind: edition.Section, Name: "travel"}, slidesOf("a")} {
		if _, err := s.Announce(t.Context(), ref); !errors.Is(err, edition.ErrUnavailable) {
			t.Errorf("%v: %v", ref, err)
		}
	}
}
