package outbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// errTaken means that another node has the lease.
var errTaken = errors.New("another node works on the shard")

// lease says which node works on a shard. It is renewed while the node does, and kept for a
// few idle seconds after that, in which nothing is written. A node that is alone needs none.
type lease struct {
	revision uint64
	seen     time.Time // by this node, with a monotonic clock

	Format int    `json:"format"`
	Node   string `json:"node"` // empty: none
}

// readLease takes over the record of the lease. The lock is held.
func (s *shard) readLease(r bucket.Record) {
	l := lease{revision: r.Revision}
	if r.Value != nil && decode(r, &l) != nil {
		l.Node = "of a newer release" // it expires like any other
	}
	s.setLease(l)
}

// setLease takes over a lease, unless a later one is known. The lock is held.
func (s *shard) setLease(l lease) {
	if l.revision > s.lease.revision {
		l.seen = time.Now()
		s.lease = l
		s.nudge()
	}
}

// kept reports whether this node has the lease and has read what the node before it wrote.
// The lock is held.
func (s *shard) kept() bool { return s.opts.Alone || s.holds && s.lease.Node == s.node }

// expires is how long the lease may still be another node's. It follows from when this node
// saw it written, because clocks differ. The lock is held.
func (s *shard) expires() time.Duration {
	if s.lease.Node == "" || s.lease.Node == s.node || s.opts.Alone {
		return 0
	}
	return max(s.opts.Lease-time.Since(s.lease.seen), 0)
}

// acquireLease gets the lease. When it returns, this node has read everything that the node
// before it wrote. It writes the lease even when ctx ends meanwhile: without an answer this
// node could not release it, and other nodes would wait until it expires.
func (s *shard) acquireLease(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	s.mu.Lock()
	before, kept, taken := s.lease, s.kept(), s.expires() > 0
	fresh := kept && time.Since(s.renewed) < s.opts.Lease/3
	s.holds = kept
	if !fresh {
		s.sent = map[deliveryKey]lastSent{}
	}
	if s.opts.Alone {
		s.renewed = time.Now()
	}
	s.mu.Unlock()
	switch {
	case s.opts.Alone:
		return nil
	case taken: // since it was checked
		return errTaken
	case kept && time.Now().After(s.until):
		s.releaseLease(ctx)
		return errTaken
	case fresh:
		return nil
	}
	if err := s.writeLease(ctx, before, s.node); err != nil || kept {
		return err
	}
	begun := before.revision // a node that released the lease had written everything before that
	if before.Node != "" {
		begun = s.leased().revision
	}
	if err := s.bucket.Wait(ctx, begun); err != nil {
		s.releaseLease(ctx)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds, s.begun = true, begun
	s.until = time.Now().Add(s.opts.Tenure + rand.N(s.opts.Tenure)) // however long the writes took
	return nil
}

// releaseLease releases the lease, if this node has it. If that fails it expires.
func (s *shard) releaseLease(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	s.mu.Lock()
	before := s.lease
	s.holds = false
	s.mu.Unlock()
	if before.Node != s.node {
		return
	}
	if err := s.writeLease(ctx, before, ""); err != nil {
		s.opts.Logger.Debug("cannot release a lease, which expires", "shard", s.number, "err", err)
	}
}

// age is the time since the lease was last renewed.
func (s *shard) age() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.renewed)
}

// left is how long this node may send without another renewal. It counts from the last one,
// however late a node that was paused notices that: then another node may have the lease.
func (s *shard) left() time.Duration {
	if s.opts.Alone {
		return maxIdle
	}
	return s.opts.Lease/4*3 - s.age()
}

// keepLease renews the lease until the function that it returns is called. When another node
// has it, or one may soon, it calls stop, and cut a little later: a node that is cut off from
// NATS must have ended what it sends by then.
func (s *shard) keepLease(ctx context.Context, stop, cut func()) (end func()) {
	if s.opts.Alone {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	lose := sync.OnceFunc(func() {
		s.opts.Logger.Warn("the lease of a shard is lost: some notices may be sent twice, with the same id", "shard", s.number)
		s.mu.Lock()
		s.holds = false
		s.mu.Unlock()
		cancel()
		stop()
		time.AfterFunc(min(s.left(), s.opts.Lease/4), cut)
	})
	lapse := time.AfterFunc(s.opts.Lease/2-s.age(), lose)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		for wait := s.opts.Lease/5 - s.age(); ; {
			if pause(ctx, wait); ctx.Err() != nil {
				return
			}
			switch err := s.renew(ctx); {
			case err == nil:
				lapse.Reset(s.opts.Lease/2 - s.age())
				wait = s.opts.Lease / 5
			case errors.Is(err, errTaken):
				lose()
			default: // an answer that comes late leaves time for another write
				wait = s.opts.Lease / 20
			}
		}
	})
	return func() {
		cancel()
		renewing.Wait()
		lapse.Stop()
	}
}

// renew writes the lease again, if this node has it. It waits for the answer even when ctx
// ends: without it the next worker would write the lease at once.
func (s *shard) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Lease/5)
	defer cancel()
	before := s.leased()
	if before.Node != s.node {
		return errTaken
	}
	return s.writeLease(ctx, before, s.node)
}

func (s *shard) leased() lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease
}

// writeLease writes which node has the lease, if it is still as it was before. It writes again
// over a write of this node whose answer was lost: other nodes may have read that long ago.
func (s *shard) writeLease(ctx context.Context, before lease, node string) error {
	key := leaseKey(s.number)
	return bucket.RetryConflicts(func(again bool) error {
		if again {
			if err := s.refresh(ctx, key); err != nil {
				return err
			}
			there := s.leased()
			if there.Node != s.node || there.revision <= before.revision {
				return errTaken
			}
			before = there
		}
		began := time.Now()
		revision, err := s.bucket.Store(ctx, key, lease{Format: format, Node: node}, before.revision)
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.setLease(lease{revision: revision, Node: node})
		s.renewed = began
		return nil
	})
}
