package websub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// goneFor is how long a feed must be gone before its subscriptions end: a node
// that runs with another configuration for a while ends nothing.
const goneFor = time.Hour

// Prune deletes the subscriptions whose leases have ended, and ends those of feeds that
// are gone for good: their callbacks get a denial. It blocks while NATS is away.
func (h *Hub) Prune(ctx context.Context) error {
	if err := h.Ready(); err != nil {
		return err
	}
	var expired []*subscription
	now := h.age()
	h.mu.RLock()
	for _, s := range h.index.byID {
		if !s.active(now) {
			expired = append(expired, s)
		}
	}
	h.mu.RUnlock()
	var last uint64
	for _, s := range expired {
		deleted, err := h.deleteAt(ctx, s.id.String(), s.revision)
		if err != nil {
			return err
		}
		last = max(last, deleted)
	}
	h.await(ctx, last)
	for _, s := range h.ofGoneFeeds() {
		// Every node may do so: the id is the same.
		err := h.pending.put(ctx, question{
			Mode: denied, Feed: s.topic.feed, Document: s.topic.document, Callback: s.callback,
			Revision: s.revision, Reason: "the feed is no longer there",
		}, fmt.Sprintf("denied-%s-%d", s.id, s.revision))
		if err != nil {
			return err
		}
	}
	return h.bucket.Tidy(ctx)
}

// deleteAt deletes a subscription at a revision; one that was renewed since stays. It
// returns the revision of the deletion; 0: there is none.
func (h *Hub) deleteAt(ctx context.Context, key string, revision uint64) (uint64, error) {
	deleted, err := h.bucket.Delete(ctx, key, revision)
	if errors.Is(err, bucket.ErrConflict) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("delete the subscription %s: %w", key, err)
	}
	return deleted, nil
}

// ofGoneFeeds returns the subscriptions of feeds that have been gone for long enough.
func (h *Hub) ofGoneFeeds() []*subscription {
	now := h.opts.Now()
	gone := slices.DeleteFunc(h.Feeds(), func(feed string) bool { return !h.opts.Topics.Gone(feed) })
	h.mu.Lock()
	defer h.mu.Unlock()
	since := make(map[string]time.Time, len(gone))
	for feed, first := range h.gone {
		if now.Sub(first) < 2*goneFor && h.opts.Topics.Gone(feed) {
			since[feed] = first // noted when a notice was packed
		}
	}
	var list []*subscription
	for _, feed := range gone {
		since[feed] = now
		if first, seen := h.gone[feed]; seen {
			since[feed] = first
		}
		if now.Sub(since[feed]) >= goneFor {
			list = append(list, h.index.all(feed)...)
		}
	}
	h.gone = since
	return list
}

// goneForGood reports whether a feed that is gone has been for so long that no other
// node is going to have it.
func (h *Hub) goneForGood(feed string) bool {
	now := h.opts.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	first, seen := h.gone[feed]
	if !seen {
		first, h.gone[feed] = now, now
	}
	return now.Sub(first) >= goneFor
}
