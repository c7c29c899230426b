package outbox

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// limits bound the deliveries at a time. Retries have a share of their own, so that they
// never hold up first attempts.
type limits struct{ first, retries *limiter }

// limiter bounds deliveries in all and to each host. A delivery takes its turn at its host
// before it counts among all.
type limiter struct {
	all     *semaphore.Weighted
	perHost int64

	mu    sync.Mutex
	hosts map[string]*hostLimiter
}

type hostLimiter struct {
	*semaphore.Weighted
	users int // that have a turn or wait for one
}

func newLimiter(all, perHost int) *limiter {
	return &limiter{all: semaphore.NewWeighted(int64(all)), perHost: int64(perHost), hosts: map[string]*hostLimiter{}}
}

// acquire waits for a turn, until ctx ends.
func (l *limiter) acquire(ctx context.Context, host string) error {
	if err := l.enter(host).Acquire(ctx, 1); err != nil {
		l.leave(host, 0)
		return err
	}
	err := l.all.Acquire(ctx, 1)
	if err != nil {
		l.leave(host, 1)
	}
	return err
}

// acquireHost takes a turn at a host if none waits for it. It does not count among all.
func (l *limiter) acquireHost(host string) bool {
	ok := l.enter(host).TryAcquire(1)
	if !ok {
		l.leave(host, 0)
	}
	return ok
}

func (l *limiter) enter(host string) *hostLimiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.hosts[host]
	if h == nil {
		h = &hostLimiter{Weighted: semaphore.NewWeighted(l.perHost)}
		l.hosts[host] = h
	}
	h.users++
	return h
}

// leave releases so many turns at a host. One with no users left is forgotten: subscribers
// choose hosts.
func (l *limiter) leave(host string, turns int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.hosts[host]
	h.Release(turns)
	if h.users--; h.users == 0 {
		delete(l.hosts, host)
	}
}
