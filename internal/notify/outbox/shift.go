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
	said   map[hearing]saying
	turn   int
	since  uint64 // nobody has begun with what was written after this revision
	cut    func() // ends the loop, with what it is just writing
	starts bool   // not looked yet: counts as busy
	lost   bool   // the lease is
	over   bool   // the lease is lost, or the node stops: nothing more is begun
}

func newShift(b *Outbox, shard int, fresh bool) *shift {
	return &shift{
		box: b, shard: shard, wake: make(chan struct{}, 1), starts: fresh,
		passes: map[string]*pass{}, again: map[string]*delivery{},
		lanes: map[string][]*delivery{}, hand: map[*delivery]struct{}{}, said: map[hearing]saying{},
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
	s.since = held.since
	// What is under way may come to its end after ctx did.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	keeping, stop := context.WithCancel(work)
	var keeper sync.WaitGroup
	looping, cut := context.WithCancel(ctx)
	s.cut = cut
	defer cut()
	keeper.Go(func() { s.box.keep(keeping, held, s.lose) })
	s.loop(looping, work)
	s.end()
	s.linger(cancel)
	last, enough := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer enough()
	if !s.isLost() {
		s.settle(last)
	}
	stop()
	keeper.Wait()
	if !s.isLost() {
		s.box.release(last, held)
	}
}

// lose ends the shift whose lease another node has, or may take soon.
func (s *shift) lose() {
	s.box.opts.Logger.Warn("the lease on what is owed is lost: something may be sent twice, with the same id", "shard", s.shard)
	s.mu.Lock()
	s.lost, s.over = true, true
	s.mu.Unlock()
	s.cut()
	s.nudge()
}

func (s *shift) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

func (s *shift) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

func (s *shift) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// linger waits for what is under way: for good, or until it has had its time.
func (s *shift) linger(cancel func()) {
	ended := make(chan struct{})
	go func() {
		s.hands.Wait()
		close(ended)
	}()
	began, patience := time.Now(), farewell
	for {
		if s.isLost() { // another node may begin soon
			patience = min(farewell, s.box.opts.Lease/4)
		}
		timer := time.NewTimer(patience - time.Since(began))
		select {
		case <-ended:
			timer.Stop()
			return
		case <-s.wake: // perhaps the lease is lost meanwhile
			timer.Stop()
			continue
		case <-timer.C:
		}
		cancel()
		<-ended
		return
	}
}

// loop does what is due until nothing is, the lease is lost, or ctx ends.
func (s *shift) loop(ctx, work context.Context) {
	grace := time.NewTicker(max(s.brief(), time.Millisecond))
	defer grace.Stop()
	for ctx.Err() == nil && !s.isOver() {
		s.begin(work)
		s.part(work)
		s.settle(ctx)
		if s.idle() {
			if wait, _ := s.box.due(s.shard); wait != 0 {
				return
			}
			continue
		}
		select {
		case <-s.wake:
		case <-grace.C:
		case <-ctx.Done():
		}
	}
}
