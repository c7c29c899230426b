package websub

import (
	"context"
	"errors"
	"maps"
	"time"
)

const (
	// closedFor is how long a key must not hold before the subscriptions by it end. Nothing
	// is delivered meanwhile. So a file of keys that is being replaced, or that reached
	// another node first, ends none.
	closedFor = 20 * time.Second
	// watchEvery is how often the keys of subscriptions are checked.
	watchEvery = 5 * time.Second
)

// errClosed is why nothing is delivered by a key, and the reason of a denial.
var errClosed = errors.New("the key in the address of the topic is no longer valid")

// lock is what a key opens.
type lock struct{ feed, key string }

// holds reports whether the topic may be read: it needs no key, or its key holds.
func (h *Hub) holds(t Topic) bool { return t.Key == "" || h.opts.Topics.Holds(t.Feed, t.Key) }

// watchKeys ends subscriptions whose keys have ended, until ctx ends.
func (h *Hub) watchKeys(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := h.endClosed(ctx); err != nil && ctx.Err() == nil {
			h.opts.Logger.Warn("cannot end the subscriptions of a key that has ended, retrying", "err", err, "in", watchEvery)
		}
	}
}

// endClosed ends the subscriptions by keys that have not held for closedFor: their
// callbacks get a denial.
func (h *Hub) endClosed(ctx context.Context) error {
	keyed := map[lock][]*subscription{}
	h.mu.RLock()
	for _, topics := range h.index.feeds {
		for _, t := range topics {
			if t.Key != "" {
				keyed[lock{t.Feed, t.Key}] = append(keyed[lock{t.Feed, t.Key}], t.subscriptions...)
			}
		}
	}
	h.mu.RUnlock()
	maps.DeleteFunc(keyed, func(l lock, _ []*subscription) bool { return h.opts.Topics.Holds(l.feed, l.key) })
	var ended []*subscription
	now := h.opts.Now()
	h.mu.Lock()
	maps.DeleteFunc(h.closed, func(l lock, _ time.Time) bool { return keyed[l] == nil })
	for l, subscriptions := range keyed {
		since, noted := h.closed[l]
		if !noted {
			h.closed[l] = now
		} else if now.Sub(since) >= closedFor {
			ended = append(ended, subscriptions...)
		}
	}
	h.mu.Unlock()
	return h.denyAll(ctx, ended, errClosed.Error())
}
