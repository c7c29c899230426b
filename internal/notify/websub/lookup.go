package websub

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// reset starts a new index. The one before stays in use until the bucket is read to its
// end: otherwise subscriptions that are not read yet would miss notices.
func (h *Hub) reset(bucket.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loading = newIndex()
	h.pending.reset()
}

// whole puts the new index to use.
func (h *Hub) whole(uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.index, h.loading, h.loaded = h.loading, nil, true
	h.pending.nudge()
}

// apply takes a record from the bucket into the index.
func (h *Hub) apply(r bucket.Record) {
	if strings.HasPrefix(r.Key, verificationPrefix) {
		h.pending.apply(r)
		return
	}
	sub, err := read(r)
	switch {
	case r.Value == nil, errors.Is(err, errNewer): // a newer one is for the nodes of that release
		if i, ok := parseID(r.Key); ok {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.current().remove(i)
		}
	case err != nil:
		h.opts.Logger.Warn("cannot read a subscription", "err", err)
	default:
		h.add(sub, r.Revision)
	}
}

func (h *Hub) add(sub record, revision uint64) {
	now := h.opts.Now()
	expires := now.Sub(h.made) + sub.Expires.Sub(now)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.current().put(sub, expires, revision)
}

// current is the index that records are applied to. The caller holds the lock.
func (h *Hub) current() *index {
	if h.loading != nil {
		return h.loading
	}
	return h.index
}

// age is how long ago the hub was made, by the monotonic clock: setting the clock
// ends no lease.
func (h *Hub) age() time.Duration { return h.opts.Now().Sub(h.made) }

// Feeds returns the names of the feeds that have subscriptions, in no order.
func (h *Hub) Feeds() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Keys(h.index.feeds))
}

// Subscribed reports whether the feed has subscriptions in any format.
func (h *Hub) Subscribed(feed string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.index.feeds[feed] != nil
}

// Counts returns the number of subscriptions of each feed that has any, by the name
// under which they were made.
func (h *Hub) Counts() map[string]int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	counts := make(map[string]int, len(h.index.feeds))
	for feed := range h.index.feeds {
		counts[feed] = h.index.ofFeed(feed)
	}
	return counts
}

// exists reports whether the subscription that a question is about exists, perhaps
// to a former name of the feed. The caller holds the lock.
func (h *Hub) exists(q question) bool {
	return h.index.byID[q.id()] != nil || len(h.replacedBy(q)) > 0
}

// replacedBy returns the subscriptions to former names of the feed that a question is
// about, in the same format with the same callback: they end when it is confirmed.
// The caller holds the lock.
func (h *Hub) replacedBy(q question) (ids []id) {
	for _, name := range h.opts.Topics.Former(q.Feed) {
		former := q.Topic
		former.Feed = name
		if i := idOf(former, q.Callback); h.index.byID[i] != nil {
			ids = append(ids, i)
		}
	}
	return ids
}

// find returns the subscription with that key; nil: there is none, or its lease has ended.
func (h *Hub) find(key string) *subscription {
	i, ok := parseID(key)
	if !ok {
		return nil
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	s := h.index.byID[i]
	if s == nil || !s.active(h.age()) {
		return nil
	}
	return s
}

// names returns the feed's name and its former names: subscriptions to all of them are
// to the feed.
func (h *Hub) names(feed string) []string {
	return append([]string{feed}, h.opts.Topics.Former(feed)...)
}

// active returns the subscriptions of a feed whose leases have not ended, also to
// its former names.
func (h *Hub) active(feed string) []*subscription {
	var list []*subscription
	h.mu.RLock()
	for _, name := range h.names(feed) {
		list = append(list, h.index.all(name)...)
	}
	h.mu.RUnlock()
	now := h.age()
	return slices.DeleteFunc(list, func(s *subscription) bool { return !s.active(now) })
}
