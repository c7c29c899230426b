package websub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/prometheus/client_golang/prometheus"
)

// ClaimFor is how long a verification belongs to the node that stored it.
const ClaimFor = claimFor

// GroupOf is how a callback's host is limited.
var GroupOf = groupOf

// NewForTest returns a hub of o, in which what a test does not state does nothing.
func NewForTest(o Options) (*Hub, error) {
	o.Signature = cmp.Or(o.Signature, "sha256")
	o.Lease = cmp.Or(o.Lease, Lease{Default: 240 * time.Hour, Min: time.Hour, Max: 720 * time.Hour})
	if o.Topics == nil {
		o.Topics = noTopics{}
	}
	if o.PutTo == nil {
		o.PutTo = func(context.Context, outbox.Notice, string) error { return nil }
	}
	if o.Baseline == nil {
		o.Baseline = func(context.Context, string) error { return nil }
	}
	if o.Pinged == nil {
		o.Pinged = func(string) {}
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return New(o)
}

// noTopics is a site without feeds that was never another.
type noTopics struct{ Topics }

// Former implements [Topics].
func (noTopics) Former(string) []string { return nil }

// Follow follows the bucket. No callback is asked until [Hub.AskPending].
func (h *Hub) Follow(ctx context.Context) error { return h.bucket.Run(ctx) }

// AskPending has the callbacks asked of all verifications that wait, in the order in which
// they were stored, once the bucket was followed up to a revision.
func (h *Hub) AskPending(ctx context.Context, upTo uint64) error {
	if err := h.bucket.Wait(ctx, upTo); err != nil {
		return err
	}
	h.pending.mu.Lock()
	all := maps.Clone(h.pending.waiting)
	h.pending.mu.Unlock()
	byRevision := func(a, b string) int { return cmp.Compare(all[a].revision, all[b].revision) }
	var errs []error
	for _, key := range slices.SortedFunc(maps.Keys(all), byRevision) {
		w := all[key]
		errs = append(errs, h.pending.complete(ctx, key, &w))
	}
	return errors.Join(errs...)
}

// EndClosed ends the subscriptions whose keys have ended.
func (h *Hub) EndClosed(ctx context.Context) error { return h.endClosed(ctx) }

// ClosedFor is how long a key must not hold for that.
const ClosedFor = closedFor

// Waiting is how many verifications wait.
func (h *Hub) Waiting() int { return h.pending.count() }

// Fill has so many verifications wait, which only this hub thinks.
func (h *Hub) Fill(n int) {
	for i := range n {
		value, err := bucket.Encode(verification{question: question{Format: verificationFormat, Callback: fmt.Sprint("http://192.0.2.1/", i)}})
		if err != nil {
			panic(err)
		}
		h.pending.apply(bucket.Record{Key: fmt.Sprint(verificationPrefix, "none-", i), Value: value, Revision: 1})
	}
}

// Empty has Fill's wait no more.
func (h *Hub) Empty() { h.pending.reset() }
