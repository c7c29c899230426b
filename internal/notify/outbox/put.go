package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// writeTimeout bounds one write, so that NATS going away is noticed.
const writeTimeout = 5 * time.Second

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
	return b.amendPending(ctx, pendingKey(shard, n), func(there *pending) *pending {
		switch {
		case there == nil:
		case there.Notice.ID == n.ID, n.Order != (Order{}) && n.Order.Compare(there.Notice.Order) < 0:
			return there
		case !there.Done: // some targets may not have what it says
			return &pending{Format: format, Notice: b.merge(there.Notice, n)}
		}
		return &pending{Format: format, Notice: n}
	})
}

// PutTo stores n, to be sent only to the target with that key; when it returns, that is
// durable. Nothing is stored for a target that is not found. It may be repeated until n was
// sent.
func (b *Outbox) PutTo(ctx context.Context, n Notice, key string) error {
	target, found := b.opts.Channels[n.Channel].Target(n, key)
	if !found {
		return nil
	}
	if _, err := b.join(ctx, shardOf(target.Endpoint), n, target, retry{}); err != nil {
		return fmt.Errorf("store a notice of %q to %s for %s: %w", n.About, target.Name, n.Channel, err)
	}
	return nil
}

// join has n sent with the retry that the target has, which is brought forward, or else with
// a new one, whose revision it returns.
func (b *Outbox) join(ctx context.Context, shard int, n Notice, target Target, first retry) (revision uint64, err error) {
	joined := false
	revision, err = b.amendRetry(ctx, retryKey(shard, n, target.Key), func(there *retry) *retry {
		if joined = there != nil; !joined {
			first.Format, first.Shard, first.Notice, first.Target, first.Name = format, shard, n, target.Key, target.Name
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

// amendPending changes the record of a pending notice, see amend.
func (b *Outbox) amendPending(ctx context.Context, key string, change func(*pending) *pending) error {
	_, err := amend(ctx, b, key, b.state.pending, change)
	return err
}

// amendRetry changes the record of a retry or a dead letter, see amend.
func (b *Outbox) amendRetry(ctx context.Context, key string, change func(*retry) *retry) (uint64, error) {
	return amend(ctx, b, key, b.state.retry, func(there *retry) *retry {
		next := change(there)
		if next != nil && next != there {
			next.Due = b.opts.Now().Add(time.Duration(next.Wait))
		}
		return next
	})
}

// amend replaces the record at a key by what change makes of it, which may be called several
// times: the record itself leaves it as it is, nil removes it. It returns the revision that was
// written, 0 if none.
func amend[T any](ctx context.Context, b *Outbox, key string, known func(string) (*T, uint64), change func(*T) *T) (uint64, error) {
	var written uint64
	err := bucket.RetryConflicts(func(again bool) (err error) {
		if again {
			if err := b.refresh(ctx, key); err != nil {
				return err
			}
		}
		there, revision := known(key)
		switch next := change(there); next {
		case there:
		case nil:
			written, err = b.write(ctx, key, nil, revision)
		default:
			written, err = b.write(ctx, key, next, revision)
		}
		return err
	})
	return written, err
}

// write writes a record, or removes it where value is nil. When it returns, that is known.
func (b *Outbox) write(ctx context.Context, key string, value any, revision uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if value == nil {
		removed, err := b.bucket.Delete(ctx, key, revision)
		if err == nil {
			err = b.bucket.Wait(ctx, removed)
		}
		return removed, err
	}
	data, err := bucket.Encode(value)
	if err != nil {
		return 0, fmt.Errorf("encode the record %s: %w", key, err)
	}
	next, err := b.bucket.Put(ctx, key, data, revision)
	if err == nil {
		b.state.wrote(bucket.Record{Key: key, Value: data, Revision: next, Stored: b.opts.Now()})
	}
	return next, err
}

// remove removes a record. One that was written anew meanwhile stays.
func (b *Outbox) remove(ctx context.Context, key string, revision uint64) error {
	if _, err := b.write(ctx, key, nil, revision); !errors.Is(err, bucket.ErrConflict) {
		return err
	}
	return nil
}

// refresh reads a record from the server after a conflict. One of a newer release, or that
// is damaged, is an error: it is left alone.
func (b *Outbox) refresh(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	r, err := b.bucket.Get(ctx, key)
	if err != nil {
		return err
	}
	if r.Value == nil {
		return b.bucket.Wait(ctx, r.Revision)
	}
	b.state.wrote(r)
	switch kind, _, _ := parseKey(key); kind {
	case kindPending:
		return decode(r, new(pending))
	case kindLease:
		return decode(r, new(lease))
	}
	return decode(r, new(retry))
}
