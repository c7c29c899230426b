package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// ErrNewerFormat means that a newer release wrote the record: this one does not
// replace it.
var ErrNewerFormat = errors.New("the record was written by a newer release")

// maxConflicts bounds how often one write runs into others before it gives up.
const maxConflicts = 16

var errGaveWay = fmt.Errorf("gave way to other writers %d times", maxConflicts)

// Put makes n owed to all its targets; when it returns, that is durable. It
// takes the place of what waits about the same, unless that is newer or the very
// notice. It may be repeated: a notice is told once as long as its ID is the
// last about the same.
func (b *Outbox) Put(ctx context.Context, n Notice) error {
	route, ok := b.opts.Routes[n.Channel]
	if !ok {
		return fmt.Errorf("owe %q: there is no channel %q", n.About, n.Channel)
	}
	var concerned [shards]bool
	eachTarget(route, n, func(t Target) { concerned[shardOf(t.Endpoint)] = true })
	errs := make([]error, shards)
	var wg sync.WaitGroup
	for shard, has := range concerned {
		if has {
			wg.Go(func() { errs[shard] = b.put(ctx, route, shard, n) })
		}
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("owe %q through %s: %w", n.About, n.Channel, err)
	}
	return nil
}

// PutTo makes n owed to one of its targets, given by its key, beside what the others
// are owed; when it returns, that is durable. Nothing is owed to one that is not
// found. It may be repeated until n was sent.
func (b *Outbox) PutTo(ctx context.Context, n Notice, key string) error {
	route, ok := b.opts.Routes[n.Channel]
	if !ok {
		return fmt.Errorf("owe %q: there is no channel %q", n.About, n.Channel)
	}
	target, found := route.Channel.Target(n, key)
	if !found {
		return nil
	}
	shard := shardOf(target.Endpoint)
	err := b.amendLate(ctx, shard, lateKey(shard, n, key), func(there *late) *late {
		if there == nil {
			return &late{Format: format, Shard: shard, Notice: n, Target: key, Name: target.Name}
		}
		next := there.now()
		if there.Notice.Order.Compare(n.Order) < 0 {
			next.Notice = route.merge(there.Notice, n)
		}
		b.encourage(route, &next)
		return &next
	})
	if err != nil {
		return fmt.Errorf("owe %q to %s through %s: %w", n.About, target.Name, n.Channel, err)
	}
	return nil
}

// eachTarget calls f with each target of n.
func eachTarget(route Route, n Notice, f func(Target)) {
	if len(n.To) == 0 {
		route.Channel.Targets(n, func(t Target) bool {
			f(t)
			return true
		})
		return
	}
	for _, key := range n.To {
		if t, ok := route.Channel.Target(n, key); ok {
			f(t)
		}
	}
}

func (b *Outbox) put(ctx context.Context, route Route, shard int, n Notice) error {
	key := owedKey(shard, n)
	return b.amendOwed(ctx, shard, key, func(there *owed) *owed {
		next := &owed{Format: format, Notice: n}
		switch {
		case there == nil:
			return next
		case there.Notice.ID == n.ID, n.Order != (Order{}) && n.Order.Compare(there.Notice.Order) < 0:
			return nil
		case !there.Done: // some may have been told what it said
			next.Notice = route.merge(there.Notice, n)
			return next
		}
		next.Says = there.Says
		return next
	})
}

// amendOwed replaces the record by what change makes of it, which may be called
// several times; nil leaves it as it is.
func (b *Outbox) amendOwed(ctx context.Context, shard int, key string, change func(*owed) *owed) error {
	return amend(ctx, b, key, func() (*owed, uint64, bool) { return b.book.owed(shard, key) }, change)
}

// amendLate is as amendOwed.
func (b *Outbox) amendLate(ctx context.Context, shard int, key string, change func(*late) *late) error {
	return amend(ctx, b, key, func() (*late, uint64, bool) { return b.book.late(shard, key) }, func(there *late) *late {
		next := change(there)
		if next != nil {
			next.Due = b.opts.Now().Add(time.Duration(next.Wait))
		}
		return next
	})
}

func amend[T any](ctx context.Context, b *Outbox, key string, look func() (*T, uint64, bool), change func(*T) *T) error {
	for range maxConflicts {
		there, revision, foreign := look()
		if foreign {
			return ErrNewerFormat
		}
		next := change(there)
		if next == nil {
			return nil
		}
		if err := b.write(ctx, key, next, revision); !errors.Is(err, bucket.ErrConflict) {
			return err
		}
		if err := b.refresh(ctx, key); err != nil {
			return err
		}
	}
	return errGaveWay
}

// write writes a record, which is in the book then.
func (b *Outbox) write(ctx context.Context, key string, value any, revision uint64) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	data, err := bucket.Encode(value)
	if err != nil {
		return fmt.Errorf("encode what is owed: %w", err)
	}
	next, err := b.bucket.Put(ctx, key, data, revision)
	if err != nil {
		return err
	}
	b.book.apply(bucket.Record{Key: key, Value: data, Revision: next, Stored: b.opts.Now()})
	return nil
}

// remove deletes a record; one that was written anew meanwhile stays.
func (b *Outbox) remove(ctx context.Context, key string, revision uint64) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	next, err := b.bucket.Delete(ctx, key, revision)
	if err != nil {
		return err
	}
	b.book.removed(key, next)
	return nil
}

// refresh brings a record of the book up to the server's.
func (b *Outbox) refresh(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	r, err := b.bucket.Get(ctx, key)
	if err != nil {
		return err
	}
	if r.Revision == 0 {
		b.book.vanished(key)
		return nil
	}
	b.book.apply(r)
	return nil
}
