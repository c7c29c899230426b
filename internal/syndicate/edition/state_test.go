package edition_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// state returns where the feed stands.
func (n *node) state(name string) edition.State {
	n.t.Helper()
	for _, s := range n.editions.States() {
		if s.Name == name {
			return s
		}
	}
	n.t.Fatalf("there is no feed %q", name)
	return edition.State{}
}

// wantState checks how a feed is, and whether it says why.
func (n *node) wantState(when, name string, want edition.Condition, reason bool) {
	n.t.Helper()
	s := n.state(name)
	if s.Condition != want || (s.Err != nil) != reason {
		n.t.Errorf("%s: %s, %v, want %s", when, s.Condition, s.Err, want)
	}
}

func TestStatesOfFeeds(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) {
		o.feeds = append(o.feeds, edition.Definition{Name: "travel", Title: "Travel", Items: 5, Match: index.Match{Sections: []string{"Travel"}}})
	})
	n.Publish(photo("a"), photo("b"))
	n.wantState("never asked for", "all", edition.Due, false)
	n.current("all")
	n.wantState("rendered", "all", edition.Fresh, false)
	if s := n.state("all"); s.Galleries != 2 || s.Touched.IsZero() || s.LeftOut != 0 {
		t.Errorf("all: %+v", s)
	}
	if s := n.state("travel"); s.Title != "Travel" || s.Galleries != 0 || !s.Touched.IsZero() {
		t.Errorf("travel: %+v", s)
	}
	n.Publish(revised("a"))
	n.wantState("changed", "all", edition.Due, false)
	n.disconnect()
	n.current("all")
	n.wantState("without NATS", "all", edition.Cut, true)
	n.server.Reconnect(n.Broker)
	n.Clock.Advance(2 * time.Second)
	n.current("all")
	n.wantState("with NATS again", "all", edition.Fresh, false)
}

func TestStateOfAFeedThatWasNeverRendered(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("a"))
	n.disconnect()
	if _, err := n.editions.Current(t.Context(), "all"); !errors.Is(err, edition.ErrUnavailable) {
		t.Fatal(err)
	}
	n.wantState("without NATS", "all", edition.Failing, true)
}

func TestStateCountsLeftOutGalleries(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(o *options) { o.limit = 8000 })
	n.Publish(photo("a"), photo("b", long))
	n.current("all")
	if s := n.state("all"); s.LeftOut != 1 || s.Condition != edition.Fresh || s.Galleries != 2 {
		t.Errorf("state %+v", s)
	}
}
