package outbox

import (
	"context"
	"errors"
	"sync"
	"time"
)

// delivery is one attempt at one target.
type delivery struct {
	pass  *pass  // nil: a retry
	index int    // of the target, in the pass
	leave func() // has the pass end without the delivery

	retry    uint64         // revision of the record of the retry, as it was when that began
	deferred bool           // a first attempt that took too long, and has become a retry
	grace    sync.WaitGroup // until deferSlow has ended

	notice  Notice
	payload Payload
	target  Target
	ended   time.Time

	limiter *limiter // has the turn at the host
	counts  bool     // among all of the limiter
}

// endpoint lets one delivery at a time go to it.
type endpoint struct {
	turn  chan struct{} // has an element while a delivery is in flight
	slow  chan struct{} // closed when that has exceeded Grace
	users int           // deliveries that are in flight or wait
}

// errDeferred means that a first attempt is not made: its target has a retry, or its
// endpoint is slow.
var errDeferred = errors.New("deferred to a retry")

// acquire waits for the endpoint and then for a turn among all. A first attempt does not wait
// for a slow endpoint, but returns errDeferred. A retry waits for its turn first, so that it
// keeps no first attempt from the endpoint meanwhile.
func (w *worker) acquire(ctx context.Context, d *delivery, l *limiter) error {
	if d.pass == nil {
		if err := d.takeTurn(ctx, l); err != nil {
			return err
		}
	}
	w.mu.Lock()
	e := w.endpoints[d.target.Endpoint]
	if e == nil {
		e = &endpoint{turn: make(chan struct{}, 1), slow: make(chan struct{})}
		w.endpoints[d.target.Endpoint] = e
	}
	e.users++
	slow := e.slow
	w.mu.Unlock()
	if d.pass == nil {
		slow = nil
	}
	select {
	case e.turn <- struct{}{}:
	case <-slow:
		w.leaveEndpoint(d, e)
		return errDeferred
	case <-ctx.Done():
		w.leaveEndpoint(d, e)
		if d.pass == nil {
			d.releaseTurn()
		}
		return ctx.Err()
	}
	if d.pass != nil {
		if err := d.takeTurn(ctx, l); err != nil {
			w.release(d)
			return err
		}
	}
	if w.box.left(w.lease) <= 0 {
		w.lose() // which ends ctx
	}
	if ctx.Err() != nil {
		d.releaseTurn()
		w.release(d)
	}
	return ctx.Err()
}

// release lets the next delivery go to the endpoint.
func (w *worker) release(d *delivery) {
	w.mu.Lock()
	e := w.endpoints[d.target.Endpoint]
	select {
	case <-e.slow:
		e.slow = make(chan struct{})
	default:
	}
	<-e.turn
	w.mu.Unlock()
	w.leaveEndpoint(d, e)
}

func (w *worker) leaveEndpoint(d *delivery, e *endpoint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	delete(w.endpoints, d.target.Endpoint)
	if len(w.endpoints) == 0 {
		w.nudge() // perhaps nothing is in flight any more
	}
}

// first makes the first attempt at a target, or has the notice join the retry that the
// target has.
func (w *worker) first(ctx, work context.Context, d *delivery) {
	outcome := errDeferred
	if !w.box.state.hasRetry(w.shard, d.notice, d.target.Key) {
		outcome = w.acquire(ctx, d, w.box.limits[d.notice.Channel].first)
	}
	switch {
	case outcome == nil:
		defer w.release(d)
		outcome = w.attempt(work, d)
	case !errors.Is(outcome, errDeferred):
		return // superseded, or the worker stops
	}
	if w.note(work, d, outcome) {
		w.settle(work, d)
	}
}

// attempt sends, unless the target has the same version already, or has a retry by now. A
// first attempt that exceeds Grace goes on as a retry.
func (w *worker) attempt(work context.Context, d *delivery) error {
	defer d.releaseTurn()
	if d.pass != nil && w.box.state.hasRetry(w.shard, d.notice, d.target.Key) {
		return errDeferred
	}
	if d.pass != nil && w.hasVersion(d) { // not of a notice to it alone: it may be a new subscription
		return nil
	}
	ctx, cancel := context.WithTimeout(work, w.box.opts.Timeout)
	d.grace.Add(1)
	grace := time.AfterFunc(w.box.opts.Grace, func() {
		defer d.grace.Done()
		w.deferSlow(ctx, work, d)
	})
	err := d.payload.Send(ctx, d.target)
	cancel() // deferSlow need not go on
	if !grace.Stop() {
		d.grace.Wait()
	}
	d.ended = w.box.opts.Now()
	if err == nil {
		w.box.metrics.count(d.notice, outcomeSent)
	}
	w.noteSent(d, err)
	return err
}

