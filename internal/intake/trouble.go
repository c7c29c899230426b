package intake

import (
	"fmt"
	"sync"
	"time"
)

// patience is how long storing may fail before it is more than a hiccup.
const patience = 10 * time.Second

// trouble remembers since when nothing could be stored, and why.
type trouble struct {
	mu    sync.Mutex
	since time.Time // zero: the last event was stored
	cause error
}

func (t *trouble) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.since, t.cause = time.Time{}, nil
	case t.since.IsZero():
		t.since, t.cause = time.Now(), err
	default:
		t.cause = err
	}
}

// last returns what went on failing for at least that long.
func (t *trouble) last(least time.Duration) (since time.Time, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() || time.Since(t.since) < least {
		return time.Time{}, nil
	}
	return t.since, t.cause
}

// Trouble says, in words for an operator, that events could not be stored for a
// while; nil when they can. Meanwhile they wait in the stream.
func (in *Intake) Trouble() error {
	since, cause := in.trouble.last(patience)
	if cause == nil {
		return nil
	}
	return fmt.Errorf("events can not be stored since %s and wait in the stream: %w", since.UTC().Format(time.RFC3339), cause)
}
