package outbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
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
	entry     *record
	supersede func() // begins no more attempts: a newer notice is pending

	// Of these the lock of the outbox is held.
	left  int    // targets that are not settled
	marks []byte // of those that are: they have the notice, or a retry
	saved int    // how much of that is stored, or being stored
}

// startPass starts with a pending notice. The lock is held.
func (s *shard) startPass(ctx, work context.Context, entry *record) {
	ctx, supersede := context.WithCancel(ctx)
	p := &pass{entry: entry, supersede: supersede, marks: slices.Clone(entry.Settled), saved: len(entry.Settled)}
	s.passes[entry.key] = p
	s.start(func() { s.runPass(ctx, work, p) }, func() {
		supersede()
		delete(s.passes, entry.key)
	})
}

// runPass sends to the targets that are not settled, and ends when each is, when the notice
// is superseded, or when the worker stops. A delivery in flight is settled before long. A
// host has a queue of its own, so that a slow one holds up no other.
func (s *shard) runPass(ctx, work context.Context, p *pass) {
	n := p.entry.Notice
	payload, err := s.pack(ctx, work, n)
	if err != nil {
		return
	}
	var hosts errgroup.Group
	hosts.SetLimit(maxHosts)
	for _, targets := range s.unsettled(p) {
		hosts.Go(func() error {
			var queue errgroup.Group
			queue.SetLimit(s.opts.PerHost)
			for _, to := range targets {
				if ctx.Err() != nil {
					break
				}
				queue.Go(func() error {
					s.firstAttempt(ctx, work, &delivery{pass: p, notice: n, payload: payload, target: to})
					return nil
				})
			}
			return queue.Wait()
		})
	}
	_ = hosts.Wait() // none fails
	s.mu.Lock()
	left, unsaved := p.left, len(p.marks) > p.saved
	s.mu.Unlock()
	if left > 0 {
		if unsaved {
			s.save(work, p)
		}
		return
	}
	s.persist(work, "a notice that is sent", func() error {
		_, err := s.amend(work, p.entry.key, func(there *record) *record {
			if there == nil || there.Notice.ID != n.ID {
				return there
			}
			next := *there
			next.Done, next.Settled, next.Notice.Data = true, nil, nil
			return &next
		})
		return err
	})
	s.opts.Logger.Debug("a notice is sent", "channel", n.Channel, "feed", n.About, "event", n.ID, "shard", s.number)
}

// pack makes the payload of a notice, or waits before that is tried again. One that can never
// be made is sent all the same, so that each target becomes a dead letter as it would by
// any other error.
func (s *shard) pack(ctx, work context.Context, n Notice) (Payload, error) {
	limited, cancel := context.WithTimeout(work, packTimeout)
	defer cancel()
	payload, err := s.opts.Channels[n.Channel].Pack(limited, n)
	if errors.Is(err, ErrFinal) {
		return unmade{err}, nil
	}
	if err != nil && work.Err() == nil {
		s.opts.Logger.Warn("cannot make a notice, retrying", "channel", n.Channel, "feed", n.About, "err", err, "in", packAgain)
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

// unsettled returns and counts the targets in the shard that do not have the notice, by their
// hosts. Those come first that were sent to longest ago: changes that come quicker than all
// can be sent to would reach the same ones always.
func (s *shard) unsettled(p *pass) (byHost [][]Target) {
	n, settled := p.entry.Notice, map[[markSize]byte]bool{}
	for m := range slices.Chunk(p.entry.Settled, markSize) {
		settled[[markSize]byte(m)] = true
	}
	var all []Target
	s.opts.Channels[n.Channel].Targets(n, func(t Target) bool {
		if shardOf(t.Endpoint) == s.number && (len(settled) == 0 || !settled[mark(t.Key)]) {
			all = append(all, t)
		}
		return true
	})
	last := make(map[string]int, len(all))
	s.mu.Lock()
	p.left = len(all)
	for _, t := range all {
		last[t.Key] = s.sent[deliveryKey{n.Channel, n.About, t.Key}].seq
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b Target) int { return cmp.Or(cmp.Compare(last[a.Key], last[b.Key]), cmp.Compare(a.Key, b.Key)) })
	place := map[string]int{}
	for _, t := range all {
		at, known := place[t.Host]
		if !known {
			at = len(byHost)
			place[t.Host], byHost = at, append(byHost, nil)
		}
		byHost[at] = append(byHost[at], t)
	}
	return byHost
}

// settle notes that a target has the notice, or a retry, and has that stored of many targets
// together.
func (s *shard) settle(work context.Context, d *delivery) {
	m, p := mark(d.target.Key), d.pass
	s.mu.Lock()
	defer s.mu.Unlock()
	p.left--
	p.marks = append(p.marks, m[:]...)
	if len(p.marks)-p.saved >= saveEvery*markSize && p.left > 0 && len(p.marks) <= maxMarks*markSize {
		p.saved = len(p.marks)
		s.start(func() { s.save(work, p) }, func() {})
	}
}

// save stores which targets are settled.
func (s *shard) save(work context.Context, p *pass) {
	s.mu.Lock()
	marks := p.marks // what is appended later is not in it
	s.mu.Unlock()
	_, err := s.amend(work, p.entry.key, func(there *record) *record {
		if there == nil || there.Done || there.Notice.ID != p.entry.Notice.ID || len(there.Settled) >= len(marks) {
			return there
		}
		next := *there
		next.Settled = marks
		return &next
	})
	if err != nil && work.Err() == nil { // the next time
		s.opts.Logger.Warn("cannot store the progress of a notice", "err", err)
	}
}
