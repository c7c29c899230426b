package outbox

import (
	"context"
	"errors"
	"sync"
	"time"
)

// shift is the work of this node on a shard, for as long as something is to be
// done there and it has the lease. All deliveries in the shard's lanes go
// through it.
type shift struct {
	box   *Outbox
	shard int
	wake  chan struct{}
	hands sync.WaitGroup // deliveries, and what they write

	mu     sync.Mutex
	passes map[string]*pass     // by the key of what is owed
	again  map[string]*delivery // second and later attempts in hand, by the key of what is late
	lanes  map[string][]*delivery
	hand   map[*delivery]struct{} // deliveries under way, or waiting for their lane
	told   map[hearing]string
	starts bool // not looked yet: counts as busy
	over   bool // the lease is lost, or the node stops: nothing more is begun
}

func newShift(b *Outbox, shard int, fresh bool) *shift {
	return &shift{
		box: b, shard: shard, wake: make(chan struct{}, 1), starts: fresh,
		passes: map[string]*pass{}, again: map[string]*delivery{},
		lanes: map[string][]*delivery{}, hand: map[*delivery]struct{}{}, told: map[hearing]string{},
	}
}

// nudge has the shift look at what changed.
func (s *shift) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// busy reports whether first attempts are in hand.
func (s *shift) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts || len(s.passes) > 0
}

// idle reports whether nothing is in hand.
func (s *shift) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.passes) == 0 && len(s.again) == 0 && len(s.hand) == 0
}

// run works until nothing is left to be done at once, the lease is lost, or ctx
// ends.
func (s *shift) run(ctx context.Context) {
	held, err := s.box.take(ctx, s.shard)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, errTaken) {
			s.box.opts.Logger.Warn("what is owed has to wait", "err", err)
			pause(ctx, time.Second)
		}
		return
	}
	// What is under way may come to its end after ctx did.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	lost := s.loop(ctx, work, held)
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.rest(ctx, cancel)
	if !lost {
		s.settle(context.WithoutCancel(ctx))
		s.box.release(context.WithoutCancel(ctx), held)
	}
}

// rest waits for what is under way: for good, or until it has had its time.
func (s *shift) rest(ctx context.Context, cancel func()) {
	ended := make(chan struct{})
	go func() {
		s.hands.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-time.After(farewell):
	}
	cancel()
	<-ended
}

// loop does what is due and renews the lease. It reports whether that was lost.
func (s *shift) loop(ctx, work context.Context, held *held) (lost bool) {
	renew := time.NewTicker(s.box.opts.Lease / 3)
	defer renew.Stop()
	grace := time.NewTicker(max(s.box.opts.Grace/4, time.Millisecond))
	defer grace.Stop()
	for {
		s.begin(work)
		s.part(work)
		s.settle(work)
		if s.idle() {
			if wait, _ := s.box.due(s.shard); wait != 0 {
				return false
			}
			continue
		}
		select {
		case <-s.wake:
		case <-grace.C:
		case <-renew.C:
			if err := s.box.renew(work, held); errors.Is(err, errTaken) {
				s.box.opts.Logger.Warn("another node took over what is owed: something may be sent twice, with the same id", "shard", s.shard)
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}
