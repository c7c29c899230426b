package outbox

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// stopTimeout bounds the deliveries in flight when the node stops.
	stopTimeout = 5 * time.Second
	// maxRetrying is how many retries of a shard a node handles at a time.
	maxRetrying = 512
)

// worker sends what is due in a shard, for as long as something is and this node has the
// lease. All deliveries to the endpoints of the shard go through it.
//
// Its functions take two contexts: ctx ends when nothing more is to begin, work when what
// is in flight has had its time.
type worker struct {
	box      *Outbox
	shard    int
	lease    *held
	lose     func() // gives the lease up: nothing more begins, and what is in flight has a little time
	wake     chan struct{}
	stopping atomic.Bool
	inFlight sync.WaitGroup // passes, retries, deliveries and what they write

	mu        sync.Mutex        // also of lease.sent and lease.seq
	passes    map[string]*pass  // by the key of the pending notice
	retrying  map[receiver]bool // one retry of each at a time: many can wait for one
	endpoints map[string]*endpoint

	retryingHosts map[string]int    // retries being handled, by host
	parked        map[string]string // hosts, by the key of the retry: see admit
}

func newWorker(b *Outbox, shard int) *worker {
	return &worker{
		box: b, shard: shard, wake: make(chan struct{}, 1),
		passes: map[string]*pass{}, retrying: map[receiver]bool{}, endpoints: map[string]*endpoint{},
		retryingHosts: map[string]int{}, parked: map[string]string{},
	}
}

// nudge has the worker check what is due.
func (w *worker) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run works until nothing is due, the tenure ends, the lease is lost, or ctx ends.
func (w *worker) run(ctx context.Context) {
	var err error
	began := time.Now()
	if w.lease, err = w.box.acquire(ctx, w.shard); errors.Is(err, errTaken) {
		pause(ctx, yieldFor)
		return
	} else if err != nil {
		pause(ctx, writeDelay(w.box.leaseOutage.failed(allLeases, began, err, "shard", w.shard)))
		return
	}
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	renew, release := context.WithCancel(work)
	node := ctx
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	lost, ended := make(chan struct{}), make(chan struct{})
	w.lose = sync.OnceFunc(func() {
		w.box.opts.Logger.Warn("the lease of a shard is lost: some notices may be sent twice, with the same id", "shard", w.shard)
		w.box.forgetLease(w.lease)
		close(lost)
		stop()
	})
	var renewing sync.WaitGroup
	renewing.Go(func() { w.box.renew(renew, w.lease, w.lose) })
	retires := w.loop(ctx, work)
	w.stopping.Store(!retires)
	stop()
	go func() {
		w.inFlight.Wait()
		close(ended)
	}()
	w.drain(node, retires, ended, lost)
	release()
	cut()
	<-ended
	renewing.Wait()
	if retires && node.Err() == nil {
		w.box.release(context.WithoutCancel(node), w.lease)
		pause(node, yieldFor)
	}
}

// drain waits until what is in flight has ended, or has had its time. It has all the time
// that it needs at the end of a tenure, unless the node stops.
func (w *worker) drain(node context.Context, retires bool, ended, lost <-chan struct{}) {
	if retires {
		select {
		case <-ended:
		case <-lost:
		case <-node.Done():
		}
		w.stopping.Store(true)
	}
	timeout := time.After(stopTimeout)
	select {
	case <-ended:
	case <-timeout:
	case <-lost: // another node may begin soon
		select {
		case <-ended:
		case <-time.After(min(w.box.left(w.lease), w.box.opts.Lease/4)):
		case <-timeout:
		}
	}
}

// loop begins due work until none is left or in flight, ctx ends, or the tenure does, which
// it reports. At the end of the tenure it first begins no more retries, and the rest goes on
// for at most a Timeout: slow retries in flight would hold up the next worker.
func (w *worker) loop(ctx, work context.Context) (retires bool) {
	for ctx.Err() == nil {
		passes, retries, wait := w.box.due(w.shard)
		ends := maxIdle
		if !w.box.opts.Alone {
			ends = time.Until(w.lease.until)
		}
		if retires = ends <= 0; retires {
			retries, ends = nil, ends+w.box.opts.Timeout
		}
		w.mu.Lock()
		if retires && (len(w.retrying) == 0 || ends <= 0) {
			w.mu.Unlock()
			return true
		}
		for _, p := range passes {
			if before := w.passes[p.key]; before == nil {
				w.startPass(ctx, work, p)
			} else if before.entry.Notice.ID != p.Notice.ID {
				before.supersede()
			}
		}
		for _, r := range retries {
			if _, parked := w.parked[r.key]; !parked && !w.retrying[r.receiver()] && len(w.retrying) < maxRetrying {
				w.startRetry(ctx, work, r)
			}
		}
		idle := len(w.passes)+len(w.retrying)+len(w.endpoints) == 0
		w.mu.Unlock()
		if idle {
			return false
		}
		timer := time.NewTimer(min(wait, ends))
		select {
		case <-w.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return false
}

// persist repeats a write until it succeeds, and reports whether it did before the worker
// stopped. A record that this release cannot read is left as it is.
func (w *worker) persist(work context.Context, what string, write func() error) bool {
	key, first := new(string), time.Now()
	defer w.box.recordOutage.ended(key)
	for {
		began := time.Now()
		err := write()
		switch {
		case err == nil:
			return true
		case errors.Is(err, ErrNewerFormat):
			w.box.opts.Logger.Warn("a record is left to the newer release that wrote it", "of", what, "shard", w.shard)
			return true
		case errors.Is(err, errDamaged):
			w.box.opts.Logger.Warn("a record is damaged and is left alone: delete the key", "of", what, "shard", w.shard, "err", err)
			return true
		case w.stopping.Load(), work.Err() != nil:
			return false
		}
		w.box.recordOutage.failed(key, began, err, "of", what, "shard", w.shard)
		pause(work, writeDelay(first))
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
