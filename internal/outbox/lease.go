package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/gallerywire/gallerywire/internal/ledger"
)

// errTaken means that another node has the lease.
var errTaken = errors.New("another node works on it")

// held is a lease of this node. A node that is alone has it without a record: it
// would be two writes more for each shard and notice, and nobody reads them.
type held struct {
	key      string
	revision uint64
}

// take takes the lease on a shard, which nobody else seems to have. When it
// returns, everything is known that was written by whoever had the lease before:
// what they told is not told again.
func (b *Outbox) take(ctx context.Context, shard int) (*held, error) {
	if b.opts.Alone {
		return &held{key: leaseKey(shard)}, nil
	}
	known := b.book.lease(shard)
	if b.good(known) > 0 {
		return nil, errTaken // since it was looked
	}
	h := &held{key: leaseKey(shard), revision: known.revision}
	if err := b.hold(ctx, h, b.node); err != nil {
		return nil, err
	}
	hear, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := b.ledger.Wait(hear, h.revision); err != nil {
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

// renew keeps the lease; the error is errTaken when it was lost.
func (b *Outbox) renew(ctx context.Context, h *held) error { return b.hold(ctx, h, b.node) }

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
	data, err := encode(lease{Format: format, Node: node})
	if err != nil {
		return err
	}
	next, err := b.ledger.Put(ctx, h.key, data, h.revision)
	if errors.Is(err, ledger.ErrConflict) {
		if err := b.refresh(ctx, h.key); err != nil {
			return err
		}
		return errTaken
	}
	if err != nil {
		return err
	}
	h.revision = next
	b.book.apply(ledger.Record{Key: h.key, Value: data, Revision: next, Stored: b.opts.Now()})
	return nil
}
