package websub_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
)

// A change that is announced while a subscription is verified reaches its subscriber
// by the document that each new subscription is queued.
func TestNewSubscriptionGetsDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var queued []outbox.Notice
	var away error
	var h *hub
	h = w.hub(func(o *websub.Options) {
		o.PutTo = func(_ context.Context, n outbox.Notice, target string) error {
			if away != nil {
				return away
			}
			if _, found := h.Deliveries().Target(n, target); !found {
				t.Errorf("queued for %s, which is no target", target)
			}
			queued = append(queued, n)
			return nil
		}
	})
	s := newSubscriber(t)
	s.confirm = func(rw http.ResponseWriter, r *http.Request) {
		w.site.set(func(s *site) { s.feeds["all"]++ }) // announced to earlier subscriptions
		s.confirms(rw, r)
	}
	expect := func(what string, want int) {
		t.Helper()
		if len(queued) != want {
			t.Errorf("%s: queued %d times, want %d", what, len(queued), want)
		}
		for _, n := range queued {
			if err := h.send(n); err != nil {
				t.Error(err)
			}
		}
		if got := s.received(); len(got) != want {
			t.Errorf("%s: sent %d times, want %d", what, len(got), want)
		}
		queued = nil
	}
	s.subscribe(h, topic("all", "atom"))
	expect("new", 1)
	s.subscribe(h, topic("all", "atom"))
	expect("renewed", 0)
	w.Clock.Advance(11 * 24 * time.Hour)
	s.subscribe(h, topic("all", "atom"))
	expect("after its lease has ended", 1)

	// The request is repeated after an error or a crash.
	away = errors.New("no answer from the server")
	s.ask(h, "subscribe", topic("all", "rss"))
	if err := h.settle(); !errors.Is(err, away) {
		t.Errorf("error %v", err)
	}
	away = nil
	h.must()
	if len(queued) != 1 {
		t.Errorf("queued %+v", queued)
	}
}
