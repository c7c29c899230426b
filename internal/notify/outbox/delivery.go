package outbox

import (
	"context"
	"errors"
	"time"
)

// delivery is one attempt at one target.
type delivery struct {
	pass    *pass // nil: a retry
	notice  Notice
	payload Payload
	target  Target

	retry uint64 // revision of the record of the retry, as it was when that began
	slow  bool   // it counts no longer among those of the channel; a first attempt has become a retry
	ended time.Time

	endpoint, host, channel turn
}

// first reports whether it is no retry.
func (d *delivery) first() bool { return d.pass != nil && !d.slow }

// errDeferred means that a first attempt is not made: its target has a retry, or its
// endpoint is slow.
var errDeferred = errors.New("deferred to a retry")

// acquire waits until d may be sent. A first attempt does not wait for a slow endpoint, but
// returns errDeferred. A retry waits for the endpoint last, so that it keeps no first attempt
// from it meanwhile.
func (s *shard) acquire(ctx context.Context, d *delivery) error {
	limits := s.first
	if d.pass == nil {
		limits = s.retried
	}
	d.endpoint = turn{s.endpoints, d.target.Endpoint}
	d.host, d.channel = turn{limits.hosts, d.notice.Channel + " " + d.target.Host}, turn{limits.channels, d.notice.Channel}
	order := []turn{d.endpoint, d.host, d.channel}
	if d.pass == nil {
		order = []turn{d.host, d.channel, d.endpoint}
	}
	for i, t := range order {
		err := t.acquire(ctx, d.pass == nil)
		if err == nil && (s.left() <= 0 || ctx.Err() != nil) {
			t.release()
			err = context.Canceled
		}
		if err != nil {
			for _, had := range order[:i] {
				had.release()
			}
			return err
		}
	}
	return nil
}

// release lets others go to the host and through the channel.
func (d *delivery) release() {
	d.host.release()
	if !d.slow {
		d.channel.release()
	}
}

// firstAttempt makes the first attempt at a target, or has the notice join the retry that the
// target has.
func (s *shard) firstAttempt(ctx, work context.Context, d *delivery) {
	outcome := errDeferred
	if !s.hasRetry(d) {
		outcome = s.acquire(ctx, d)
	}
	switch {
	case outcome == nil && s.hasRetry(d):
		s.end(work, d, errDeferred)
	case outcome == nil && s.hasVersion(d): // not of a notice to it alone: it may be a new subscription
		s.end(work, d, nil)
	case outcome == nil:
		s.attempt(work, d)
	case errors.Is(outcome, errDeferred):
		s.note(work, d, outcome)
	}
}

// hasRetry reports whether the target has a retry about the same.
func (s *shard) hasRetry(d *delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.retries) > 0 && s.retries[retryKey(s.number, d.notice, d.target.Key)] != nil // else its key is not made in vain
}

// attempt sends, and stores the outcome. A first attempt that exceeds Grace goes on as a
// retry, and attempt returns.
func (s *shard) attempt(work context.Context, d *delivery) {
	answer := make(chan error, 1)
	go func() { answer <- s.send(work, d) }()
	grace := time.NewTimer(s.opts.Grace)
	defer grace.Stop()
	select {
	case err := <-answer:
		s.end(work, d, err)
		return
	case <-grace.C:
	}
	d.endpoint.takesLong()
	if d.pass == nil {
		d.channel.release()
		d.slow = true
		s.end(work, d, <-answer)
		return
	}
	for {
		err := s.becomeRetry(work, d)
		if err == nil {
			break
		}
		s.opts.Logger.Warn("cannot store the retry of a slow target, which holds up others", "target", d.target.Name, "err", err)
		select {
		case err := <-answer:
			s.end(work, d, err)
			return
		case <-time.After(writeAgain):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start(func() { s.end(work, d, <-answer) }, func() {})
}

// becomeRetry makes a first attempt in flight a retry, which its pass need not wait for.
func (s *shard) becomeRetry(work context.Context, d *delivery) (err error) {
	now := s.opts.Now()
	d.retry, err = s.join(work, d.notice, d.target, record{
		Attempts: 1, First: now, Last: now, Reason: "no answer yet",
		Wait: span(s.opts.Timeout + s.opts.FirstRetry), Hold: span(growth * s.opts.FirstRetry),
	})
	if err != nil && !leftAlone(err) {
		return err
	}
	s.settle(work, d)
	d.channel.release()
	d.slow = true
	if among := (turn{s.retried.hosts, d.host.key}); among.try() {
		d.host.release()
		d.host = among
	}
	return nil
}

// send returns the target's answer.
func (s *shard) send(work context.Context, d *delivery) error {
	ctx, cancel := context.WithTimeout(work, s.opts.Timeout)
	defer cancel()
	err := d.payload.Send(ctx, d.target)
	d.ended = s.opts.Now()
	if err == nil {
		s.metrics.count(d.notice, outcomeSent)
	}
	s.noteSent(d, err)
	return err
}

// end stores the outcome of a delivery. Until then its endpoint is not free.
func (s *shard) end(work context.Context, d *delivery, outcome error) {
	d.release()
	s.note(work, d, outcome)
	d.endpoint.release()
}

// note stores the outcome of a delivery.
func (s *shard) note(work context.Context, d *delivery, outcome error) {
	stored := s.persist(work, "a delivery to "+d.target.Name, func() error {
		switch {
		case errors.Is(outcome, errDeferred):
			_, err := s.join(work, d.notice, d.target, record{})
			return err
		case outcome != nil && work.Err() != nil:
			return work.Err() // it was cut: the outcome is not known
		case outcome != nil:
			return s.fail(work, d, outcome)
		}
		return s.clear(work, d)
	})
	if stored && d.first() {
		s.settle(work, d)
	}
}

// clear removes the retry of a target that has the notice. One that has changed since d
// began is restarted: a notice has joined it.
func (s *shard) clear(work context.Context, d *delivery) error {
	if d.first() {
		return nil // it had none
	}
	_, err := s.amend(work, retryKey(s.number, d.notice, d.target.Key), func(there *record) *record {
		if there == nil || there.revision == d.retry {
			return nil
		}
		next := *there
		next.restart()
		return &next
	})
	return err
}

// maxSent bounds the targets of a shard whose last version is remembered.
const maxSent = 50_000

// deliveryKey names a feed or other subject of a target.
type deliveryKey struct{ channel, about, target string }

func (d *delivery) key() deliveryKey {
	return deliveryKey{d.notice.Channel, d.notice.About, d.target.Key}
}

// lastSent is the last version that a target was sent.
type lastSent struct {
	version string // empty: not certain
	seq     int    // it grows
}

// hasVersion reports whether the target was sent the same before: a notice may lead to
// what the next is about.
func (s *shard) hasVersion(d *delivery) bool {
	version := d.payload.Version()
	s.mu.Lock()
	defer s.mu.Unlock()
	return version != "" && s.sent[d.key()].version == version
}

// noteSent notes which version the target has. That is certain only of the first attempt at a
// notice with which no other node has begun: any other may be dropped by the target,
// because it has seen the id. A target may have taken what failed.
func (s *shard) noteSent(d *delivery, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sent) >= maxSent {
		clear(s.sent)
	}
	last := lastSent{seq: s.sent[d.key()].seq}
	if err == nil {
		s.seq++
		last.seq = s.seq
		if d.pass != nil && d.pass.entry.revision > s.begun {
			last.version = d.payload.Version()
		}
	}
	s.sent[d.key()] = last
}
