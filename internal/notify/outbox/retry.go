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

// startRetry starts with a retry that is due, if it can. The lock is held.
func (s *shard) startRetry(ctx, work context.Context, r *record) {
	to := r.receiver()
	if _, parked := s.parked[r.key]; parked || s.retrying[to] || len(s.retrying) == maxRetrying {
		return
	}
	s.retrying[to] = true
	s.start(func() { s.retry(ctx, work, r) }, func() { delete(s.retrying, to) })
}

// retry sends to the target of a retry. One that is no longer a target is forgotten.
func (s *shard) retry(ctx, work context.Context, r *record) {
	d := &delivery{retry: r.revision, notice: r.Notice}
	for _, older := range r.Older {
		d.notice = s.both(older, d.notice)
	}
	channel, found := s.opts.Channels[r.Notice.Channel], false
	for n := 0; ; n++ { // a new target may become known here later than its retry
		if d.target, found = channel.Target(d.notice, r.Target); found || n == targetTries {
			break
		}
		pause(ctx, targetAgain)
	}
	if ctx.Err() != nil {
		return
	}
	if !found {
		if err := s.remove(work, r); err != nil {
			pause(ctx, writeAgain)
		}
		return
	}
	if !s.admit(r.key, d.target.Host) {
		return
	}
	defer s.dismiss(d.target.Host)
	only := d.notice
	only.To = r.Target
	var err error
	if d.payload, err = s.pack(ctx, work, only); err != nil {
		return
	}
	if s.acquire(ctx, d) != nil {
		return // the worker stops
	}
	if s.find(r.key).rev() != r.revision { // another notice has joined it, or it was forgotten
		d.release()
		d.endpoint.release()
		return
	}
	s.attempt(work, d)
}

// admit reports whether a retry may go on. Retries to one host are handled at most PerHost
// at a time, so that one dead host does not take all places. The others are parked until one
// to the host has ended.
func (s *shard) admit(key, host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if (turn{s.admitted, host}).try() {
		return true
	}
	s.parked[key] = host
	return false
}

func (s *shard) dismiss(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	turn{s.admitted, host}.release()
	maps.DeleteFunc(s.parked, func(_, parked string) bool { return parked == host })
}

// fail stores that a delivery failed: it is retried later, or becomes a dead letter. That
// is reported before the retry is removed: a crash between the two reports it again.
func (s *shard) fail(work context.Context, d *delivery, cause error) error {
	key := retryKey(s.number, d.notice, d.target.Key)
	next := s.failed(d, s.find(key), cause)
	wait, again := s.wait(next, cause)
	log := s.opts.Logger.With("channel", d.notice.Channel, "feed", d.notice.About, "target", d.target.Name, "attempts", next.Attempts, "err", next.Reason)
	if again {
		_, err := s.amend(work, key, func(there *record) *record {
			next := s.failed(d, there, cause)
			next.Wait, next.Hold = span(wait), span(growth*s.opts.FirstRetry)
			if later, ok := errors.AsType[*RetryError](cause); ok {
				next.Hold = max(next.Hold, span(later.After))
			}
			return &next
		})
		if err == nil {
			s.metrics.count(d.notice, outcomeRetried)
			log.Info("a delivery failed and is retried", "in", wait)
		}
		return err
	}
	next.Notice, next.Older = d.notice, nil // what has joined it since is still to be sent
	if err := s.addDead(work, next); err != nil && !leftAlone(err) {
		return err
	}
	if err := s.opts.Failed(work, next.deadLetter()); err != nil {
		return fmt.Errorf("report a dead letter: %w", err)
	}
	if err := s.clear(work, d); err != nil {
		return err
	}
	s.metrics.count(d.notice, outcomeDead)
	log.Warn("a delivery failed for good: see \"gallerywire notices list\"")
	return nil
}

// failed is the retry after d failed; there may be nil.
func (s *shard) failed(d *delivery, there *record, cause error) record {
	next := record{Shard: s.number, Notice: d.notice, Target: d.target.Key, First: d.ended}
	if there != nil {
		next = there.now()
		if d.first() {
			next.Notice = s.both(there.Notice, d.notice)
		}
	}
	if next.First.IsZero() {
		next.First, next.Lasted = d.ended, 0
	}
	if there == nil || d.pass == nil {
		next.Attempts++ // that of a first attempt that was slow counts already
	}
	text := strings.Join(strings.Fields(cause.Error()), " ")
	next.Name, next.Last, next.Reason = d.target.Name, d.ended, gallery.Clip(text, maxReason)
	return next
}

// wait is in how long the target is tried again, if it is.
func (b *Outbox) wait(r record, cause error) (wait time.Duration, again bool) {
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
