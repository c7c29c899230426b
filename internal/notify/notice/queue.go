package notice

import (
	"context"
	"sync"
	"time"
)

// queue holds the feeds that may have changed until they are due.
type queue struct {
	quiet, maxWait time.Duration

	mu    sync.Mutex
	feeds map[string]burst
	wake  chan struct{}
}

// burst is a row of changes of one feed; without a first one, a retry.
type burst struct{ first, due time.Time }

func newQueue(quiet, maxWait time.Duration) *queue {
	return &queue{quiet: quiet, maxWait: maxWait, feeds: map[string]burst{}, wake: make(chan struct{}, 1)}
}

// mark makes each feed due a quiet period from now, and no later than
// maxWait after the first change.
func (q *queue) mark(feeds []string) {
	now := time.Now()
	q.mu.Lock()
	for _, feed := range feeds {
		b := q.feeds[feed]
		if b.first.IsZero() {
			b.first = now
		}
		b.due = now.Add(q.quiet)
		if latest := b.first.Add(q.maxWait); b.due.After(latest) {
			b.due = latest
		}
		q.feeds[feed] = b
	}
	q.mu.Unlock()
	q.nudge()
}

// later makes feed due after d, unless it is due anyway.
func (q *queue) later(feed string, d time.Duration) {
	q.mu.Lock()
	if _, waiting := q.feeds[feed]; !waiting {
		q.feeds[feed] = burst{due: time.Now().Add(d)}
	}
	q.mu.Unlock()
	q.nudge()
}

// changing reports whether changes of feed are waiting until they are due.
func (q *queue) changing(feed string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.feeds[feed].first.IsZero()
}

func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next blocks until a feed is due and takes it off, or until ctx ends.
func (q *queue) next(ctx context.Context) (string, error) {
	for {
		now, wait := time.Now(), time.Hour
		q.mu.Lock()
		for feed, b := range q.feeds {
			if left := b.due.Sub(now); left > 0 {
				wait = min(wait, left)
				continue
			}
			delete(q.feeds, feed)
			q.mu.Unlock()
			return feed, nil
		}
		q.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-q.wake:
		case <-ctx.Done():
			timer.Stop()
			return "", ctx.Err()
		}
		timer.Stop()
	}
}
