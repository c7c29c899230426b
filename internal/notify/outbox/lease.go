package outbox

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// errTaken means that another node has the lease.
var errTaken = errors.New("another node works on the shard")

// held is a lease of this node on a shard. It is renewed while the node works on the shard,
// and kept for a few idle seconds after that, in which nothing is written. A node that is
// alone has leases without records.
type held struct {
	shard    int
	revision uint64
	begun    uint64                    // with what was written up to this revision, another node may have begun
	renewed  atomic.Pointer[time.Time] // when the last write of it began; nil: never
	until    time.Time                 // the end of its tenure: then another node can take the shard
	sent     map[deliveryKey]lastSent
	seq      int // the last of those in sent
}

// age is the time since the last renewal.
func (h *held) age() time.Duration {
	if at := h.renewed.Load(); at != nil {
		return time.Since(*at)
	}
	return math.MaxInt64
}

// acquire returns the lease on a shard. When it returns, this node has read everything that
// the node before it wrote. It writes the lease even when ctx ends meanwhile: without an
// answer this node could not release it, and other nodes would wait until it expires.
func (b *Outbox) acquire(ctx context.Context, shard int) (*held, error) {
	ctx = context.WithoutCancel(ctx)
	known := b.state.lease(shard)
	if b.expires(known) > 0 {
		return nil, errTaken // since startWorkers checked
	}
	b.mu.Lock()
	h := b.leases[shard]
	b.mu.Unlock()
	kept := h != nil && (h.revision == known.revision || b.opts.Alone)
	if kept && !b.opts.Alone && time.Now().After(h.until) {
		b.release(ctx, h)
		return nil, errTaken
	}
	if !kept {
		h = &held{shard: shard, revision: known.revision, begun: b.state.revision()}
	}
	fresh := h.age() < b.opts.Lease/3
	if !fresh {
		h.sent = map[deliveryKey]lastSent{}
	}
	switch {
	case b.opts.Alone:
		h.renewed.Store(new(time.Now()))
	case !kept || !fresh:
		if err := b.writeLease(ctx, h, b.node); err != nil {
			return nil, err
		}
	}
	if !kept && !b.opts.Alone {
		if h.begun = known.revision; known.Node != "" {
			h.begun = h.revision // it was not released
		}
		wait, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		if err := b.bucket.Wait(wait, h.revision); err != nil {
			b.release(ctx, h)
			return nil, err
		}
		h.until = time.Now().Add(b.opts.Tenure + rand.N(b.opts.Tenure)) // however long the writes took
	}
	if !kept || !fresh {
		b.leaseOutage.ended(allLeases)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leases[shard] = h
	return h, nil
}

// expires is how long the lease may still be another node's. It follows from when this node
// saw it written, because clocks differ.
func (b *Outbox) expires(l lease) time.Duration {
	if l.Node == "" || l.Node == b.node || b.opts.Alone {
		return 0
	}
	return max(b.opts.Lease-time.Since(l.seen), 0)
}

// left is how long this node may send without another renewal. It counts from the last one,
// however late a node that was paused notices that: then another node may have the lease.
func (b *Outbox) left(h *held) time.Duration {
	if b.opts.Alone {
		return maxIdle
	}
	return b.opts.Lease/4*3 - h.age()
}

// renew renews the lease until ctx ends. It calls lost and ends when another node has it,
// or when one may soon: a node that is cut off from NATS must have ended what it sends by then.
func (b *Outbox) renew(ctx context.Context, h *held, lost func()) {
	if b.opts.Alone {
		return
	}
	wait := b.opts.Lease/5 - h.age()
	for {
		lapses := h.renewed.Load().Add(b.opts.Lease / 2)
		if pause(ctx, min(wait, time.Until(lapses))); ctx.Err() != nil {
			return
		}
		deadline := time.Now().Add(b.opts.Lease / 5)
		if lapses.Before(deadline) {
			deadline = lapses
		}
		write, cancel := context.WithDeadline(ctx, deadline)
		err := b.writeLease(write, h, b.node)
		cancel()
		switch {
		case err == nil:
			wait = b.opts.Lease / 5
		case ctx.Err() != nil:
			return
		case errors.Is(err, errTaken), !time.Now().Before(lapses):
			lost()
			return
		default: // an answer that comes late leaves time for another write
			wait = b.opts.Lease / 20
		}
	}
}

// release gives a lease back. If that fails it expires.
func (b *Outbox) release(ctx context.Context, h *held) {
	b.forgetLease(h)
	if err := b.writeLease(ctx, h, ""); err != nil {
		b.opts.Logger.Debug("cannot release a lease, which expires", "shard", h.shard, "err", err)
	}
}

func (b *Outbox) forgetLease(h *held) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leases[h.shard] = nil
}

// writeLease writes which node has the lease. It writes again over a write of this node whose
// answer was lost: other nodes may have read that long ago.
func (b *Outbox) writeLease(ctx context.Context, h *held, node string) error {
	for {
		began := time.Now()
		revision, err := b.write(ctx, leaseKey(h.shard), lease{Format: format, Node: node}, h.revision)
		if err == nil {
			h.revision = revision
			h.renewed.Store(&began)
			return nil
		}
		if !errors.Is(err, bucket.ErrConflict) {
			return err
		}
		if err := b.refresh(ctx, leaseKey(h.shard)); err != nil && !leftAlone(err) {
			return err
		}
		there := b.state.lease(h.shard)
		if there.Node != b.node || there.revision <= h.revision {
			return errTaken
		}
		h.revision = there.revision
	}
}
