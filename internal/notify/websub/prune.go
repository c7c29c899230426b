package websub

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	if err := h.denyAll(ctx, h.ofGoneFeeds(), "the feed is no longer there"); err != nil {
		return err
	}
	return h.bucket.Tidy(ctx)
}

// denyAll stores that subscriptions are to be ended, with the reason that their callbacks
// get. Every node may do so: the ids are the same.
func (h *Hub) denyAll(ctx context.Context, all []*subscription, reason string) error {
	for _, s := range all {
		q := question{Mode: denied, Topic: s.topic.Topic, Callback: s.callback, Revision: s.revision, Reason: reason}
		if err := h.pending.put(ctx, q, fmt.Sprintf("denied-%s-%d", s.id, s.revision)); err != nil {
			return err
		}
	}
	return nil
}

// deleteAt deletes a record at a revision; one that was replaced since stays. It returns
// the revision of the deletion; 0: there is none.
func (h *Hub) deleteAt(ctx context.Context, key string, revision uint64) (uint64, error) {
	deleted, err := h.bucket.Delete(ctx, key, revision)
	if errors.Is(err, bucket.ErrConflict) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("delete the record %s: %w", key, err)
	}
	return deleted, nil
}

// ofGoneFeeds returns the subscriptions of feeds that have been gone for long enough.
func (h *Hub) ofGoneFeeds() []*subscription {
	gone := slices.DeleteFunc(h.Feeds(), func(feed string) bool { return !h.opts.Topics.Gone(feed) })
	now := h.opts.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.gone, func(feed string, since time.Time) bool {
		return !h.opts.Topics.Gone(feed) || h.index.feeds[feed] == nil && now.Sub(since) >= 2*goneFor
	})
	var list []*subscription
	for _, feed := range gone {
		if h.isGoneForGood(feed, now) {
			list = append(list, h.index.all(feed)...)
		}
	}
	return list
}

// isGoneForGood reports whether a feed that is gone has been for so long that no other node
// is going to have it. The caller holds the lock.
func (h *Hub) isGoneForGood(feed string, now time.Time) bool {
	if _, noted := h.gone[feed]; !noted {
		h.gone[feed] = now
	}
	return now.Sub(h.gone[feed]) >= goneFor
}
