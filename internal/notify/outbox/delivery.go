package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// delivery is one attempt at one target.
type delivery struct {
	pass   *pass // nil: of what is late
	index  int   // of the target, in the pass
	late   *late // nil: the first attempt
	route  Route
	notice Notice
	letter Payload
	target Target

	porter *porter
	began  time.Time     // when it took its lane, or began to wait for it
	waits  bool          // for its lane
	parted chan struct{} // closed when it was tried to make it late meanwhile; nil: it was not
	tried  time.Time     // when that failed
	ended  time.Time     // when it ended, by the wall clock
	left   bool          // it was made late
	sent   bool          // the target was called
}

// submit has d delivered when there is room. The shift's lock is held.
func (s *shift) submit(work context.Context, p *porter, d *delivery) {
	d.porter = p
	s.hands.Add(1)
	p.submit(d.target.Host, func() errand {
		defer s.hands.Done()
		defer s.nudge()
		if !s.admit(d) {
			return p.next(d.target.Host) // d may be submitted anew already
		}
		s.land(work, d, s.attempt(work, d))
		if d.sent && time.Since(d.began) < s.box.opts.Grace/2 {
			p.slow.Remove(d.target.Host) // it keeps up again
		}
		return d.porter.next(d.target.Host)
	})
}

// admit takes the target's lane. It is false where the delivery is not to be
// begun, or has to wait for its lane.
func (s *shift) admit(d *delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting, taken := s.lanes[d.target.Endpoint]
	switch {
	case s.over, d.pass != nil && d.pass.moot, d.left:
		s.drop(d) // it is owed still, something newer is, or it is late now
		return false
	case taken:
		s.lanes[d.target.Endpoint] = append(waiting, d)
	default:
		s.lanes[d.target.Endpoint] = nil
	}
	s.hand[d] = struct{}{}
	d.began, d.waits = time.Now(), taken
	return !taken
}

// drop lets go of what is not begun.
func (s *shift) drop(d *delivery) {
	if d.late != nil {
		delete(s.again, d.late.key)
	}
}

// errWaits means that the target has something older waiting, of which the
// notice is a part now.
var errWaits = errors.New("waits with what is late")

// attempt sends, but not past what waits for the same target.
func (s *shift) attempt(work context.Context, d *delivery) error {
	if d.late == nil && s.behind(d.notice, d.target) {
		return errWaits
	}
	if s.hasHeard(d) {
		return nil
	}
	ctx, cancel := context.WithTimeout(work, s.box.opts.Timeout)
	defer cancel()
	d.sent = true
	err := d.letter.Send(ctx, d.target)
	if err != nil {
		s.doubt(d)
		return err
	}
	s.box.meter.sent(d.notice)
	s.tell(d)
	return nil
}

// hearing is what a target was told about, in this shift.
type hearing struct{ channel, about, target string }

// saying is what it was told last.
type saying struct {
	says string // empty: nobody knows
	turn int    // it grows
}

func (d *delivery) hearing() hearing { return hearing{d.notice.Channel, d.notice.About, d.target.Key} }

// hasHeard reports whether the target was told the same before: a notice may say
// already what the next is about.
func (s *shift) hasHeard(d *delivery) bool {
	says := d.letter.Version()
	s.mu.Lock()
	defer s.mu.Unlock()
	return says != "" && s.said[d.hearing()].says == says
}

// doubt forgets what the target was told last: it may have taken what failed.
func (s *shift) doubt(d *delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := s.said[d.hearing()]; ok {
		s.said[d.hearing()] = saying{turn: h.turn}
	}
}

