package outbox

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

const (
	// writeAgain is when a write that failed is tried again, and maxWriteAgain when one that
	// has failed for longer.
	writeAgain    = time.Second
	maxWriteAgain = 5 * time.Second
)

// outage logs once that writes of a kind fail, and once that they succeed again, however
// many fail meanwhile.
type outage struct {
	log          *slog.Logger
	failing, end string // messages

	mu     sync.Mutex
	writes int       // that fail
	since  time.Time // the first of them failed
	over   time.Time // none failed any more
}

// persist repeats a write until it succeeds, or can never, or until ctx ends, and returns its
// last error.
func (o *outage) persist(ctx context.Context, write func() error, args ...any) error {
	counted := false
	for first := time.Now(); ; {
		began := time.Now()
		err := write()
		if err == nil || leftAlone(err) || errors.Is(err, errTaken) || ctx.Err() != nil {
			if counted {
				o.ended()
			}
			return err
		}
		counted = counted || o.failed(began, err, args)
		pause(ctx, min(max(time.Since(first), writeAgain), maxWriteAgain))
	}
}

// failed counts a write that failed which began then, unless that was before an outage was
// over.
func (o *outage) failed(began time.Time, err error, args []any) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if began.Before(o.over) {
		return false
	}
	if o.writes++; o.writes == 1 {
		o.since = time.Now()
		o.log.Warn(o.failing, append(args, "err", err)...)
	}
	return true
}

func (o *outage) ended() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writes--; o.writes == 0 {
		o.over = time.Now()
		o.log.Info(o.end, "after", o.over.Sub(o.since).Round(time.Second))
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
