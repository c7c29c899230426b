package edition

import (
	"context"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
)

// urgency says for whom a feed is rendered. What is rendered because of a change,
// to be announced, is little: it does not queue for room, only for its turn where
// a reader has that.
type urgency bool

const (
	forReaders  urgency = false
	forAnnounce urgency = true
)

// queueTimeout is how long a reader queues for his turn and for room, both
// together.
const queueTimeout = 5 * time.Second

// withQueueTimeout bounds how long a reader may queue. The cause is then
// [cache.ErrBusy].
func withQueueTimeout(ctx context.Context, u urgency) (context.Context, context.CancelFunc) {
	if u == forAnnounce {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, queueTimeout, cache.ErrBusy)
}

// enter waits for room to render. Configured feeds do without, for there are few
// of them. The task, which may be nil, must be left.
func (s *Set) enter(ctx context.Context, u urgency) (*cache.Task, error) {
	if u == forAnnounce {
		return nil, nil
	}
	return s.opts.Limiter.Acquire(ctx)
}
