package outbox_test

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// A target that fails is not retried without end where a newer release wrote its dead
// letter.
func TestAFailedTargetWithADeadLetterOfANewerRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.answers(0, refuse)
	n := w.node(func(o *outbox.Options) { o.Attempts = 2 }).run()
	n.put(notice("all", 1))
	eventually(t, "it is a dead letter", func() bool { return len(n.DeadLetters()) == 1 && n.Pending()["test"] == 0 })
	keys := w.replace("dead", ofANewerRelease)
	eventually(t, "that is known", func() bool { return len(n.DeadLetters()) == 0 })
	tried := w.attempts(0)
	n.put(notice("all", 2))
	eventually(t, "it is a dead letter again", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.failed) == 2 && w.failed[1].ID == "all-2"
	})
	eventually(t, "nothing is pending", func() bool { return n.Pending()["test"] == 0 })
	if now := w.attempts(0); now != tried+2 {
		t.Errorf("tried %d times, want 2", now-tried)
	}
	if e, err := w.bucket().Get(t.Context(), keys[0]); err != nil || string(e.Value()) != ofANewerRelease {
		t.Errorf("the newer release's record is overwritten: %v", err)
	}
}
