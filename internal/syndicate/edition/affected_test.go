package edition_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/google/go-cmp/cmp"
)

// change returns what happened to the gallery while f ran.
func (n *node) change(key string, f func()) index.Change {
	old := n.Index().Find(key)
	f()
	return index.Change{Old: old, New: n.Index().Find(key)}
}

// everything is who subscribed to every feed.
func everything(edition.Ref) bool { return true }

// affected are the names of the feeds, in order.
func affected(refs []edition.Ref) []string {
	names := []string{}
	for _, ref := range refs {
		names = append(names, ref.String())
	}
	slices.Sort(names)
	return names
}

func TestWhichFeedsAChangeAffects(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	both := func(g *gallery.Gallery) { g.Tags = []string{"Night ", "NIGHT", "c++"} }
	until := func(g *gallery.Gallery) { g.Expires = noon.Add(time.Hour) }
	plus := "tags/" + gallery.Slug("c++")
	for _, step := range []struct {
		name string
		key  string
		do   func()
		want []string
	}{
		{"published", "a", func() { n.Publish(photo("a", section("Travel"), both, author("A B"))) }, []string{"authors/a-b", "galleries/a", "sections/travel", plus, "tags/night"}},
		{"moved", "a", func() { n.Publish(revised("a", section("Sport"), tags("night"), until)) }, []string{"authors/a-b", "galleries/a", "sections/sport", "sections/travel", plus, "tags/night"}},
		{"the time alone", "a", func() { n.Clock.Advance(time.Hour); n.Index().Advance(n.Clock.Now) }, []string{"authors/a-b", "galleries/a", "sections/sport", "sections/travel", plus, "tags/night"}},
		{"taken down", "a", func() { n.TakeDown("a") }, []string{"authors/a-b", "galleries/a", "sections/sport", "sections/travel", plus, "tags/night"}},
		{"of none of these", gallery.Key("an id"), func() { n.Publish(photo("an id")) }, []string{"galleries/" + gallery.Key("an id")}},
	} {
		c := n.change(step.key, step.do)
		refs, all := n.editions.Affected(c, everything)
		if diff := cmp.Diff(step.want, affected(refs)); diff != "" || all {
			t.Errorf("%s, all is %v (-want +got):\n%s", step.name, all, diff)
		}
		// A node that receives the end alone, or of the beginning alone.
		if step.key == "a" && step.name != "published" {
			refs, _ := n.editions.Affected(index.Change{New: c.New}, everything)
			if !slices.Contains(affected(refs), "sections/travel") {
				t.Errorf("%s, without what was before: %v", step.name, affected(refs))
			}
		}
	}
	if refs, all := n.editions.Affected(index.Change{}, everything); refs != nil || !all {
		t.Errorf("when everything may have changed: %v, %v", refs, all)
	}
}

// A gallery that is deleted by hand, or whose record only a newer release can read,
// affects the feeds that it was in.
func TestAChangeToNothingAffectsWhereItWas(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", section("Travel")))
	old := n.Index().Find("a")
	for name, c := range map[string]index.Change{"deleted": {Old: old}, "of a newer release": {Old: old, New: new(index.Entry)}} {
		refs, all := n.editions.Affected(c, everything)
		if diff := cmp.Diff([]string{"galleries/a", "sections/travel"}, affected(refs)); diff != "" || all {
			t.Errorf("%s, all is %v (-want +got):\n%s", name, all, diff)
		}
	}
}

