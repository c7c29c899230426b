package edition_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// content is what a feed holds and what happened to it, as it must be known.
func (n *node) content(ref edition.Ref, since *edition.Content) *edition.Content {
	n.t.Helper()
	if since == nil {
		since = &edition.Content{}
	}
	c, err := n.editions.Content(ref, since.Position, since.Touched)
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

// Content, which is read from memory, is what an edition to be announced holds.
func TestContentIsThatOfTheEdition(t *testing.T) {
	t.Parallel()
	n := goneNode(t)
	before := n.loads.Load()
	refs := []edition.Ref{
		{Kind: edition.Feed, Name: "all"}, {Kind: edition.Section, Name: "travel"}, {Kind: edition.Section, Name: "withdrawn"},
		{Kind: edition.Section, Name: "long-past"}, {Kind: edition.Tag, Name: "night"}, {Kind: edition.Author, Name: "nobody"},
		slidesOf("shown"), slidesOf("taken"), slidesOf("ended"), slidesOf("hidden"), slidesOf("none"),
	}
	all := map[edition.Ref]*edition.Content{}
	for _, ref := range refs {
		all[ref] = n.content(ref, nil)
	}
	if got := n.loads.Load() - before; got != 0 {
		t.Errorf("%d galleries were read", got)
	}
	for _, ref := range refs {
		e := n.announced(ref)
		if diff := cmp.Diff(e.Members, all[ref].Members, cmpopts.IgnoreUnexported(edition.Member{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%v (-edition +content):\n%s", ref, diff)
		}
		if !all[ref].Touched.Equal(e.Touched) {
			t.Errorf("%v was touched at %v, its edition at %v", ref, all[ref].Touched, e.Touched)
		}
	}
}

func TestChangesOfAGalleryAreContentOfItsFeeds(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) {
		o.feeds = []edition.Definition{{Name: "all", Items: 1}, {Name: "sport", Items: 1, Match: index.Match{Sections: []string{"Sport"}}}}
		o.few = edition.Dynamic{Sections: true, Tags: true, Items: 1}
	})
	n.Publish(photo("old", section("Travel"), tags("night")), photo("new", section("Travel"), tags("night"), func(g *gallery.Gallery) { g.Published = noon.Add(-time.Minute) }))
	refs := []edition.Ref{
		{Kind: edition.Feed, Name: "all"}, {Kind: edition.Feed, Name: "sport"}, {Kind: edition.Section, Name: "travel"},
		{Kind: edition.Tag, Name: "night"}, {Kind: edition.Tag, Name: "day"}, slidesOf("old"), slidesOf("new"),
	}
	before := map[edition.Ref]*edition.Content{}
	for _, ref := range refs {
		before[ref] = n.content(ref, nil)
		if n.editions.ChangedSince(ref, before[ref].Position) {
			t.Errorf("%v has moved at once", ref)
		}
	}
	n.Publish(photo("other", section("Food"), tags("day")))
	for _, ref := range refs[1:] {
		if moved := n.editions.ChangedSince(ref, before[ref].Position); moved != (ref.Name == "day" || ref.Name == "sport" && moved) {
			t.Errorf("%v has moved by what is not its own", ref)
		}
	}
	n.TakeDown("old")
	var got []string
	for _, ref := range refs {
		for _, step := range n.content(ref, before[ref]).Galleries {
			got = append(got, fmt.Sprint(ref, " ", step.ID, " ", step.Was, " ", step.Is))
		}
		if moved, want := n.editions.ChangedSince(ref, before[ref].Position), ref.Name != "new" && ref.Name != "sport"; moved != want {
			t.Errorf("%v has moved: %v", ref, moved)
		}
	}
	want := []string{
		"all old true false", "all other false true", "sections/travel old true false", "tags/night old true false",
		"tags/day other false true", "galleries/old old true false",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestUnknownFeedsHaveNoContent(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.few = edition.Dynamic{Tags: true} })
	n.Publish(photo("a"))
	for _, ref := range []edition.Ref{
		{}, {Kind: edition.Feed, Name: "none"}, {Kind: edition.Section, Name: "travel"}, {Kind: edition.Tag}, slidesOf(""),
		{Kind: edition.Feed, Name: "all", Page: "newest"}, slidesOf(gallery.Key("an id that is forgotten")),
	} {
		if _, err := n.editions.Content(ref, index.Position{}, time.Time{}); !errors.Is(err, edition.ErrUnknown) {
			t.Errorf("%+v: %v", ref, err)
		}
	}
	n.byHand("a", "Gallerywire-Format", "1000")
	if _, err := n.editions.Content(slidesOf("a"), index.Position{}, time.Time{}); !errors.Is(err, edition.ErrUnavailable) {
		t.Errorf("of a newer release: %v", err)
	}
	o := n.options
	o.Index = index.New(index.Options{})
	if _, err := edition.New(o).Content(edition.Ref{Kind: edition.Feed, Name: "all"}, index.Position{}, time.Time{}); !errors.Is(err, edition.ErrUnavailable) {
		t.Errorf("before the index is whole: %v", err)
	}
}

func TestTheNamesOfAFeed(t *testing.T) {
	t.Parallel()
	s := startNode(t, func(o *options) {
		o.feeds = []edition.Definition{{Name: "galleries", Items: 5, Aliases: []string{"all", "latest"}}, {Name: "more", Items: 5}}
	}).editions
	for name, want := range map[string]string{
		"all": "galleries", "latest": "galleries", "galleries": "galleries", "more": "more", "none": "none", "tags/all": "tags/all",
	} {
		ref, _ := edition.ParseRef(name)
		if got := s.Canonical(ref).String(); got != want {
			t.Errorf("%s is %s now, want %s", name, got, want)
		}
	}
	if got := s.Former("galleries"); !cmp.Equal(got, []string{"all", "latest"}) || s.Former("more") != nil || s.Former("none") != nil {
		t.Errorf("galleries was %v", got)
	}
}