func (d *delivery) takeTurn(ctx context.Context, l *limiter) error {
	err := l.acquire(ctx, d.target.Host)
	d.limiter, d.counts = l, err == nil
	return err
}

func (d *delivery) releaseTurn() {
	if d.counts {
		d.limiter.all.Release(1)
	}
	d.limiter.leave(d.target.Host, 1)
}

// deferSlow has a slow delivery count no longer among all, and makes a first attempt in
// flight a retry, so that its pass need not wait for it. First attempts that wait for the
// same endpoint are deferred, too. sending ends with the delivery.
func (w *worker) deferSlow(sending, work context.Context, d *delivery) {
	w.mu.Lock()
	close(w.endpoints[d.target.Endpoint].slow)
	w.mu.Unlock()
	if d.pass == nil {
		d.limiter.all.Release(1)
		d.counts = false
		return
	}
	now := w.box.opts.Now()
	slow := retry{
		Attempts: 1, First: now, Last: now, Reason: "no answer yet",
		Wait: span(w.box.opts.Timeout + w.box.opts.FirstRetry), Hold: span(growth * w.box.opts.FirstRetry),
	}
	for {
		var err error
		d.retry, err = w.box.join(work, w.shard, d.notice, d.target, slow)
		if err == nil || leftAlone(err) {
			break
		}
		w.box.opts.Logger.Warn("cannot store the retry of a slow target, which holds up others", "target", d.target.Name, "err", err)
		select {
		case <-sending.Done():
			return
		case <-time.After(writeAgain):
		}
	}
	d.deferred = true
	w.settle(work, d)
	d.leave()
	d.limiter.all.Release(1)
	d.counts = false
	if retries := w.box.limits[d.notice.Channel].retries; retries.acquireHost(d.target.Host) {
		d.limiter.leave(d.target.Host, 1)
		d.limiter = retries
	}
}

// maxSent bounds the targets of a shard whose last version is remembered.
const maxSent = 50_000

// deliveryKey names a feed or other subject of a target.
type deliveryKey struct{ channel, about, target string }

// lastSent is the last version that a target was sent.
type lastSent struct {
	version string // empty: not certain
	seq     int    // it grows
}

// hasVersion reports whether the target was sent the same before: a notice may lead to
// what the next is about.
func (w *worker) hasVersion(d *delivery) bool {
	version := d.payload.Version()
	w.mu.Lock()
	defer w.mu.Unlock()
	return version != "" && w.lease.sent[d.key()].version == version
}

func (d *delivery) key() deliveryKey {
	return deliveryKey{d.notice.Channel, d.notice.About, d.target.Key}
}

// noteSent notes which version the target has. That is certain only of the first attempt at a
// notice with which no other node has begun: any other may be dropped by the target,
// because it has seen the id. A target may have taken what failed.
func (w *worker) noteSent(d *delivery, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.lease.sent) >= maxSent {
		clear(w.lease.sent)
	}
	last := lastSent{seq: w.lease.sent[d.key()].seq}
	if err == nil {
		w.lease.seq++
		last.seq = w.lease.seq
		if d.pass != nil && d.pass.entry.revision > w.lease.begun {
			last.version = d.payload.Version()
		}
	}
	w.lease.sent[d.key()] = last
}

// note stores the outcome of a delivery, and reports whether it is stored. Until then its
// endpoint is not free.
func (w *worker) note(work context.Context, d *delivery, outcome error) bool {
	return w.persist(work, "a delivery to "+d.target.Name, func() error {
		switch {
		case errors.Is(outcome, errDeferred):
			_, err := w.box.join(work, w.shard, d.notice, d.target, retry{})
			return err
		case outcome != nil && work.Err() != nil:
			return work.Err() // it was cut: the outcome is not known
		case outcome != nil:
			return w.fail(work, d, outcome)
		}
		return w.clear(work, d)
	})
}

// clear removes the retry of a target that has the notice. One that has changed since d
// began is restarted: a notice has joined it.
func (w *worker) clear(work context.Context, d *delivery) error {
	if d.pass != nil && !d.deferred {
		return nil // it had none
	}
	_, err := w.box.amendRetry(work, retryKey(w.shard, d.notice, d.target.Key), func(there *retry) *retry {
		if there == nil || there.revision == d.retry {
			return nil
		}
		next := *there
		next.restart()
		return &next
	})
	return err
}
