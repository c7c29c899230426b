package outbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// pass is the first attempt of all targets that a notice has in a shard.
type pass struct {
	entry   *owed
	route   Route
	letter  Payload // nil: being packed
	settled []bool  // of the targets, by their keys' order: told, or late
	keys    []string
	count   int  // how many are settled
	saved   int  // how many were when it was noted
	moot    bool // something newer is owed: no more of it is begun
	differs bool // a target may have something else than what the letter says
}

// settle notes that a target is told, or late. The shift's lock is held.
func (p *pass) settle(index int) {
	if !p.settled[index] {
		p.settled[index] = true
		p.count++
	}
}

// told are the keys of the targets that are settled. The shift's lock is held.
func (p *pass) told() []string {
	var keys []string
	for i, settled := range p.settled {
		if settled {
			keys = append(keys, p.keys[i])
		}
	}
	return keys
}

// stride is how many targets are told until that is noted: after a crash so many are
// told again in each shard, and those that were told while it was being noted.
const stride = 200

// maxTold is how many told targets are noted of a shard: a record has its limit.
const maxTold = 50_000

// packTimeout bounds what making a letter may wait for.
const packTimeout = 30 * time.Second

// begin takes in hand what is due and is not.
func (s *shift) begin(work context.Context) {
	fresh, again := s.dueNow()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts = false
	for _, o := range fresh {
		s.beginPass(work, o)
	}
	for _, l := range again {
		s.beginAgain(work, l)
	}
}

func (s *shift) dueNow() (fresh []*owed, again []*late) {
	now := time.Now()
	s.box.book.read(func(shards []part, _ map[string]*late) {
		for key, o := range shards[s.shard].owed {
			if s.box.knows(o.Notice) && !shards[s.shard].aside[key].After(now) {
				fresh = append(fresh, o)
			}
		}
		for _, l := range shards[s.shard].late {
			if l.left() == 0 && s.box.knows(l.Notice) {
				again = append(again, l)
			}
		}
	})
	return fresh, again
}

// beginPass begins with a notice unless that is in hand. Of one that it replaces
// nothing more is begun; what is under way keeps its lanes.
func (s *shift) beginPass(work context.Context, o *owed) {
	if old := s.passes[o.key]; old != nil {
		if old.entry.Notice.ID == o.Notice.ID {
			return
		}
		old.moot = true
	}
	p := &pass{entry: o, route: s.box.opts.Routes[o.Notice.Channel]}
	s.passes[o.key] = p
	s.hands.Go(func() { s.pack(work, p) })
}

