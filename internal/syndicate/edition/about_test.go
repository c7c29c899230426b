package edition_test

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

func TestFeedFactsNeedNoRendering(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.few = edition.Dynamic{Tags: true} })
	if got := n.editions.Touched("all"); !got.IsZero() {
		t.Errorf("an empty feed was touched at %v", got)
	}
	n.Publish(photo("a", tags("R&D")))
	renders := n.metric("gallerywire_render_seconds")
	touched := n.editions.Touched("all")
	if n.metric("gallerywire_render_seconds") != renders {
		t.Error("it was rendered")
	}
	e := n.current("all")
	if touched.IsZero() || !touched.Equal(e.Touched) {
		t.Errorf("touched at %v, the edition says %v", touched, e.Touched)
	}
	if got := n.editions.Touched("none"); !got.Equal(time.Time{}) {
		t.Errorf("an unknown feed was touched at %v", got)
	}
	if got, want := e.Title(), read(t, e).Title; got != want {
		t.Errorf("titled %q, its document %q", got, want)
	}
	for kind, want := range map[edition.Kind]bool{
		edition.Feed: true, edition.Gallery: true, edition.Tag: true, edition.Section: false, edition.Author: false,
	} {
		if got := n.editions.Serves(kind); got != want {
			t.Errorf("serves %s: %t, want %t", kind, got, want)
		}
	}
}

func TestAddressesOfEveryKindOfFeed(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for want, ref := range map[string]edition.Ref{
		"https://example.com/feeds/all":                {Kind: edition.Feed, Name: "all"},
		"https://example.com/tags/caf%C3%A9":           {Kind: edition.Tag, Name: "café"},
		"https://example.com/galleries/a":              {Kind: edition.Gallery, Name: "a"},
		"https://example.com/feeds/all/archive/newest": {Kind: edition.Feed, Name: "all", Page: "newest"},
	} {
		var got []string
		for i, a := range n.editions.Addresses(ref) {
			got = append(got, a.URL)
			if f := []feed.Format{feed.Atom, feed.RSS, feed.JSON}[i]; a.Format != f.String() || a.MediaType != f.MediaType() {
				t.Errorf("%s: %s of type %s", a.URL, a.Format, a.MediaType)
			}
		}
		if diff := cmp.Diff([]string{want + ".atom", want + ".rss", want + ".json"}, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", ref, diff)
		}
	}
}
