package outbox_test

import (
	"errors"
	"testing"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

func TestAForgottenDeadLetterIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.answers(1, refuse)
	n := w.node().run()
	n.put(notice("all", 1))
	eventually(t, "it is a dead letter", func() bool { return len(n.DeadLetters()) == 1 && len(n.Retries()) == 0 })
	d := n.DeadLetters()[0]

	command := w.node().run()
	for _, key := range []string{"none", ""} {
		if err := command.Forget(t.Context(), key); !errors.Is(err, outbox.ErrNoDeadLetter) {
			t.Errorf("forget %q: %v", key, err)
		}
	}
	if err := command.Forget(t.Context(), d.Key); err != nil {
		t.Fatal(err)
	}
	if got := command.DeadLetters(); len(got) != 0 {
		t.Errorf("at once there is %v", got)
	}
	eventually(t, "the node knows", func() bool { return len(n.DeadLetters()) == 0 })
	if err := n.Forget(t.Context(), d.Key); !errors.Is(err, outbox.ErrNoDeadLetter) {
		t.Errorf("once more: %v", err)
	}
	if err := n.Retry(t.Context(), d.Key); !errors.Is(err, outbox.ErrNoDeadLetter) {
		t.Errorf("tried again: %v", err)
	}
	if got := w.attempts(1); got != 4 || len(w.received(1)) != 0 {
		t.Errorf("%d attempts, received %v", got, w.received(1))
	}
}
