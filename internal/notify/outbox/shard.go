package outbox

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// maxEager is how many shards a node works on before it leaves shards that it has not
	// leased to other nodes for yieldFor, at most once in yieldEvery.
	maxEager   = 4
	yieldFor   = 50 * time.Millisecond
	yieldEvery = time.Second
	// maxIdle bounds the time between two checks for due work.
	maxIdle = time.Minute
	// stopTimeout bounds the deliveries in flight when the node stops.
	stopTimeout = 5 * time.Second
	// maxRetrying is how many retries of a shard a node handles at a time.
	maxRetrying = 512
)

// shard is a part of the endpoints: what is stored for their targets, and the worker that
// sends it while this node has the lease. All deliveries to the endpoints go through it.
//
// Its functions take two contexts: ctx ends when nothing more is to begin, work when what
// is in flight has had its time.
type shard struct {
	*Outbox
	number int
	wake   chan struct{}

	// Of these the lock of the outbox is held.
	pending, retries map[string]*record // that are still to be sent, by key
	lease            lease
	holds            bool      // the lease, and has read what the node before wrote
	renewed          time.Time // when the last write of the lease began
	begun            uint64    // with what was written up to this revision, another node may have begun
	sent             map[deliveryKey]lastSent
	seq              int // the last of those in sent

	passes   map[string]*pass  // by the key of the pending notice
	retrying map[receiver]bool // one retry of each at a time: many can wait for one
	running  int               // how much of all that start began is in flight
	parked   map[string]string // hosts, by the key of the retry: see admit
	admitted *places           // by host

	until    time.Time      // the end of the tenure: then another node can take the shard
	inFlight sync.WaitGroup // all that start began
}

func newShard(b *Outbox, number int) *shard {
	return &shard{
		Outbox: b, number: number, wake: make(chan struct{}, 1),
		passes: map[string]*pass{}, retrying: map[receiver]bool{}, parked: map[string]string{},
		admitted: newPlaces(b.opts.PerHost),
	}
}

// nudge has the worker check what is due.
func (s *shard) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// await waits until the worker is nudged, at most so long.
func (s *shard) await(ctx context.Context, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-s.wake:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// run works whenever something is due, until ctx ends.
func (s *shard) run(ctx context.Context) {
	for ctx.Err() == nil {
		if wait := s.begin(); wait > 0 {
			s.await(ctx, wait)
			continue
		}
		s.work(ctx)
		s.mu.Lock()
		if s.working--; s.working == maxEager-1 {
			for _, other := range s.shards {
				other.nudge() // there is room for another
			}
		}
		s.mu.Unlock()
	}
}

// begin counts the shard among those that the node works on, or returns how long it is until
// it can be, unless something changes.
func (s *shard) begin() time.Duration {
	if s.Ready() != nil {
		return maxIdle
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	due, wait := s.due()
	if len(due) > 0 {
		wait = cmp.Or(s.expires(), s.yield())
	}
	if wait == 0 {
		s.working++
	}
	return wait
}

// yield is how long the shard is left to other nodes while this one works on many. The lock
// is held.
func (s *shard) yield() time.Duration {
	if s.working < maxEager || s.kept() {
		return 0
	}
	if time.Since(s.yielded) > yieldEvery {
		s.yielded = time.Now()
	}
	return max(yieldFor-time.Since(s.yielded), 0)
}

// due returns what is due, and how long it is until more is. What only channels have that
// this node does not know is left to other nodes. The lock is held.
func (s *shard) due() (due []*record, wait time.Duration) {
	wait = maxIdle
	for _, open := range []map[string]*record{s.pending, s.retries} {
		for _, r := range open {
			switch left := r.left(); {
			case s.opts.Channels[r.Notice.Channel] == nil:
			case left > 0:
				wait = min(wait, left)
			default:
				due = append(due, r)
			}
		}
	}
	return due, wait
}

// work sends what is due, until nothing is, the tenure ends, the lease is lost, or the node
// stops.
func (s *shard) work(node context.Context) {
	if s.leaseOutage.persist(node, func() error { return s.acquireLease(node) }, "shard", s.number) != nil {
		pause(node, yieldFor)
		return
	}
	ctx, stop := context.WithCancel(node)
	defer stop()
	work, cut := context.WithCancel(context.WithoutCancel(node))
	defer cut()
	defer context.AfterFunc(node, func() { time.AfterFunc(stopTimeout, cut) })()
	end := s.keepLease(work, stop, cut)
	retires := s.loop(ctx, work)
	stop()
	s.inFlight.Wait()
	end()
	if retires && node.Err() == nil {
		s.releaseLease(node)
		pause(node, yieldFor)
	}
}

// loop begins due work until none is left or in flight, ctx ends, or the tenure does, which
// it reports. At the end of the tenure it first begins no more retries, and the rest goes on
// for at most a Timeout: slow retries in flight would hold up the next worker.
func (s *shard) loop(ctx, work context.Context) (retires bool) {
	for ctx.Err() == nil {
		ends := maxIdle
		if !s.opts.Alone {
			ends = time.Until(s.until)
		}
		s.mu.Lock()
		due, wait := s.due()
		if retires = ends <= 0; retires {
			ends += s.opts.Timeout
		}
		if retires && (len(s.retrying) == 0 || ends <= 0) {
			s.mu.Unlock()
			return true
		}
		for _, r := range due {
			switch before := s.passes[r.key]; {
			case r.Target != "":
				if !retires {
					s.startRetry(ctx, work, r)
				}
			case before == nil:
				s.startPass(ctx, work, r)
			case before.entry.Notice.ID != r.Notice.ID:
				before.supersede()
			}
		}
		idle := s.running == 0
		s.mu.Unlock()
		if idle {
			return false
		}
		s.await(ctx, min(wait, ends))
	}
	return false
}

// start runs f beside what else is in flight, and then ended. The lock is held, and again when
// ended runs.
func (s *shard) start(f, ended func()) {
	s.running++
	s.inFlight.Go(func() {
		f()
		s.mu.Lock()
		defer s.mu.Unlock()
		ended()
		s.running--
		s.nudge()
	})
}

// persist repeats a write until it succeeds, and reports whether it did before the worker
// stopped: one that fails while the node stops is not repeated. A record that this release
// cannot read is left as it is.
func (s *shard) persist(work context.Context, what string, write func() error) bool {
	ctx, cancel := context.WithCancel(work)
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	err := s.recordOutage.persist(ctx, write, "of", what, "shard", s.number)
	switch {
	case errors.Is(err, ErrNewerFormat):
		s.opts.Logger.Warn("a record is left to the newer release that wrote it", "of", what, "shard", s.number)
	case errors.Is(err, errDamaged):
		s.opts.Logger.Warn("a record is damaged and is left alone: delete the key", "of", what, "shard", s.number, "err", err)
	}
	return err == nil || leftAlone(err)
}
