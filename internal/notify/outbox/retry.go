package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"
)

// beginAgain takes what is late in hand unless it is.
func (s *shift) beginAgain(work context.Context, l *late) {
	if s.again[l.key] != nil {
		return
	}
	route := s.box.opts.Routes[l.Notice.Channel]
	d := &delivery{late: l, route: route, notice: l.whole(route)}
	s.again[l.key] = d
	s.hands.Go(func() {
		defer s.nudge()
		if err := s.prepare(work, d); err != nil {
			s.putOff(work, d, err)
		}
	})
}

// prepare finds the target, packs the letter, and submits the delivery. What is
// owed to nobody any more is forgotten.
func (s *shift) prepare(work context.Context, d *delivery) error {
	ctx, cancel := context.WithTimeout(work, packTimeout)
	defer cancel()
	target, ok := d.route.Channel.Target(d.notice, d.late.Target)
	if !ok {
		if err := s.box.remove(ctx, d.late.key, d.late.revision); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.drop(d)
		return nil
	}
	letter, err := d.route.pack(ctx, d.notice)
	if err != nil {
		return err
	}
	d.target, d.letter = target, letter
	s.mu.Lock()
	defer s.mu.Unlock()
	s.submit(work, s.box.porters(d.notice.Channel).again, d)
	return nil
}

// putOff gives back what could not even be tried: that is no attempt.
func (s *shift) putOff(work context.Context, d *delivery, cause error) {
	if work.Err() == nil {
		s.box.opts.Logger.Warn("a notice can not be made and is tried again", "channel", d.notice.Channel, "feed", d.notice.About, "err", cause, "in", packAgain)
	}
	err := s.box.amendLate(work, s.shard, d.late.key, func(there *late) *late {
		if there == nil {
			return nil
		}
		next := there.now()
		next.Wait = span(packAgain)
		return &next
	})
	if err != nil {
		pause(work, noteAgain)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(d)
}

// fail notes that a delivery failed: it is due again later, or given up.
func (s *shift) fail(work context.Context, d *delivery, cause error) error {
	key := lateKey(s.shard, d.notice, d.target.Key)
	there, _, _ := s.box.book.late(s.shard, key)
	next := s.failed(d, there, cause)
	wait, again := s.box.wait(d.route, next, cause)
	if !again {
		return s.giveUp(work, d, next)
	}
	err := s.box.amendLate(work, s.shard, key, func(there *late) *late {
		next := s.failed(d, there, cause)
		next.Wait, next.Hold = span(wait), span(growth*s.box.opts.FirstRetry)
		if later, ok := errors.AsType[*RetryError](cause); ok {
			next.Hold = max(next.Hold, span(later.After))
		}
		return &next
	})
	if err != nil {
		return err
	}
	s.box.meter.retried(d.notice)
	s.box.opts.Logger.Info("a target was not reached and is tried again", "channel", d.notice.Channel, "feed", d.notice.About,
		"target", d.target.Name, "attempt", next.Attempts, "err", next.Reason, "in", wait)
	return nil
}

// failed is what is late after d failed; there may be nil.
func (s *shift) failed(d *delivery, there *late, cause error) late {
	next := late{Format: format, Shard: s.shard, Notice: d.notice, Target: d.target.Key, First: d.ended}
	if there != nil {
		next = there.now()
		// What is late does not say what d does, where d was the first attempt.
		if d.late == nil && !d.left && there.Notice.ID != d.notice.ID && there.Notice.Order.Compare(d.notice.Order) <= 0 {
			next.Notice = d.route.merge(there.Notice, d.notice)
		}
	}
	if next.First.IsZero() {
		next.First, next.Lasted = d.ended, 0
	}
	if there == nil || d.late != nil {
		next.Attempts++ // a slow one is counted already
	}
	next.Name, next.Last, next.Reason = d.target.Name, d.ended, reason(cause)
	return next
}

// growth is by how much the delay grows with each attempt: eight attempts take
// most of a day.
const growth = 4

// maxDelay bounds the delay, and jitter is how far it is spread.
const (
	maxDelay = 12 * time.Hour
	jitter   = 0.2
)

// wait is in how long the target is tried again, if it is.
func (b *Outbox) wait(route Route, l late, cause error) (wait time.Duration, again bool) {
	if errors.Is(cause, ErrFinal) || l.Attempts >= b.attempts(route) {
		return 0, false
	}
	wait = b.opts.FirstRetry
	for range l.Attempts - 1 {
		wait = min(wait*growth, maxDelay)
	}
	wait = time.Duration(float64(wait) * (1 - jitter + 2*jitter*rand.Float64()))
	left := b.opts.GiveUpAfter - time.Duration(l.Lasted)
	if wait > left {
		return 0, false
	}
	if later, ok := errors.AsType[*RetryError](cause); ok {
		wait = min(max(wait, later.After), left) // once more before it is given up
	}
	return wait, true
}

func (b *Outbox) attempts(route Route) int { return cmp.Or(route.Attempts, b.opts.Attempts) }

// encourage has a target tried again soon that is late when there is news for it:
// it may be back. Its attempts count, but leave some for the news.
func (b *Outbox) encourage(route Route, l *late) {
	l.Wait = min(l.Wait, l.Hold)
	l.Attempts = min(l.Attempts, max(b.attempts(route)-2, 1))
}

// whole is what is owed, with what was given up before.
func (l late) whole(route Route) Notice {
	n := l.Notice
	for _, older := range l.Older {
		if older.DeliveryID() != n.DeliveryID() {
			n = route.merge(older, n)
		}
	}
	return n
}

// maxReason bounds what is kept of an error.
const maxReason = 300

// reason is what an error says, on one line.
func reason(err error) string {
	text := strings.ToValidUTF8(strings.Join(strings.Fields(err.Error()), " "), "\uFFFD")
	if len(text) <= maxReason {
		return text
	}
	cut := maxReason
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// giveUp makes a dead letter of what is late. It is told before it is no longer
// late: a crash between the two tells it again.
func (s *shift) giveUp(work context.Context, d *delivery, l late) error {
	l.Notice, l.Older = d.notice, nil // what has joined it since is still to be tried
	dead := l.letter()
	if !d.route.Forget {
		// A dead letter that a newer release wrote about the same is left as it is.
		if err := s.box.bury(work, d.route, l); err != nil && !errors.Is(err, ErrNewerFormat) {
			return err
		}
		if err := s.box.opts.Failed(work, dead); err != nil {
			return fmt.Errorf("tell that a target was given up: %w", err)
		}
	}
	if err := s.clear(work, d); err != nil {
		return err
	}
	s.box.meter.dead(d.notice)
	if !d.route.Forget {
		s.box.opts.Logger.Warn("a target is given up: see \"gallerywire notices list\"", "channel", dead.Channel, "feed", dead.About,
			"target", dead.Target, "attempts", dead.Attempts, "err", dead.Reason)
	}
	return nil
}
