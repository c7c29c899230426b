package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// errTaken means that another node has the lease.
var errTaken = errors.New("another node works on it")

// held is a lease of this node. A node that is alone has it without a record: it
// would be two writes more for each shard and notice, and nobody reads them.
type held struct {
	key      string
	shard    int
	revision uint64
	since    uint64 // nobody has begun with what was written after this revision
}

// take takes the lease on a shard, which nobody else seems to have. When it
// returns, everything is known that was written by whoever had the lease before:
// what they told is not told again.
func (b *Outbox) take(ctx context.Context, shard int) (*held, error) {
	if b.opts.Alone {
		return &held{key: leaseKey(shard), since: b.began}, nil
	}
	known := b.book.lease(shard)
	if b.good(known) > 0 {
		return nil, errTaken // since it was looked
	}
	h := &held{key: leaseKey(shard), shard: shard, revision: known.revision}
	if err := b.hold(ctx, h, b.node); err != nil {
		return nil, err
	}
	if h.since = known.revision; known.Node != "" {
		h.since = h.revision // it was not given back: who had it died, and may have told some
	}
	hear, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := b.bucket.Wait(hear, h.revision); err != nil {
		b.release(context.WithoutCancel(ctx), h)
		return nil, err
	}
	return h, nil
}

// good is how long the lease may still be another node's.
func (b *Outbox) good(l lease) time.Duration {
	if l.Node == "" || l.Node == b.node || b.opts.Alone {
		return 0
	}
	// By how long it was seen and not by its own time: clocks differ.
	return max(b.opts.Lease-time.Since(l.seen), 0)
}

// keep renews the lease until ctx ends. It calls lost and ends when another node
// has the lease, or as early as one could take it: whoever is cut off from NATS
// must have ended what it sends by then.
func (b *Outbox) keep(ctx context.Context, h *held, lost func()) {
	if b.opts.Alone {
		return
	}
	again := time.NewTicker(b.opts.Lease / 5)
	defer again.Stop()
	for last := time.Now(); ; {
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
		renew, cancel := context.WithTimeout(ctx, b.opts.Lease/5)
		began := time.Now()
		err := b.hold(renew, h, b.node)
		cancel()
		switch {
		case err == nil:
			last = began
		case ctx.Err() != nil:
			return
		case errors.Is(err, errTaken), time.Since(last) >= b.opts.Lease/2:
			lost()
			return
		}
	}
}

// release gives the lease back. If that fails it expires.
func (b *Outbox) release(ctx context.Context, h *held) {
	if err := b.hold(ctx, h, ""); err != nil {
		b.opts.Logger.Debug("a lease was not given back", "lease", h.key, "err", err)
	}
}

func (b *Outbox) hold(ctx context.Context, h *held, node string) error {
	if b.opts.Alone {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	data, err := bucket.Encode(lease{Format: format, Node: node})
	if err != nil {
		return err
	}
	next, err := b.bucket.Put(ctx, h.key, data, h.revision)
	if errors.Is(err, bucket.ErrConflict) {
		if err := b.refresh(ctx, h.key); err != nil {
			return err
		}
		if there := b.book.lease(h.shard); there.Node == b.node && there.revision > h.revision {
			h.revision = there.revision // our own write, whose answer was lost
			if node == b.node {
				return nil
			}
			return b.hold(ctx, h, node) // it is to be given back
		}
		return errTaken
	}
	if err != nil {
		return err
	}
	h.revision = next
	b.book.apply(bucket.Record{Key: h.key, Value: data, Revision: next, Stored: b.opts.Now()})
	return nil
}
