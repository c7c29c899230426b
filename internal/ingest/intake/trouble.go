package intake

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// noResources is the server's code for that it stores as much as it may.
const noResources jetstream.ErrorCode = 10023

// patience is how long reading or storing may fail before it is more than a
// hiccup.
const patience = 10 * time.Second

// trouble remembers since when something fails, and why.
type trouble struct {
	mu    sync.Mutex
	since time.Time // zero: it went well the last time
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

// Trouble says, in words for an operator, that events could not be read or
// stored for a while; nil when they can. Meanwhile they wait in the stream, or
// with their publisher when there is no stream.
func (in *Intake) Trouble() error {
	if since, cause := in.storing.last(patience); cause != nil {
		if api, ok := errors.AsType[*jetstream.APIError](cause); ok && api.ErrorCode == noResources {
			cause = fmt.Errorf("nats stores as much as it may: make room on its disk, then restart it, which is this process when it is embedded: %w", cause)
		}
		return fmt.Errorf("events can not be stored since %s and wait in the stream: %w", since.UTC().Format(time.RFC3339), cause)
	}
	since, cause := in.reading.last(patience)
	for _, s := range *in.sources.Load() {
		if cause == nil {
			since, cause = s.reading.last(patience)
		}
	}
	if cause == nil {
		return nil
	}
	return fmt.Errorf("events can not be read since %s and are not taken in: %w", since.UTC().Format(time.RFC3339), cause)
}
