package intake

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	retryLeast = 250 * time.Millisecond
	retryMost  = time.Minute
)

// delay doubles with each attempt.
func delay(attempt uint64) time.Duration {
	return min(retryLeast<<min(attempt-1, 10), retryMost)
}

// giveBack has the server hand the event out again after a while, or at once
// when ctx ends. The while is measured here: the server measures by the clock on
// the wall, and when that is set back by an hour, it waits an hour longer. Until
// then the server must not think that the event is lost, see [source.delay].
func (in *Intake) giveBack(ctx context.Context, msg *nats.Msg, after time.Duration) error {
	msg.Header, msg.Data = nil, nil // they come again
	err := msg.InProgress()
	in.waiting.Go(func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		_ = msg.Nak() // without connection: the server sends it again by itself
	})
	return err
}

// tally counts what is logged from time to time. The zero tally is empty.
type tally struct {
	mu   sync.Mutex
	n    int
	last []any
}

// add counts one; its attributes are logged if it is the last.
func (t *tally) add(attributes ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	t.last = attributes
}

// write logs a line about those that were added since the last one.
func (t *tally) write(log *slog.Logger, message string) {
	t.mu.Lock()
	n, last := t.n, t.last
	t.n, t.last = 0, nil
	t.mu.Unlock()
	if n > 0 {
		log.Warn(message, append([]any{"count", n}, last...)...)
	}
}
