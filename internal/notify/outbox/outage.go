package outbox

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// writeAgain is when a write that failed is tried again, and maxWriteAgain when one that
	// has failed for longer.
	writeAgain    = time.Second
	maxWriteAgain = 5 * time.Second
	// allLeases is the key of all leases: a shard that fails need not be tried again.
	allLeases = "leases"
)

// writeDelay is how long to wait before the next try of a write that has failed since then.
func writeDelay(since time.Time) time.Duration {
	return min(max(time.Since(since), writeAgain), maxWriteAgain)
}

// outage logs once that writes of a kind fail, and once that they succeed again, however
// many fail meanwhile.
type outage struct {
	log          *slog.Logger
	failing, end string // messages

	mu    sync.Mutex
	keys  map[any]bool // of the writes that fail
	since time.Time    // the first of them failed
	last  time.Time    // one of them failed
	over  time.Time    // none failed any more
}

// failed notes that a write failed which began then, and returns since when writes fail. A
// key names the write however often it is tried.
func (o *outage) failed(key any, began time.Time, err error, args ...any) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if began.Before(o.over) {
		return now
	}
	if len(o.keys) == 0 || now.Sub(o.last) > maxIdle {
		o.keys, o.since = map[any]bool{}, now
		o.log.Warn(o.failing, append(args, "err", err)...)
	}
	o.keys[key], o.last = true, now
	return o.since
}

// ended notes that the write of that key succeeded, or is no longer tried.
func (o *outage) ended(key any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.keys[key] {
		return
	}
	if delete(o.keys, key); len(o.keys) == 0 {
		o.over = time.Now()
		o.log.Info(o.end, "after", time.Since(o.since).Round(time.Second))
	}
}
