package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

const (
	// growth is by how much the delay grows with each attempt: eight attempts take most of
	// a day. maxDelay bounds the delay, and jitter is how far it is spread.
	growth   = 4
	maxDelay = 12 * time.Hour
	jitter   = 0.2
	// targetTries is how often a target is searched before it counts as removed.
	targetTries = 20
	targetAgain = 100 * time.Millisecond
	// maxReason bounds what is kept of an error, in bytes.
	maxReason = 300
)

// startRetry starts with a retry that is due. The lock is held.
func (w *worker) startRetry(ctx, work context.Context, r *retry) {
	w.retrying[r.receiver()] = true
	w.inFlight.Go(func() {
		w.retry(ctx, work, r)
		w.mu.Lock()
		delete(w.retrying, r.receiver())
		w.mu.Unlock()
		w.nudge()
	})
}

// retry sends to the target of a retry. One that is no longer a target is forgotten.
func (w *worker) retry(ctx, work context.Context, r *retry) {
	d := &delivery{retry: r.revision, notice: r.Notice}
	for _, older := range r.Older {
		d.notice = w.box.both(older, d.notice)
	}
	var found bool
	d.target, found = w.box.opts.Channels[r.Notice.Channel].Target(d.notice, r.Target)
	// A new target may become known here later than its retry.
	for n := 0; !found && n < targetTries && ctx.Err() == nil; n++ {
		pause(ctx, targetAgain)
		d.target, found = w.box.opts.Channels[r.Notice.Channel].Target(d.notice, r.Target)
	}
	if ctx.Err() != nil {
		return
	}
	if !found {
		if err := w.box.remove(work, r.key, r.revision); err != nil {
			pause(ctx, writeAgain)
		}
		return
	}
	if !w.admit(r.key, d.target.Host) {
		return
	}
	defer w.dismiss(d.target.Host)
	only := d.notice
	only.To = r.Target
	var err error
	if d.payload, err = w.pack(ctx, work, only); err != nil {
		return
	}
	if w.acquire(ctx, d, w.box.limits[d.notice.Channel].retries) != nil {
		return // the worker stops
	}
	defer w.release(d)
	if _, revision := w.box.state.retry(r.key); revision != r.revision {
		d.releaseTurn()
		return // another notice has joined it, or it was forgotten
	}
	w.note(work, d, w.attempt(work, d))
}

// admit reports whether a retry may go on. Retries to one host are handled at most PerHost
// at a time, so that one dead host does not take all places. The others are parked until one
// to the host has ended.
func (w *worker) admit(key, host string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.retryingHosts[host] >= w.box.opts.PerHost {
		w.parked[key] = host
		return false
	}
	w.retryingHosts[host]++
	return true
}

func (w *worker) dismiss(host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.retryingHosts[host]--; w.retryingHosts[host] == 0 {
		delete(w.retryingHosts, host)
	}
	maps.DeleteFunc(w.parked, func(_, parked string) bool { return parked == host })
}

// fail stores that a delivery failed: it is retried later, or becomes a dead letter. That
// is reported before the retry is removed: a crash between the two reports it again.
func (w *worker) fail(work context.Context, d *delivery, cause error) error {
	key := retryKey(w.shard, d.notice, d.target.Key)
	there, _ := w.box.state.retry(key)
	next := w.failed(d, there, cause)
	wait, again := w.box.wait(next, cause)
	log := w.box.opts.Logger.With("channel", d.notice.Channel, "feed", d.notice.About, "target", d.target.Name, "attempts", next.Attempts, "err", next.Reason)
	if again {
		_, err := w.box.amendRetry(work, key, func(there *retry) *retry {
			next := w.failed(d, there, cause)
			next.Wait, next.Hold = span(wait), span(growth*w.box.opts.FirstRetry)
			if later, ok := errors.AsType[*RetryError](cause); ok {
				next.Hold = max(next.Hold, span(later.After))
			}
			return &next
		})
		if err == nil {
			w.box.metrics.count(d.notice, outcomeRetried)
			log.Info("a delivery failed and is retried", "in", wait)
		}
		return err
	}
	next.Notice, next.Older = d.notice, nil // what has joined it since is still to be sent
	if err := w.box.addDead(work, next); err != nil && !leftAlone(err) {
		return err
	}
	if err := w.box.opts.Failed(work, next.deadLetter()); err != nil {
		return fmt.Errorf("report a dead letter: %w", err)
	}
	if err := w.clear(work, d); err != nil {
		return err
	}
	w.box.metrics.count(d.notice, outcomeDead)
	log.Warn("a delivery failed for good: see \"gallerywire notices list\"")
	return nil
}

// failed is the retry after d failed; there may be nil.
func (w *worker) failed(d *delivery, there *retry, cause error) retry {
	next := retry{Format: format, Shard: w.shard, Notice: d.notice, Target: d.target.Key, First: d.ended}
	if there != nil {
		next = there.now()
		if d.pass != nil && !d.deferred {
			next.Notice = w.box.both(there.Notice, d.notice)
		}
	}
	if next.First.IsZero() {
		next.First, next.Lasted = d.ended, 0
	}
	if there == nil || d.pass == nil {
		next.Attempts++ // that of a deferred one counts already
	}
	text := strings.Join(strings.Fields(cause.Error()), " ")
	next.Name, next.Last, next.Reason = d.target.Name, d.ended, gallery.Clip(text, maxReason)
	return next
}

// wait is in how long the target is tried again, if it is.
func (b *Outbox) wait(r retry, cause error) (wait time.Duration, again bool) {
	if errors.Is(cause, ErrFinal) || r.Attempts >= b.opts.Attempts {
		return 0, false
	}
	wait = b.opts.FirstRetry
	for range r.Attempts - 1 {
		wait = min(wait*growth, maxDelay)
	}
	wait = time.Duration(float64(wait) * (1 - jitter + 2*jitter*rand.Float64()))
	if later, ok := errors.AsType[*RetryError](cause); ok {
		wait = max(wait, later.After)
	}
	left := b.opts.GiveUpAfter - time.Duration(r.Lasted)
	return min(wait, left), left > 0 // the last attempt is at the limit
}
