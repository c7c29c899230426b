package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
)

// Put stores n, to be sent to all its targets; when it returns, that is durable. It
// replaces a pending notice about the same, unless that is newer or n itself. It may be
// repeated: a notice is sent once as long as its ID is the last about the same.
func (b *Outbox) Put(ctx context.Context, n Notice) error {
	channel := b.opts.Channels[n.Channel]
	if channel == nil {
		return fmt.Errorf("store a notice of %q: there is no channel %q", n.About, n.Channel)
	}
	var concerned [shards]bool
	channel.Targets(n, func(t Target) bool {
		concerned[shardOf(t.Endpoint)] = true
		return true
	})
	errs := make([]error, shards)
	var writing sync.WaitGroup
	for shard, has := range concerned {
		if has {
			writing.Go(func() { errs[shard] = b.put(ctx, shard, n) })
		}
	}
	writing.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("store a notice of %q for %s: %w", n.About, n.Channel, err)
	}
	return nil
}

func (b *Outbox) put(ctx context.Context, shard int, n Notice) error {
	_, err := b.amend(ctx, pendingKey(shard, n), func(there *record) *record {
		switch {
		case there == nil:
		case there.Notice.ID == n.ID, n.Order != (Order{}) && n.Order.Compare(there.Notice.Order) < 0:
			return there
		case !there.Done: // some targets may not have what it says
			return &record{Notice: b.merge(there.Notice, n)}
		}
		return &record{Notice: n}
	})
	return err
}

// PutTo stores n, to be sent only to the target with that key; when it returns, that is
// durable. Nothing is stored for a target that is not found. It may be repeated until n was
// sent.
func (b *Outbox) PutTo(ctx context.Context, n Notice, key string) error {
	target, found := b.opts.Channels[n.Channel].Target(n, key)
	if !found {
		return nil
	}
	if _, err := b.join(ctx, n, target, record{}); err != nil {
		return fmt.Errorf("store a notice of %q to %s for %s: %w", n.About, target.Name, n.Channel, err)
	}
	return nil
}

// join has n sent with the retry that the target has, which is brought forward, or else with
// a new one, whose revision it returns.
func (b *Outbox) join(ctx context.Context, n Notice, target Target, first record) (revision uint64, err error) {
	joined, shard := false, shardOf(target.Endpoint)
	revision, err = b.amend(ctx, retryKey(shard, n, target.Key), func(there *record) *record {
		if joined = there != nil; !joined {
			first.Shard, first.Notice, first.Target, first.Name = shard, n, target.Key, target.Name
			return &first
		}
		if there.Notice.ID == n.ID {
			return there
		}
		next := there.now()
		next.Notice = b.both(there.Notice, n)
		// The target may be back. Its attempts count, but leave some for n.
		next.Wait = min(next.Wait, next.Hold)
		next.Attempts = min(next.Attempts, max(b.opts.Attempts-2, 1))
		next.extend(b.opts.GiveUpAfter)
		return &next
	})
	if joined {
		revision = 0
	}
	return revision, err
}

// merge is that of the channel, and notes where the data is not that of n alone.
func (b *Outbox) merge(old, n Notice) Notice {
	merged := b.opts.Channels[n.Channel].Merge(old, n)
	if merged.Order.Compare(old.Order) < 0 { // n has none
		merged.Order = old.Order
	}
	merged.Merged = n.Merged || !bytes.Equal(merged.Data, n.Data)
	return merged
}

// both merges two notices; either may be the newer.
func (b *Outbox) both(there, n Notice) Notice {
	if there.DeliveryID() == n.DeliveryID() {
		return n
	}
	if n.Order != (Order{}) && there.Order.Compare(n.Order) > 0 {
		return b.merge(n, there)
	}
	return b.merge(there, n)
}
