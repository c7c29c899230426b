package websub_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
)

// partnered is a world with the feeds of two partners, of which the first has two keys.
func partnered(t *testing.T) *world {
	w := newWorld(t)
	w.site.feeds["partners/msn"], w.site.feeds["partners/wire"] = 1, 1
	w.site.keys = map[[2]string]bool{{"partners/msn", "key-one"}: true, {"partners/msn", "key-two"}: true, {"partners/wire", "key-wire"}: true}
	return w
}

// revoke ends a key.
func (w *world) revoke(feed, key string) {
	w.site.set(func(s *site) { s.keys[[2]string{feed, key}] = false })
}

func TestDeliveryByAKeyHasTheDocumentOfThatKey(t *testing.T) {
	t.Parallel()
	w := partnered(t)
	h := w.hub()
	subscribers := map[string]*subscriber{}
	for _, l := range [][2]string{{"partners/msn", "key-one"}, {"partners/msn", "key-two"}, {"partners/wire", "key-wire"}} {
		s := newSubscriber(t)
		s.subscribe(h, keyed(l[0], l[1], "atom"))
		subscribers[l[1]] = s
	}
	if err := h.change("partners/msn"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"key-one", "key-two"} {
		want := keyed("partners/msn", key, "atom")
		if got := subscribers[key].only(); got.body != "partners/msn as atom, version 2 at "+want || self(got) != want {
			t.Errorf("%s got %q of %s", key, got.body, self(got))
		}
	}
	if got := subscribers["key-wire"].received(); len(got) != 0 {
		t.Errorf("another partner got %v", got)
	}
}

// One callback may subscribe by both keys while they are exchanged.
func TestSubscriptionsByTwoKeysAreTwo(t *testing.T) {
	t.Parallel()
	w := partnered(t)
	h, s := w.hub(), newSubscriber(t)
	for _, key := range []string{"key-one", "key-two"} {
		s.subscribe(h, keyed("partners/msn", key, "rss"))
	}
	s.received()
	s.unsubscribe(h, keyed("partners/msn", "key-one", "rss"))
	if err := h.change("partners/msn"); err != nil {
		t.Fatal(err)
	}
	if got := s.only(); self(got) != keyed("partners/msn", "key-two", "rss") {
		t.Errorf("delivered %s", self(got))
	}
}

func TestSubscriptionEndsWithItsKey(t *testing.T) {
	t.Parallel()
	w := partnered(t)
	nodes, ended, other := []*hub{w.hub(), w.hub()}, newSubscriber(t), newSubscriber(t)
	topic := keyed("partners/msn", "key-one", "atom")
	ended.subscribe(nodes[0], topic)
	other.subscribe(nodes[0], keyed("partners/msn", "key-two", "atom"))
	ended.received()
	other.received()
	w.revoke("partners/msn", "key-one")
	if err := nodes[0].change("partners/msn"); err == nil || strings.Contains(err.Error(), "key-one") {
		t.Errorf("a delivery by a key that has ended: %v", err)
	}
	other.only()
	end := func() {
		for _, h := range nodes {
			if err := h.EndClosed(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.must()
		}
	}
	end()
	if got := ended.denied(); len(got) != 0 {
		t.Errorf("denied at once, though a file may be in the middle of a change: %v", got)
	}
	w.Clock.Advance(websub.ClosedFor)
	end()
	end()
	denied := ended.denied()
	if len(denied) != 1 || denied[0].Get("hub.topic") != topic || !strings.Contains(denied[0].Get("hub.reason"), "no longer valid") {
		t.Errorf("denials %v", denied)
	}
	if got := nodes[1].Counts()["partners/msn"]; got != 1 {
		t.Errorf("%d subscriptions are left", got)
	}
	if err := nodes[1].change("partners/msn"); err != nil {
		t.Fatal(err)
	}
	other.only()
	if got := ended.received(); len(got) != 0 {
		t.Errorf("delivered after the end of the key: %v", got)
	}
}

// A file of keys that is replaced, or reaches one node after the other, ends nothing.
func TestKeyThatComesBackEndsNothing(t *testing.T) {
	t.Parallel()
	w := partnered(t)
	h, s := w.hub(), newSubscriber(t)
	s.subscribe(h, keyed("partners/msn", "key-one", "json"))
	for range 3 {
		for _, holds := range []bool{false, true} {
			w.site.set(func(s *site) { s.keys[[2]string{"partners/msn", "key-one"}] = holds })
			if err := h.EndClosed(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.must()
			w.Clock.Advance(websub.ClosedFor - time.Second)
		}
	}
	if got := s.denied(); len(got) != 0 || h.Counts()["partners/msn"] != 1 {
		t.Errorf("denials %v", got)
	}
}

func TestKeyThatEndsBeforeItsCallbackConfirmsIsDenied(t *testing.T) {
	t.Parallel()
	w := partnered(t)
	h, s := w.hub(), newSubscriber(t)
	if status, text := s.ask(h, "subscribe", keyed("partners/msn", "key-one", "atom")); status != http.StatusAccepted {
		t.Fatalf("subscribe: %d %s", status, text)
	}
	w.revoke("partners/msn", "key-one")
	h.must()
	if len(s.denied()) != 1 || len(s.received()) != 0 || len(h.Counts()) != 0 {
		t.Errorf("denials %v, subscriptions %v", s.denied(), h.Counts())
	}
}

// A key is in the bucket, and what the subscriber gets; everything else has only the
// feed's name.
func TestKeysAreInNoNameLogOrMetric(t *testing.T) {
	t.Parallel()
	w := partnered(t)
	h, s := w.hub(), newSubscriber(t)
	s.set(func(s *subscriber) {
		s.receive = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
	})
	s.subscribe(h, keyed("partners/msn", "key-one", "atom"))
	n := outbox.Notice{About: "partners/msn", ID: "n", Channel: websub.Channel}
	p, err := h.Deliveries().Pack(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	said := []string{p.Version()}
	for to := range h.targets(n) {
		said = append(said, to.Key, to.Name, to.Endpoint, to.Host)
		if err := p.Send(t.Context(), to); err != nil {
			said = append(said, err.Error())
		}
	}
	w.revoke("partners/msn", "key-one")
	for range 2 {
		if err := h.EndClosed(t.Context()); err != nil {
			said = append(said, err.Error())
		}
		w.Clock.Advance(websub.ClosedFor)
	}
	h.must()
	families, err := h.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		said = append(said, f.String())
	}
	said = append(said, w.log.text())
	if i := slices.IndexFunc(said, func(text string) bool { return strings.Contains(text, "key-one") }); i >= 0 {
		t.Errorf("a key is in %s", said[i])
	}
	if !strings.Contains(w.log.text(), "partners/msn") || len(s.denied()) != 1 {
		t.Errorf("the log is %s", w.log.text())
	}
}