// tell notes what the target was told. Only of the first attempt at a notice it is
// known what the target made of it: any other may be one that it drops, because it
// has seen the id.
func (s *shift) tell(d *delivery) {
	var says string
	if d.pass != nil && s.fresh(d.pass) {
		says = d.letter.Version()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	s.said[d.hearing()] = saying{says, s.turn}
}

// fresh reports whether nobody has begun with the notice before this shift.
func (s *shift) fresh(p *pass) bool { return p.entry.revision > s.since }

// land notes what became of a delivery and makes way for the next in its lane.
// While it can not be noted the lane stays taken.
func (s *shift) land(work context.Context, d *delivery, outcome error) {
	s.mu.Lock()
	parted := d.parted
	delete(s.hand, d) // it does not part any more
	s.mu.Unlock()
	if parted != nil {
		<-parted
	}
	d.ended = s.box.opts.Now()
	noted := s.noted(work, d, outcome)
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.pass != nil && noted {
		d.pass.settle(d.index)
	}
	if d.late != nil {
		delete(s.again, d.late.key)
	}
	waiting := s.lanes[d.target.Endpoint]
	delete(s.lanes, d.target.Endpoint)
	for _, next := range waiting {
		delete(s.hand, next)
		s.submit(work, next.porter, next)
	}
}

// noteAgain is how long it takes until what could not be noted is tried again.
const noteAgain = time.Second

// noted notes the outcome for whoever works on the shard next. It tries until
// the shift is over.
func (s *shift) noted(work context.Context, d *delivery, outcome error) bool {
	for {
		err := s.note(work, d, outcome)
		if errors.Is(err, ErrNewerFormat) {
			s.box.opts.Logger.Warn("what a target is late with is left to a newer release, which wrote it", "target", d.target.Name)
			return true
		}
		if err == nil {
			return true
		}
		if s.isOver() || work.Err() != nil {
			return false
		}
		s.box.opts.Logger.Warn("what became of a delivery can not be noted, trying again", "target", d.target.Name, "err", err)
		pause(work, noteAgain)
	}
}

func (s *shift) note(work context.Context, d *delivery, outcome error) error {
	if errors.Is(outcome, errWaits) {
		return s.delay(work, d, true)
	}
	if outcome != nil {
		if work.Err() != nil {
			return work.Err() // the node stops: nobody knows what became of it
		}
		return s.fail(work, d, outcome)
	}
	if d.late != nil || d.left {
		return s.clear(work, d)
	}
	return nil
}

// clear ends what the target was late with, or begins anew with what has joined
// it since.
func (s *shift) clear(work context.Context, d *delivery) error {
	if err := s.differs(work, d); err != nil {
		return err
	}
	key := lateKey(s.shard, d.notice, d.target.Key)
	for range maxConflicts {
		there, revision, _ := s.box.book.late(s.shard, key)
		if there == nil {
			return nil
		}
		if _, more := there.beside(d); more {
			return s.box.amendLate(work, s.shard, key, func(there *late) *late {
				if there == nil {
					return nil
				}
				next, _ := there.beside(d)
				next.begin()
				return &next
			})
		}
		err := s.box.remove(work, key, revision)
		if !errors.Is(err, bucket.ErrConflict) {
			return err
		}
		if err := s.box.refresh(work, key); err != nil {
			return err
		}
	}
	return errGaveWay
}

// differs notes that not all targets have what they were told last: the one that was
// late may have something else.
func (s *shift) differs(work context.Context, d *delivery) error {
	if d.route.Forget {
		return nil
	}
	key := owedKey(s.shard, d.notice)
	s.mu.Lock()
	p := s.passes[key]
	if p != nil {
		p.differs = true
	}
	s.mu.Unlock()
	err := s.box.amendOwed(work, s.shard, key, func(there *owed) *owed {
		if there == nil || there.Says == "" && p == nil { // a pass may be about to note what it says
			return nil
		}
		next := *there
		next.Says = ""
		return &next
	})
	if errors.Is(err, ErrNewerFormat) {
		return nil // that release sees to it
	}
	return err
}

// beside is what is left of what is late without what d was about, if anything is:
// what has joined it since.
func (l late) beside(d *delivery) (rest late, more bool) {
	if l.Notice.ID != d.notice.ID {
		return l, true
	}
	sent := 0
	if d.late != nil {
		sent = min(len(d.late.Older), len(l.Older))
	}
	older := l.Older[sent:]
	if len(older) == 0 {
		return l, false
	}
	l.Notice, l.Older = older[len(older)-1], older[:len(older)-1]
	return l, true
}

// part makes first attempts that take long late, so that the others need not
// wait for them: at once those that wait for a lane though something about the
// same is late. They go on, and end what is late if they succeed.
func (s *shift) part(work context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for d := range s.hand {
		if d.late != nil || d.parted != nil || time.Since(d.tried) < noteAgain || d.waits && d.pass.moot {
			continue
		}
		if s.slow(d) || d.waits && s.behind(d.notice, d.target) {
			d.parted = make(chan struct{})
			waits := d.waits
			s.hands.Go(func() { s.leave(work, d, waits) })
		}
	}
}

// brief is for how long a host that was slow lately is waited for.
func (s *shift) brief() time.Duration { return s.box.opts.Grace / 10 }

// slow reports whether d has taken too long.
func (s *shift) slow(d *delivery) bool {
	took := time.Since(d.began)
	return took >= s.box.opts.Grace || took >= s.brief() && !d.waits && d.porter.slow.Contains(d.target.Host)
}

// moot reports whether something newer is owed than d.
func (s *shift) moot(d *delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return d.pass != nil && d.pass.moot
}

// behind reports whether the target is late with something about the same.
func (s *shift) behind(n Notice, t Target) bool {
	if !s.box.book.anyLate(s.shard) {
		return false // the key of what there may be is not for nothing
	}
	l, _, _ := s.box.book.late(s.shard, lateKey(s.shard, n, t.Key))
	return l != nil
}

// leave takes a slow delivery out of its pass.
func (s *shift) leave(work context.Context, d *delivery, waits bool) {
	defer s.nudge()
	defer close(d.parted)
	err := s.delay(work, d, waits)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !errors.Is(err, ErrNewerFormat) {
		s.box.opts.Logger.Warn("a slow target keeps others waiting", "target", d.target.Name, "err", err)
		d.parted, d.tried = nil, time.Now()
		return
	}
	if !waits {
		d.porter.slow.Add(d.target.Host, struct{}{})
		if again := s.box.porters(d.notice.Channel).again; again.join(d.target.Host) {
			d.porter.leave(d.target.Host)
			d.porter = again
		}
	}
	d.left = true
	d.pass.settle(d.index)
}

// delay makes the delivery late: one that is under way when that must have come
// to its end, one that waits for its lane at once.
func (s *shift) delay(work context.Context, d *delivery, waits bool) error {
	return s.box.amendLate(work, s.shard, lateKey(s.shard, d.notice, d.target.Key), func(there *late) *late {
		switch {
		case there != nil && there.Notice.ID == d.notice.ID:
			return nil
		case there != nil && s.moot(d):
			return nil // what replaced it says it too
		case there != nil:
			more := there.now()
			more.Notice = d.route.merge(there.Notice, d.notice)
			s.box.encourage(d.route, &more)
			return &more
		}
		l := &late{Format: format, Shard: s.shard, Notice: d.notice, Target: d.target.Key, Name: d.target.Name}
		if !waits {
			now := s.box.opts.Now()
			l.Attempts, l.First, l.Last, l.Reason = 1, now, now, "no answer yet"
			l.Wait, l.Hold = span(s.box.opts.Timeout+s.box.opts.FirstRetry), span(growth*s.box.opts.FirstRetry)
		}
		return l
	})
}
