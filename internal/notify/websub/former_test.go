package websub_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// renamed is a hub with a subscriber to a feed that has another name since, and the
// address to which it subscribed.
func renamed(t *testing.T) (h *hub, s *subscriber, old string) {
	t.Helper()
	w := newWorld(t)
	h, s, old = w.hub(), newSubscriber(t), topic("all", "atom")
	s.subscribe(h, old)
	w.take()
	w.site.set(func(s *site) { s.rename("all", "galleries") })
	return h, s, old
}

// self is the topic that a delivery names.
func self(d delivery) string {
	var hub, topic string
	if _, err := fmt.Sscanf(d.header.Get("Link"), `<%s rel="hub", <%s rel="self"`, &hub, &topic); err != nil {
		return d.header.Get("Link")
	}
	return topic[:len(topic)-len(">;")]
}

// Clients know a topic by the address to which they subscribed, and some take the
// secret by it.
func TestSubscriptionToFormerNameGetsFeed(t *testing.T) {
	t.Parallel()
	h, s, old := renamed(t)
	if err := h.change("galleries"); err != nil {
		t.Fatal(err)
	}
	got := s.only()
	if got.body != "galleries as atom, version 2" || self(got) != old {
		t.Errorf("delivered %q of %s", got.body, self(got))
	}
	h.w.Clock.Advance(2 * time.Hour)
	if err := h.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if queued := h.w.take(); len(queued) != 0 || !h.Subscribed("all") {
		t.Errorf("a feed that was renamed is gone: %v", queued)
	}
}

func TestRenewalMovesToPresentName(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{"by the former address": topic("all", "atom"), "by the present one": topic("galleries", "atom")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, s, _ := renamed(t)
			h.w.site.set(func(s *site) { s.feeds["other"] = 1 })
			s.subscribe(h, topic("other", "atom"))
			s.subscribe(h, address)
			h.must()
			if diff := cmp.Diff(map[string]int{"galleries": 1, "other": 1}, h.Counts()); diff != "" {
				t.Errorf("subscriptions (-want +got):\n%s", diff)
			}
			if got := slices.Collect(h.targets(notice("galleries"))); len(got) != 1 {
				t.Errorf("targets %+v", got)
			}
			h.w.take()
			before := len(s.received())
			if err := h.change("galleries"); err != nil {
				t.Fatal(err)
			}
			if got := s.received(); len(got) != before+1 || self(got[before]) != address {
				t.Errorf("delivered %d times, of %s", len(got)-before, self(got[len(got)-1]))
			}
		})
	}
}

func TestUnsubscribeByFormerName(t *testing.T) {
	t.Parallel()
	h, s, old := renamed(t)
	s.unsubscribe(h, old)
	h.must()
	if got := h.Counts(); len(got) != 0 {
		t.Errorf("subscriptions %v", got)
	}
	if status, text := s.ask(h, "subscribe", topic("none", "atom")); status != http.StatusNotFound {
		t.Errorf("a feed that never was: %d %s", status, text)
	}
}
