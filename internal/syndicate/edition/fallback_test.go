package edition_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/google/go-cmp/cmp"
)

// While NATS is away a feed keeps its last good edition, without what may no
// longer be shown.
func TestWithoutNATSTheLastGoodEditionIsKept(t *testing.T) {
	t.Parallel()
	until := func(at time.Time) func(*gallery.Gallery) {
		return func(g *gallery.Gallery) { g.Slides[0].Rights.Until = at }
	}
	for _, c := range []struct {
		name   string
		given  func(*gallery.Gallery) // of b
		happen func(n *node)          // NATS is there, and nobody asks
		later  time.Duration          // after NATS is gone
		want   []string
	}{
		{name: "corrected", happen: func(n *node) { n.Publish(revised("b", section("Travel"))) }, want: []string{"c", "b", "a"}},
		{name: "untouched", want: []string{"c", "b", "a"}},
		{name: "taken down", happen: func(n *node) { n.TakeDown("b") }, want: []string{"c", "a"}},
		{name: "moved to another section", happen: func(n *node) { n.Publish(revised("b", section("News"))) }, want: []string{"c", "a"}},
		{name: "embargoed", happen: func(n *node) {
			n.Publish(revised("b", section("Travel"), func(g *gallery.Gallery) { g.Published = noon.Add(time.Hour) }))
		}, want: []string{"c", "a"}},
		{name: "withheld", happen: func(n *node) {
			n.Publish(revised("b", section("Travel"), func(g *gallery.Gallery) { g.Rights.Syndicate = new(bool) }))
		}, want: []string{"c", "a"}},
		{name: "a picture's rights are corrected and over", happen: func(n *node) { n.Publish(revised("b", section("Travel"), until(noon.Add(-time.Hour)))) }, want: []string{"c", "a"}},
		{name: "expires", given: func(g *gallery.Gallery) { g.Expires = noon.Add(time.Hour) }, later: time.Hour, want: []string{"c", "a"}},
		{name: "rights run out", given: func(g *gallery.Gallery) { g.Rights.Until = noon.Add(time.Hour) }, later: time.Hour, want: []string{"c", "a"}},
		{name: "a picture's rights run out", given: until(noon.Add(time.Hour)), later: time.Hour, want: []string{"c", "a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, travelOnly)
			if c.given == nil {
				c.given = func(*gallery.Gallery) {}
			}
			n.Publish(photo("a", section("Travel")), photo("b", section("Travel"), c.given), photo("c", section("Travel")))
			good := n.current("travel")
			if c.happen != nil {
				c.happen(n)
			}
			n.Publish(photo("d", section("Travel"))) // what cannot be read
			n.disconnect()
			n.Clock.Advance(c.later)
			e := n.current("travel")
			if diff := cmp.Diff(c.want, ids(e)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if !e.Fallback || !e.Touched.IsZero() {
				t.Errorf("fallback is %v, touched %v: it would be taken for the present one", e.Fallback, e.Touched)
			}
			if whole := len(c.want) == 3; cmp.Equal(etags(e), etags(good)) != whole {
				t.Errorf("the same bytes as the last good edition, want %v", whole)
			}
			if strings.Contains(string(e.Document(feed.Atom).Bytes()), "b-1.jpg") != (len(c.want) == 3) {
				t.Error("the pictures of what is cut out are shown")
			}
		})
	}
}

func TestWithdrawalsNeedNoNATS(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"), photo("b", func(g *gallery.Gallery) { g.Expires = noon.Add(time.Hour) }), photo("c"))
	n.current("all")
	n.TakeDown("c")
	n.disconnect()
	n.Clock.Advance(time.Hour)
	e := n.current("all")
	if diff := cmp.Diff([]string{"a"}, ids(e)); diff != "" || e.Fallback || e.Touched.IsZero() {
		t.Errorf("members (-want +got), fallback is %v, touched %v:\n%s", e.Fallback, e.Touched, diff)
	}
}

func travelOnly(o *options) {
	o.feeds = []edition.Definition{{Name: "travel", Items: 50, Match: index.Match{Sections: []string{"Travel"}}}}
}

func TestAFeedRecoversWhenNATSIsBack(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"), photo("b"))
	good := n.current("all")
	n.Publish(revised("a"))
	n.disconnect()
	cut := n.current("all")
	if !cut.Fallback {
		t.Fatal("rendered without NATS")
	}
	n.server.Reconnect(n.Broker)
	if n.current("all") != cut {
		t.Error("tried again at once, for every reader")
	}
	n.Clock.Advance(2 * time.Second)
	e := n.current("all")
	if e.Fallback || cmp.Equal(etags(e), etags(good)) || e.Touched.IsZero() {
		t.Errorf("fallback is %v, touched %v after NATS came back", e.Fallback, e.Touched)
	}
	if failures := n.metric("gallerywire_render_failures_total"); failures != 1 {
		t.Errorf("%v failures, want 1", failures)
	}
}

func TestMoreIsCutOutWhileNATSStaysAway(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	expires := func(d time.Duration) func(*gallery.Gallery) {
		return func(g *gallery.Gallery) { g.Expires = noon.Add(d) }
	}
	n.Publish(photo("a", expires(time.Hour)), photo("b", expires(2*time.Hour)), photo("c"))
	n.current("all")
	n.disconnect()
	for hour, want := range [][]string{{"c", "b", "a"}, {"c", "b"}, {"c"}} {
		n.Clock.Set(noon.Add(time.Duration(hour) * time.Hour))
		for range 2 { // at the moment, and in the rest after it
			if diff := cmp.Diff(want, ids(n.current("all"))); diff != "" {
				t.Errorf("after %d hours (-want +got):\n%s", hour, diff)
			}
			n.Clock.Advance(time.Millisecond)
		}
	}
}

func TestWithoutALastGoodEditionAFeedIsUnavailable(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"))
	n.disconnect()
	for range 2 { // the attempt, and the rest after it
		if _, err := n.editions.Current(t.Context(), "all"); !errors.Is(err, edition.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
	}
	n.server.Reconnect(n.Broker)
	n.Clock.Advance(2 * time.Second)
	if diff := cmp.Diff([]string{"a"}, ids(n.current("all"))); diff != "" {
		t.Errorf("after NATS came back (-want +got):\n%s", diff)
	}
}
