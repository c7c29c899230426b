package websub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// ClaimFor is how long a verification belongs to the node that stored it.
const ClaimFor = claimFor

// GroupOf is how a callback's host is limited.
var GroupOf = groupOf

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