// pack makes the letter and hands out its deliveries.
func (s *shift) pack(work context.Context, p *pass) {
	defer s.nudge()
	ctx, cancel := context.WithTimeout(work, packTimeout)
	defer cancel()
	letter, err := p.route.pack(ctx, p.entry.Notice)
	if err != nil {
		s.postpone(work, p, err)
		return
	}
	targets := s.targets(p)
	// Of what somebody may have begun with before, some may have been told something else since.
	if s.fresh(p) && letter.Version() != "" && letter.Version() == p.entry.Says {
		targets = slices.DeleteFunc(targets, func(t Target) bool { return !s.behind(p.entry.Notice, t) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.letter = letter
	p.settled = make([]bool, len(targets))
	p.keys = make([]string, len(targets))
	for i, t := range targets {
		p.keys[i] = t.Key
	}
	porter := s.box.porters(p.entry.Notice.Channel).first
	for _, i := range s.turns(p, targets) {
		s.submit(work, porter, &delivery{pass: p, index: i, route: p.route, notice: p.entry.Notice, letter: letter, target: targets[i]})
	}
}

// pack makes the letter. One that can never be made is sent all the same, so that
// each of its targets is given up as any other.
func (r Route) pack(ctx context.Context, n Notice) (Payload, error) {
	letter, err := r.Channel.Pack(ctx, n)
	if errors.Is(err, ErrFinal) {
		return unmade{err}, nil
	}
	return letter, err
}

// unmade stands for a letter that can never be made.
type unmade struct{ err error }

// Version implements [Payload].
func (unmade) Version() string { return "" }

// Send implements [Payload].
func (u unmade) Send(context.Context, Target) error { return u.err }

// postpone gives a notice back that could not be packed.
func (s *shift) postpone(work context.Context, p *pass, err error) {
	if work.Err() == nil {
		s.box.opts.Logger.Warn("a notice can not be made and is tried again",
			"channel", p.entry.Notice.Channel, "feed", p.entry.Notice.About, "err", err, "in", packAgain)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.passes[p.entry.key] == p {
		s.box.book.putAside(s.shard, p.entry.key, packAgain)
		delete(s.passes, p.entry.key)
	}
}

// packAgain is when a letter that could not be made is tried again.
const packAgain = 5 * time.Second

// targets are those of the shard that are not told already.
func (s *shift) targets(p *pass) []Target {
	told := map[[markSize]byte]bool{}
	for m := range slices.Chunk(p.entry.Told, markSize) {
		told[[markSize]byte(m)] = true
	}
	var all []Target
	eachTarget(p.route, p.entry.Notice, func(t Target) {
		if shardOf(t.Endpoint) == s.shard && (len(told) == 0 || !told[mark(t.Key)]) {
			all = append(all, t)
		}
	})
	slices.SortFunc(all, func(a, b Target) int { return cmp.Compare(a.Key, b.Key) })
	return all
}

// turns is the order in which the targets of a pass are told, as indices: first
// those that were not told of the same lately. Changes that come quicker than all
// can be told would reach the first ones only. The shift's lock is held.
func (s *shift) turns(p *pass, targets []Target) []int {
	order := make([]int, len(targets))
	for i := range order {
		order[i] = i
	}
	if len(s.said) == 0 {
		return order
	}
	last := make([]int, len(targets))
	for i, t := range targets {
		last[i] = s.said[hearing{p.entry.Notice.Channel, p.entry.Notice.About, t.Key}].turn
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(last[a], last[b]) })
	return order
}

// settle notes how far the passes are. A pass that is through is no longer owed.
func (s *shift) settle(ctx context.Context) {
	for p, told := range s.progressed() {
		if len(told) == len(p.keys) {
			s.finish(ctx, p)
		} else {
			s.save(ctx, p, told)
		}
	}
}

// progressed are the passes of which more is told than was noted, and to whom:
// enough of it, or, when the shift is over, anything.
func (s *shift) progressed() map[*pass][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[*pass][]string{}
	for _, p := range s.passes {
		if p.letter == nil {
			continue
		}
		more := p.count - p.saved
		if p.count == len(p.keys) || p.count <= maxTold && (more >= stride || more > 0 && s.over) {
			found[p] = p.told()
		}
	}
	return found
}

func (s *shift) save(ctx context.Context, p *pass, told []string) {
	marks := slices.Clone(p.entry.Told)
	for _, key := range told {
		m := mark(key)
		marks = append(marks, m[:]...)
	}
	err := s.box.amendOwed(ctx, s.shard, p.entry.key, func(there *owed) *owed {
		if there == nil || there.Notice.ID != p.entry.Notice.ID {
			return nil
		}
		moved := *there
		moved.Told = marks
		return &moved
	})
	if err != nil {
		s.box.opts.Logger.Warn("what is sent can not be noted, trying again", "err", err)
		return
	}
	p.saved = len(told)
}

// finish notes that all were told. What they were told counts for a newer notice
// too: it may say the same.
func (s *shift) finish(ctx context.Context, p *pass) {
	err := s.noteTold(ctx, p)
	if err != nil && !errors.Is(err, ErrNewerFormat) { // else what is owed now is that release's
		s.box.opts.Logger.Warn("what is sent can not be noted, trying again", "err", err)
		return
	}
	s.mu.Lock()
	if s.passes[p.entry.key] == p {
		delete(s.passes, p.entry.key)
	}
	s.mu.Unlock()
	s.box.opts.Logger.Debug("a notice is sent", "channel", p.entry.Notice.Channel, "feed", p.entry.Notice.About,
		"event", p.entry.Notice.ID, "targets", len(p.keys), "shard", s.shard)
	s.box.look() // there is room for another shard
}

func (s *shift) noteTold(ctx context.Context, p *pass) error {
	if p.route.Forget {
		there, revision, _ := s.box.book.owed(s.shard, p.entry.key)
		if there == nil || there.Notice.ID != p.entry.Notice.ID {
			return nil
		}
		err := s.box.remove(ctx, p.entry.key, revision)
		if errors.Is(err, bucket.ErrConflict) {
			return s.box.refresh(ctx, p.entry.key)
		}
		return err
	}
	return s.box.amendOwed(ctx, s.shard, p.entry.key, func(there *owed) *owed {
		if there == nil {
			return nil
		}
		told := *there
		told.Says = ""
		s.mu.Lock()
		if s.fresh(p) && !p.differs { // else some were told by somebody else, perhaps something else
			told.Says = p.letter.Version()
		}
		s.mu.Unlock()
		if there.Notice.ID == p.entry.Notice.ID {
			told.Done, told.Told, told.Notice.Data, told.Notice.To = true, nil, nil, nil
		}
		return &told
	})
}
