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

// delay is how long an event that was delivered that often waits for its next
// attempt: less than the server waits for an acknowledgement.
func (s *source) delay(delivered uint64) time.Duration {
	return min(delay(delivered), s.consumer.CachedInfo().Config.AckWait*2/3)
}

// returnLater has the server deliver the event again after a delay, or at once when
// ctx ends. The delay is measured here: the server measures by the wall clock, and
// when that is set back by an hour, it waits an hour longer.
func (in *Intake) returnLater(ctx context.Context, msg *nats.Msg, after time.Duration) error {
	msg.Header, msg.Data = nil, nil // they come again
	err := msg.InProgress()
	in.delayed.Go(func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		_ = msg.Nak() // without connection: the server delivers it again by itself
	})
	return err
}

// summary counts what is logged from time to time. The zero value is empty.
type summary struct {
	mu   sync.Mutex
	n    int
	last []any
}

// add counts one; its attributes are logged if it is the last.
func (s *summary) add(attributes ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.last = attributes
}

// log writes a line about what was added since the line before.
func (s *summary) log(log *slog.Logger, message string) {
	s.mu.Lock()
	n, last := s.n, s.last
	s.n, s.last = 0, nil
	s.mu.Unlock()
	if n > 0 {
		log.Warn(message, append([]any{"count", n}, last...)...)
	}
}
