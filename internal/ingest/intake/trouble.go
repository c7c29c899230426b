package intake

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// noResources is the error code of a server that stores as much as it may.
const noResources jetstream.ErrorCode = 10023

// troubleAfter is how long reading or storing may fail before it counts as trouble.
const troubleAfter = 10 * time.Second

// trouble remembers since when something fails, and why.
type trouble struct {
	mu    sync.Mutex
	since time.Time // zero: the last attempt succeeded
	cause error
}

func (t *trouble) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cause = err
	switch {
	case err == nil:
		t.since = time.Time{}
	case t.since.IsZero():
		t.since = time.Now()
	}
}

// lasting returns a failure that goes on for [troubleAfter] or longer.
func (t *trouble) lasting() (since time.Time, cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() || time.Since(t.since) < troubleAfter {
		return time.Time{}, nil
	}
	return t.since, t.cause
}

// Trouble tells an operator that events could not be read or stored for a while; nil
// when they can. Meanwhile they wait in the stream, or with their publisher when there
// is no stream.
func (in *Intake) Trouble() error {
	if since, cause := in.storing.lasting(); cause != nil {
		if api, ok := errors.AsType[*jetstream.APIError](cause); ok && api.ErrorCode == noResources {
			cause = fmt.Errorf("nats stores as much as it may: make room on its disk, then restart it, which is this process when it is embedded: %w", cause)
		}
		return fmt.Errorf("events cannot be stored since %s and wait in the stream: %w", since.UTC().Format(time.RFC3339), cause)
	}
	since, cause := in.reading.lasting()
	for _, s := range *in.sources.Load() {
		if cause == nil {
			since, cause = s.reading.lasting()
		}
	}
	if cause == nil {
		return nil
	}
	return fmt.Errorf("events cannot be read since %s and are not taken in: %w", since.UTC().Format(time.RFC3339), cause)
}
