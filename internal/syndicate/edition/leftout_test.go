package edition_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

func long(g *gallery.Gallery) { g.Body = "<p>" + strings.Repeat("long ", 4000) + "</p>" }

func TestAGalleryThatCannotBeInAFeedIsLeftOut(t *testing.T) {
	t.Parallel()
	same := func(g *gallery.Gallery) { g.GUID = "https://old.example.com/?p=17" }
	small, large := func(o *options) { o.limit = 8000 }, func(o *options) { o.all = 14_000 }
	for name, c := range map[string]struct {
		limit  func(*options)
		bad    []*gallery.Gallery
		want   []string
		out    []string
		reason string
	}{
		"too long for a gallery":     {small, []*gallery.Gallery{photo("b", long)}, []string{"c", "a"}, []string{"b"}, "at most 8000 are allowed"},
		"too long for the document":  {large, []*gallery.Gallery{photo("b", long)}, []string{"c", "a"}, []string{"b"}, "longer than 14000 bytes"},
		"an identifier of another's": {small, []*gallery.Gallery{photo("b", same), photo("b2", same)}, []string{"c", "b2", "a"}, []string{"b"}, "is also that of gallery"},
	} {
		t.Run(name, func(t *testing.T) {
			more := edition.Definition{Name: "more", Items: 50}
			n := startNode(t, c.limit, func(o *options) { o.feeds = append(o.feeds, more) })
			n.Publish(photo("a"), photo("c"))
			n.Publish(c.bad...)
			for range 2 {
				for _, feedName := range []string{"all", "more"} {
					e := n.current(feedName)
					if diff := cmp.Diff(c.want, ids(e)); diff != "" || e.Fallback || len(read(t, e).Entries) != len(c.want) {
						t.Errorf("members (-want +got), fallback is %v:\n%s", e.Fallback, diff)
					}
				}
				if err := n.editions.Republish(t.Context()); err != nil {
					t.Error(err)
				}
			}
			var out []string
			for _, f := range n.editions.LeftOut() {
				out = append(out, f.Feed+" "+f.Gallery)
				if !strings.Contains(f.Reason, c.reason) || f.Rank != n.Index().Find(f.Gallery).Rank {
					t.Errorf("because %s", f.Reason)
				}
			}
			if diff := cmp.Diff([]string{"all " + c.out[0], "more " + c.out[0]}, out); diff != "" {
				t.Errorf("left out (-want +got):\n%s", diff)
			}
			if got := n.metric("gallerywire_galleries_left_out_total"); got != 1 {
				t.Errorf("counted %v", got)
			}
			if log := n.log.String(); strings.Count(log, "left out") != 1 || !strings.Contains(log, "gallery="+c.out[0]) {
				t.Errorf("log:\n%s", log)
			}
			n.Publish(revised("b"))
			e := n.current("all")
			if len(n.editions.LeftOut()) != 1 || len(e.LeftOut) != 0 || !bytes.Contains(e.Document(feed.JSON).Bytes(), []byte("New title of b")) {
				t.Errorf("once mended it is still out: %v", e.LeftOut)
			}
		})
	}
}

func TestEachRevisionThatIsLeftOutIsLoggedOnce(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.limit = 8000 })
	n.Publish(photo("a"))
	for version := range int64(3) {
		n.Publish(photo("b", long, func(g *gallery.Gallery) { g.Version = version + 1 }))
		for range 2 {
			n.current("all")
		}
		n.Publish(photo("c", func(g *gallery.Gallery) { g.Version = version + 1 }))
		n.current("all")
	}
	if got := strings.Count(n.log.String(), "left out of a feed"); got != 3 {
		t.Errorf("three revisions are logged in %d lines:\n%s", got, n.log)
	}
}

func TestAGalleryThatIsTooLongIsLeftOutOfAPageOfTheArchive(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.limit, o.feeds[0].Items = 8000, 2 })
	hourly(n, 20)
	n.Publish(photo("g10", long, func(g *gallery.Gallery) { g.Version = 2 }))
	shown := 0
	for _, e := range walk(t, n, edition.Ref{Kind: edition.Feed, Name: "all"}) {
		read(t, e)
		shown += len(e.Members)
	}
	if shown != 19 {
		t.Errorf("the archive shows %d galleries, want 19", shown)
	}
}
