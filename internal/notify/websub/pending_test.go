package websub_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

// start runs a hub that asks by itself.
func (h *hub) start() { storetest.Run(h.w.t, h.Run) }

func TestOneVerificationAtATimePerCallback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.made()
	h.start()
	s := newSubscriber(t)
	calls := make(chan struct{}, 1)
	s.confirm = func(rw http.ResponseWriter, r *http.Request) {
		select {
		case calls <- struct{}{}:
			echo(rw, r)
			<-calls
		default:
			t.Error("two calls at once")
		}
	}
	for _, format := range []string{"atom", "rss", "json"} {
		s.ask(h, "subscribe", topic("all", format))
	}
	storetest.Eventually(t, "all are subscribed, and nothing waits", func() bool { return h.Counts()["all"] == 3 && h.Waiting() == 0 })
}

// What was accepted is verified though the process dies before, at once by a node that is
// alone.
func TestVerificationSurvivesRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSubscriber(t)
	h := w.hub() // asks no callback
	s.ask(h, "subscribe", topic("all", "atom"))
	again := w.made(func(o *websub.Options) { o.Alone = true })
	again.start()
	storetest.Eventually(t, "the next process verifies it", func() bool { return again.Subscribed("all") && again.Waiting() == 0 })
	if asked := s.asked(); len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
}

// A node that dies leaves its verifications to others; one that lives does not.
func TestVerificationOfDeadNodeTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSubscriber(t)
	dead := w.hub() // asks no callback
	s.ask(dead, "subscribe", topic("all", "atom"))
	other := w.made()
	other.start()
	storetest.Eventually(t, "it waits", func() bool { return other.Waiting() == 1 })
	if asked := s.asked(); len(asked) != 0 {
		t.Errorf("asked %q though its node may live", asked)
	}
	w.Clock.Set(time.Now().Add(websub.ClaimFor)) // the record is by the server's clock
	third := w.made()
	third.start()
	storetest.Eventually(t, "a node that finds it old verifies it", func() bool { return third.Subscribed("all") && third.Waiting() == 0 })
}