func TestOnlySubscribedFeedsAreAffected(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.few = edition.Dynamic{Sections: true, Tags: true} })
	c := n.change("a", func() { n.Publish(photo("a", section("Travel"), tags("night", "day", "Night"), author("A"))) })
	asked := map[edition.Ref]int{}
	refs, _ := n.editions.Affected(c, func(ref edition.Ref) bool {
		asked[ref]++
		return ref.Kind == edition.Tag && ref.Name == "night" || ref.Kind == edition.Gallery
	})
	if diff := cmp.Diff([]string{"galleries/a", "tags/night"}, affected(refs)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := map[edition.Ref]int{slidesOf("a"): 1, {Kind: edition.Section, Name: "travel"}: 1, {Kind: edition.Tag, Name: "night"}: 1, {Kind: edition.Tag, Name: "day"}: 1}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.few = edition.Dynamic{Sections: true, Tags: true, Items: 1} })
	n.Publish(
		photo("a", section("Reise & Café"), tags("night"), author("A")), photo("b", section("Reise & Café")),
		photo("soon", section("Reise & Café"), func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }), photo("gone", section("Reise & Café")),
	)
	n.TakeDown("gone")
	travel := edition.Ref{Kind: edition.Section, Name: gallery.Slug("Reise & Café")}
	if got := ids(n.edition(travel)); !cmp.Equal(got, []string{"b"}) {
		t.Fatalf("the section shows %v", got)
	}
	for _, c := range []struct {
		ref  edition.Ref
		key  string
		want bool
	}{
		{travel, "a", true}, {travel, "b", true}, {travel, "soon", false}, {travel, "gone", false}, {travel, "none", false},
		{edition.Ref{Kind: edition.Tag, Name: "night"}, "a", true}, {edition.Ref{Kind: edition.Tag, Name: "night"}, "b", false},
		{edition.Ref{Kind: edition.Tag, Name: travel.Name}, "a", false}, {edition.Ref{Kind: edition.Author, Name: "a"}, "a", false}, // off
		{edition.Ref{Kind: edition.Feed, Name: "all"}, "a", true}, {edition.Ref{Kind: edition.Feed, Name: "none"}, "a", false},
		{slidesOf("a"), "a", true}, {slidesOf("a"), "b", false}, {slidesOf("gone"), "gone", false}, {slidesOf("soon"), "soon", false},
		{edition.Ref{Name: "en"}, "a", false},
	} {
		if got := n.editions.Holds(c.ref, c.key); got != c.want {
			t.Errorf("%v holds %s: %v", c.ref, c.key, got)
		}
	}
	n.Clock.Advance(time.Hour)
	if !n.editions.Holds(travel, "soon") {
		t.Error("after the embargo it is not held")
	}
}

func TestChoice(t *testing.T) {
	t.Parallel()
	refs := []edition.Ref{
		{Kind: edition.Feed, Name: "all"}, {Kind: edition.Feed, Name: "two"}, {Kind: edition.Feed, Name: "travel"}, {Kind: edition.Feed, Name: "corrected"},
		{Kind: edition.Section, Name: "travel"}, {Kind: edition.Section, Name: "sport"}, {Kind: edition.Tag, Name: "travel"}, slidesOf("a"),
	}
	nodeOf := func(items int) *edition.Set {
		return startNode(t, func(o *options) {
			o.feeds = []edition.Definition{
				{Name: "all", Items: 50}, {Name: "two", Items: 2}, {Name: "corrected", Items: 50, Order: index.ByUpdated},
				{Name: "travel", Items: 50, Match: index.Match{Sections: []string{"Travel"}}},
			}
			o.few = edition.Dynamic{Sections: true, Tags: true, Items: items}
		}).editions
	}
	one, same, other := nodeOf(10), nodeOf(10), nodeOf(20)
	seen := map[string]edition.Ref{}
	for _, ref := range refs {
		got := one.Choice(ref)
		if before, ok := seen[got]; ok || got == "" {
			t.Errorf("%v is chosen like %v: %q", ref, before, got)
		}
		seen[got] = ref
		if same.Choice(ref) != got {
			t.Errorf("%v is chosen in another way elsewhere", ref)
		}
		if differs := other.Choice(ref) != got; differs != (ref.Kind == edition.Section || ref.Kind == edition.Tag) {
			t.Errorf("%v with other bounds: %v", ref, differs)
		}
	}
	for _, ref := range []edition.Ref{{}, {Kind: edition.Feed, Name: "none"}, {Kind: edition.Author, Name: "a"}} {
		if got := one.Choice(ref); got != "" {
			t.Errorf("%v is chosen: %q", ref, got)
		}
	}
	fresh := startNode(t, func(o *options) {
		o.few = edition.Dynamic{Sections: true, Tags: true, Items: 10, Order: index.ByUpdated}
	}).editions
	if fresh.Choice(refs[4]) == one.Choice(refs[4]) {
		t.Error("a section in another order seems to be chosen alike")
	}
	ruled := startNode(t, func(o *options) { o.public = theRules() }).editions
	for _, ref := range []edition.Ref{refs[0], refs[4], refs[7]} {
		if c := ruled.Choice(ref); c == "" || c == one.Choice(ref) {
			t.Errorf("%v is chosen as %q under other rules of rights", ref, c)
		}
	}
	// What was announced by a release before must not seem to be chosen anew.
	if want := gallery.HashOf(fmt.Appendf(nil, "%d %d %q", 50, index.ByPublished, index.Match{})).String(); one.Choice(refs[0]) != want {
		t.Errorf("it was %s before", want)
	}
}
