package websub

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// reset begins a reading of the bucket. What was known is held to until it is
// whole: a subscription that seems to be gone is owed nothing any more.
func (h *Hub) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = newIndex()
	h.pending.reset()
}

// whole ends what reset began.
func (h *Hub) whole() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known, h.next, h.read = h.next, nil, true
}

// apply takes a record from the bucket.
func (h *Hub) apply(r bucket.Record) {
	if isVerification(r.Key) {
		h.pending.apply(r)
		return
	}
	sub, err := decode(r.Value)
	switch {
	case r.Value == nil:
		h.forget(r.Key)
	case errors.Is(err, errNewer):
		h.forget(r.Key) // it is for the nodes of that release
	case err != nil:
		h.opts.Logger.Warn("a subscription cannot be read and is left alone: delete its key from the bucket", "key", r.Key, "err", err)
	default:
		h.learn(sub, r.Revision)
	}
}

func (h *Hub) learn(sub record, revision uint64) {
	now := h.opts.Now()
	expires := now.Sub(h.made) + sub.Expires.Sub(now)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current().put(sub, expires, revision)
}

// age is how long ago the hub was made. It is by the monotonic clock: nobody loses a
// lease because a clock is set while a node runs.
func (h *Hub) age() time.Duration { return h.opts.Now().Sub(h.made) }

func (h *Hub) forget(key string) {
	i, ok := parseID(key)
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current().remove(i)
}

// current is what records are applied to. The caller holds the lock.
func (h *Hub) current() *index {
	if h.next != nil {
		return h.next
	}
	return h.known
}

// Feeds returns the names of the feeds that have subscriptions, in order.
func (h *Hub) Feeds() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Sorted(maps.Keys(h.known.feeds))
}

// EachFeed calls yield with what [Hub.Feeds] returns, in no order. It must not use the
// hub.
func (h *Hub) EachFeed(yield func(feed string) bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for feed := range h.known.feeds {
		if !yield(feed) {
			return
		}
	}
}

// Subscribed reports whether the feed has subscriptions in any format.
func (h *Hub) Subscribed(feed string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.known.feeds[feed] != nil
}

// Counts returns the number of subscriptions of each feed that has any, by the name
// under which they were made.
func (h *Hub) Counts() map[string]int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	counts := make(map[string]int, len(h.known.feeds))
	for feed := range h.known.feeds {
		counts[feed] = h.known.ofFeed(feed)
	}
	return counts
}

// count is how many subscriptions there are.
func (h *Hub) count() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.known.byID)
}

// knows reports whether the subscription is there that a question is about, perhaps
// to a former name of the feed. The caller holds the lock.
func (h *Hub) knows(q question) bool {
	return h.known.byID[q.id()] != nil || len(h.replaced(q)) > 0
}

// replaced are the subscriptions to former names of the feed that a question is
// about, in the same format with the same callback: they end when it is confirmed.
// The caller holds the lock.
func (h *Hub) replaced(q question) (ids []id) {
	for _, name := range h.opts.Former(q.Feed) {
		if i := idOf(name, q.Document, q.Callback); h.known.byID[i] != nil {
			ids = append(ids, i)
		}
	}
	return ids
}

// find returns the subscription with that key, nil where there is none that lives.
func (h *Hub) find(key string) *subscription {
	i, ok := parseID(key)
	if !ok {
		return nil
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	s := h.known.byID[i]
	if s == nil || !s.live(h.age()) {
		return nil
	}
	return s
}

// names are those under which a feed may have been subscribed to: its own, and those
// that it had before.
func (h *Hub) names(feed string) []string { return append([]string{feed}, h.opts.Former(feed)...) }

// living returns the subscriptions of a feed whose leases have not ended, also to
// its former names.
func (h *Hub) living(feed string) []*subscription {
	var list []*subscription
	h.mu.RLock()
	for _, name := range h.names(feed) {
		list = append(list, h.known.all(name)...)
	}
	h.mu.RUnlock()
	now := h.age()
	return slices.DeleteFunc(list, func(s *subscription) bool { return !s.live(now) })
}
