package edition_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

func slidesOf(key string) edition.Ref { return edition.Ref{Kind: edition.Gallery, Name: key} }

func TestAGalleryIsAFeedOfItsSlides(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	until := func(g *gallery.Gallery) {
		g.Slides = append(g.Slides, picture("a", 3))
		g.Slides[1].Rights.Until = noon.Add(time.Hour)
	}
	n.Publish(photo("a", until), photo("id with blanks"))
	first := n.edition(slidesOf("a"))
	a := read(t, first)
	want := []string{"/galleries/a/slides/a-1", "/galleries/a/slides/a-2", "/galleries/a/slides/a-3"}
	if diff := cmp.Diff(want, a.ids()); diff != "" || a.Title != "Title of a" || a.link("self") != "https://example.com/galleries/a.atom" {
		t.Errorf("%q at %s (-want +got):\n%s", a.Title, a.link("self"), diff)
	}
	loads := n.loads.Load()
	if n.edition(slidesOf("a")) != first || n.loads.Load() != loads {
		t.Error("rendered again for the next request")
	}
	n.Clock.Advance(time.Hour)
	if diff := cmp.Diff([]string{want[0], want[2]}, read(t, n.edition(slidesOf("a"))).ids()); diff != "" {
		t.Errorf("after a picture's rights ran out (-want +got):\n%s", diff)
	}
	n.Publish(revised("a"))
	if got := read(t, n.edition(slidesOf("a"))); got.Title != "New title of a" || len(got.Entries) != 2 {
		t.Errorf("after a correction: %+v", got)
	}
	n.edition(slidesOf(gallery.Key("id with blanks")))
}

func TestTheAuthorOfAGalleryFeedIsTheFirstWithAName(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a", func(g *gallery.Gallery) {
		g.Authors = []gallery.Author{{Email: "a@example.com"}, {Name: " "}, {Name: "B. Writer"}}
	}))
	if got := string(n.edition(slidesOf("a")).Document(feed.Atom).Bytes()); !strings.Contains(got, "<author><name>B. Writer</name></author>") {
		t.Error(got)
	}
}

func TestGalleriesWithoutAFeed(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(
		photo("embargoed", func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }),
		photo("withheld", func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }),
		photo("expired", func(g *gallery.Gallery) { g.Expires = noon.Add(-time.Minute) }),
		photo("over", func(g *gallery.Gallery) { g.Rights.Until = noon }),
		photo("gone"), photo("back"),
	)
	n.edition(slidesOf("gone"))
	n.TakeDown("gone")
	n.TakeDown("back")
	n.Publish(photo("back", func(g *gallery.Gallery) { g.Updated = noon.Add(time.Minute) }))
	n.edition(slidesOf("back"))
	unknown := n.refused(slidesOf("none")).Error()
	for key, want := range map[string]error{
		"none": edition.ErrUnknown, "": edition.ErrUnknown, "\x00": edition.ErrUnknown, strings.Repeat("x", 10_000): edition.ErrUnknown,
		"embargoed": edition.ErrUnknown, "withheld": edition.ErrUnknown,
		"expired": edition.ErrGone, "over": edition.ErrGone, "gone": edition.ErrGone,
	} {
		err := n.refused(slidesOf(key))
		if !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", key, err, want)
		}
		if key == "embargoed" && strings.ReplaceAll(err.Error(), key, "none") != unknown {
			t.Errorf("an embargo shows: %v", err)
		}
	}
	n.Clock.Advance(time.Hour)
	n.edition(slidesOf("embargoed"))
}

func TestAGalleryThatCannotBeReadHasNoFeedYet(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"), photo("b"))
	kept := n.edition(slidesOf("a"))
	n.disconnect()
	if err := n.refused(slidesOf("b")); !errors.Is(err, edition.ErrUnavailable) {
		t.Error(err)
	}
	if n.edition(slidesOf("a")) != kept {
		t.Error("what is rendered is not kept")
	}
}

// A gallery that is taken down while it is rendered is not shown.
func TestAGalleryThatGoesWhileItIsRendered(t *testing.T) {
	t.Parallel()
	var n *node
	n = startNode(t, func(o *options) {
		o.onLoad = func(g *gallery.Gallery) {
			if g.ID == "a" {
				n.TakeDown("a")
			}
		}
	})
	n.Publish(photo("a"))
	if err := n.refused(slidesOf("a")); !errors.Is(err, edition.ErrGone) {
		t.Error(err)
	}
}

func TestAGalleryFeedThatCannotBeRenderedIsUnavailable(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.limit = 8000 })
	n.Publish(photo("a", func(g *gallery.Gallery) { g.Slides[1].Caption = strings.Repeat("long ", 4000) }), photo("b"))
	loads := n.loads.Load()
	for range 3 {
		if err := n.refused(slidesOf("a")); !errors.Is(err, edition.ErrUnavailable) {
			t.Error(err)
		}
	}
	if n.loads.Load() != loads+1 || strings.Count(n.log.String(), "left out of a feed: correct it and publish it again\" feed=galleries/a gallery=a ") != 1 {
		t.Errorf("read %d times, logged\n%s", n.loads.Load()-loads, n.log)
	}
	n.edition(slidesOf("b"))
	n.Publish(revised("a"))
	if got := len(read(t, n.edition(slidesOf("a"))).Entries); got != 2 {
		t.Errorf("once mended it has %d slides", got)
	}
}

// Each gallery is a feed in which nothing is as in any other.
func TestTwoSlideFeedsShareNothing(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"), photo("b"))
	a, b := n.edition(slidesOf("a")), n.edition(slidesOf("b"))
	if read(t, a).ID == read(t, b).ID || a.Document(feed.RSS).ETag == b.Document(feed.RSS).ETag {
		t.Error("the same identifier or the same tag")
	}
}
