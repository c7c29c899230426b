package outbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// packTimeout bounds what making a payload may wait for, and packAgain is when one
	// that could not be made is tried again.
	packTimeout = 30 * time.Second
	packAgain   = 5 * time.Second
	// maxHosts is to how many hosts a pass sends at a time.
	maxHosts = 256
	// saveEvery is after how many settled targets the progress is stored. After a crash at
	// most about so many in each shard get the notice twice.
	saveEvery = 200
	// maxMarks is how many settled targets are stored of a shard: a record has its limit.
	maxMarks = 50_000
)

// pass is the first attempts of a pending notice, at all its targets in a shard. A pass about
// the same begins when the one before it has ended.
type pass struct {
	entry     *pending
	supersede func() // begins no more attempts: a newer notice is pending

	// Of these the worker's lock is held.
	targets []Target
	settled []bool // by target: it has the notice, or a retry
	count   int    // of those
	saved   int    // how many of those are stored, or being stored
}

// startPass starts with a pending notice. The lock is held.
func (w *worker) startPass(ctx, work context.Context, entry *pending) {
	ctx, supersede := context.WithCancel(ctx)
	p := &pass{entry: entry, supersede: supersede}
	w.passes[entry.key] = p
	w.inFlight.Go(func() {
		defer supersede()
		w.pass(ctx, work, p)
		w.mu.Lock()
		delete(w.passes, entry.key)
		w.mu.Unlock()
		w.nudge()
		w.box.wakeUp() // there is room for another shard
	})
}

// pass sends to the targets that are not settled, and ends when each is, when the notice is
// superseded, or when the worker stops. A delivery in flight is settled before long.
func (w *worker) pass(ctx, work context.Context, p *pass) {
	n := p.entry.Notice
	payload, err := w.pack(ctx, work, n)
	if err != nil {
		return
	}
	targets := w.unsettled(p.entry)
	w.mu.Lock()
	p.targets, p.settled = targets, make([]bool, len(targets))
	order := w.order(n, targets)
	w.mu.Unlock()
	queue := semaphore.NewWeighted(maxHosts)
	var open sync.WaitGroup
	for _, host := range order {
		if queue.Acquire(ctx, 1) != nil {
			break
		}
		open.Go(func() {
			defer queue.Release(1)
			w.sendToHost(ctx, work, p, payload, host)
		})
	}
	open.Wait()
	w.mu.Lock()
	ended, unsaved := p.count == len(targets), p.count > p.saved
	w.mu.Unlock()
	if !ended {
		if unsaved {
			w.save(work, p)
		}
		return
	}
	w.persist(work, "a notice that is sent", func() error {
		return w.box.amendPending(work, p.entry.key, func(there *pending) *pending {
			if there == nil || there.Notice.ID != n.ID {
				return there
			}
			next := *there
			next.Done, next.Settled, next.Notice.Data = true, nil, nil
			return &next
		})
	})
	w.box.opts.Logger.Debug("a notice is sent", "channel", n.Channel, "feed", n.About, "event", n.ID, "targets", len(targets), "shard", w.shard)
}

// sendToHost begins the deliveries to the targets of one host, given by their indices, and
// returns when each has ended or was deferred. A slow host has a queue of its own, so that
// it holds up no other.
func (w *worker) sendToHost(ctx, work context.Context, p *pass, payload Payload, host []int) {
	places := int64(w.box.opts.PerHost)
	queue := semaphore.NewWeighted(places)
	for _, i := range host {
		if queue.Acquire(ctx, 1) != nil {
			break
		}
		d := &delivery{pass: p, index: i, notice: p.entry.Notice, payload: payload, target: p.targets[i]}
		d.leave = sync.OnceFunc(func() { queue.Release(1) })
		w.inFlight.Go(func() {
			defer d.leave()
			w.first(ctx, work, d)
		})
	}
	_ = queue.Acquire(context.WithoutCancel(ctx), places) // does not fail
}

// pack makes the payload of a notice, or waits before that is tried again. One that can never
// be made is sent all the same, so that each target becomes a dead letter as it would by
// any other error.
func (w *worker) pack(ctx, work context.Context, n Notice) (Payload, error) {
	limited, cancel := context.WithTimeout(work, packTimeout)
	defer cancel()
	payload, err := w.box.opts.Channels[n.Channel].Pack(limited, n)
	if errors.Is(err, ErrFinal) {
		return unmade{err}, nil
	}
	if err != nil && work.Err() == nil {
		w.box.opts.Logger.Warn("cannot make a notice, retrying", "channel", n.Channel, "feed", n.About, "err", err, "in", packAgain)
		pause(ctx, packAgain)
	}
	return payload, err
}

// unmade stands for a payload that can never be made.
type unmade struct{ err error }

// Version implements [Payload].
func (unmade) Version() string { return "" }

// Send implements [Payload].
func (u unmade) Send(context.Context, Target) error { return u.err }

// unsettled are the targets in the shard that do not have the notice, by their keys.
func (w *worker) unsettled(entry *pending) []Target {
	settled := map[[markSize]byte]bool{}
	for m := range slices.Chunk(entry.Settled, markSize) {
		settled[[markSize]byte(m)] = true
	}
	var all []Target
	w.box.opts.Channels[entry.Notice.Channel].Targets(entry.Notice, func(t Target) bool {
		if shardOf(t.Endpoint) == w.shard && (len(settled) == 0 || !settled[mark(t.Key)]) {
			all = append(all, t)
		}
		return true
	})
	slices.SortFunc(all, func(a, b Target) int { return cmp.Compare(a.Key, b.Key) })
	return all
}

// order groups the targets by their hosts, as indices. Those come first that were sent to
// longest ago: changes that come quicker than all can be sent to would reach the same ones
// always. The lock is held.
func (w *worker) order(n Notice, targets []Target) [][]int {
	order, turn := make([]int, len(targets)), make([]int, len(targets))
	for i, t := range targets {
		order[i], turn[i] = i, w.lease.sent[deliveryKey{n.Channel, n.About, t.Key}].seq
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(turn[a], turn[b]) })
	var hosts [][]int
	place := map[string]int{}
	for _, i := range order {
		at, known := place[targets[i].Host]
		if !known {
			at = len(hosts)
			place[targets[i].Host], hosts = at, append(hosts, nil)
		}
		hosts[at] = append(hosts[at], i)
	}
	return hosts
}

// settle notes that a target has the notice, or a retry, and has that stored of many targets
// together.
func (w *worker) settle(work context.Context, d *delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := d.pass
	if p.settled[d.index] {
		return
	}
	p.settled[d.index] = true
	p.count++
	if p.count-p.saved >= saveEvery && p.count < len(p.targets) && p.count <= maxMarks {
		p.saved = p.count
		w.inFlight.Go(func() { w.save(work, p) })
	}
}

// save stores which targets are settled.
func (w *worker) save(work context.Context, p *pass) {
	marks := slices.Clone(p.entry.Settled)
	w.mu.Lock()
	for i, settled := range p.settled {
		if settled {
			m := mark(p.targets[i].Key)
			marks = append(marks, m[:]...)
		}
	}
	w.mu.Unlock()
	err := w.box.amendPending(work, p.entry.key, func(there *pending) *pending {
		if there == nil || there.Done || there.Notice.ID != p.entry.Notice.ID || len(there.Settled) >= len(marks) {
			return there
		}
		next := *there
		next.Settled = marks
		return &next
	})
	if err != nil && work.Err() == nil { // the next time
		w.box.opts.Logger.Warn("cannot store the progress of a notice", "err", err)
	}
}
