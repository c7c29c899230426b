package edition_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

// since is what changed from one edition to the other, nil where the whole must
// be sent. Every format says the same.
func since(t *testing.T, then, now *edition.Edition) []string {
	t.Helper()
	var list []string
	for _, f := range feed.Formats() {
		doc, ok := now.Since(has(then, f), f)
		if !ok {
			if list != nil {
				t.Errorf("%s knows of no change, Atom or RSS do", f)
			}
			continue
		}
		if f == feed.JSON {
			if got := len(readJSON(t, doc).Items); got != len(list) {
				t.Errorf("%d changed in JSON, %d in Atom", got, len(list))
			}
		}
		if f == feed.Atom {
			list = readAtom(t, doc).ids()
		}
	}
	return list
}

func TestADeltaHoldsOnlyChangedGalleries(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	var versions []*edition.Edition
	keep := func() { versions = append(versions, n.current("all")) }
	n.Publish(photo("a"), photo("b"), photo("c"), photo("d", func(g *gallery.Gallery) { g.Slides[0].Rights.Until = noon.Add(time.Hour) }))
	keep() // 0
	n.Publish(revised("b"))
	keep() // 1
	n.Publish(photo("e"))
	keep() // 2
	n.TakeDown("a")
	keep() // 3
	n.Clock.Advance(time.Hour)
	keep() // 4: a picture of d is over
	for i, want := range [][]string{{"e", "d", "b"}, {"e", "d"}, {"d"}, {"d"}, nil} {
		if diff := cmp.Diff(want, since(t, versions[i], versions[4])); diff != "" {
			t.Errorf("since version %d (-want +got):\n%s", i, diff)
		}
	}
	if got := since(t, versions[2], versions[3]); got != nil {
		t.Errorf("since a gallery only left: %v", got)
	}
	if got := since(t, versions[4], versions[0]); got != nil {
		t.Errorf("since a later version: %v", got)
	}
	if doc, ok := versions[4].Since(func(etag string) bool { return etag == `"unknown"` }, feed.Atom); ok {
		t.Errorf("since an unknown version: %s", doc.Bytes())
	}
	doc, ok := versions[4].Since(has(versions[2], feed.Atom), feed.Atom)
	if !ok || len(readAtom(t, doc).Gone) != 1 {
		t.Error("removed galleries are not listed with the changed ones")
	}
	restarted := startNode(t, func(o *options) { o.server, o.now = n.server, n.Clock.Now() })
	if got := since(t, versions[2], restarted.current("all")); got != nil {
		t.Errorf("after a restart: %v", got)
	}
}

func TestOnlySoManyVersionsAreRemembered(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.few.Tags = true })
	night := edition.Ref{Kind: edition.Tag, Name: "night"}
	n.Publish(photo("a", tags("night")), photo("b", tags("night")))
	var configured, dynamic []*edition.Edition
	for i := range 40 {
		n.Publish(photo("a", tags("night"), func(g *gallery.Gallery) { g.Version, g.Title = int64(i+2), fmt.Sprint("Title ", i) }))
		configured, dynamic = append(configured, n.current("all")), append(dynamic, n.edition(night))
	}
	for _, c := range []struct {
		versions []*edition.Edition
		known    int
	}{{configured, 32}, {dynamic, 4}} {
		for i, e := range c.versions {
			want := i < 39 && i >= 39-c.known
			if got := since(t, e, c.versions[39]) != nil; got != want {
				t.Errorf("of %d, version %d is remembered: %v", c.known, i, got)
			}
		}
	}
}

// A reader that has the newest but for what everything changed in gets it all.
func TestADeltaIsShorterThanTheWhole(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"), photo("b"))
	before := n.current("all")
	n.Publish(revised("a"), revised("b"))
	if got := since(t, before, n.current("all")); got != nil {
		t.Errorf("changed are %v, which is everything", got)
	}
}

func TestADeltaFollowsTheOrderOfTheFeed(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.feeds[0].Order = index.ByUpdated })
	hourly(n, 6)
	before := n.current("all")
	for i, id := range []string{"g4", "g1", "g3"} {
		n.Publish(revised(id, func(g *gallery.Gallery) {
			g.Published, g.Updated = noon.Add(-24*time.Hour), noon.Add(time.Duration(i)*time.Minute)
		}))
	}
	if diff := cmp.Diff([]string{"g3", "g1", "g4"}, since(t, before, n.current("all"))); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
}

// What is only a last resort is no base of a delta.
func TestADeltaWhileNATSIsAway(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for i := range 4 {
		n.Publish(photo(fmt.Sprint("g", i), func(g *gallery.Gallery) { g.Expires = noon.Add(time.Duration(i+1) * time.Hour) }))
	}
	first := n.current("all")
	n.Publish(revised("g3"))
	second := n.current("all")
	n.Publish(photo("new"))
	n.disconnect()
	cut := n.current("all")
	if !cut.Fallback {
		t.Fatal("rendered without NATS")
	}
	if got := since(t, first, cut); len(got) != 1 || got[0] != "g3" {
		t.Errorf("since the first: %v", got)
	}
	n.server.Reconnect(n.Broker)
	n.Clock.Advance(2 * time.Second)
	if got := since(t, second, n.current("all")); !cmp.Equal(got, []string{"new"}) {
		t.Errorf("after NATS came back: %v", got)
	}
}
