package websub

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// verification is a record in the bucket of a question whose callback is yet to be asked,
// at most one for a subscription. The node that took the request asks; if that node dies,
// another takes the record over.
type verification struct {
	question
	Request string `json:"request"`         // identifies it, however often the callback is asked
	Node    string `json:"node"`            // asks the callback
	Claims  int    `json:"claims,omitzero"` // how often a node took it over or retried
}

const (
	// plainVerification is the format of a verification, and verificationFormat that of one
	// about a topic with a key. The first differs from that of subscriptions, so that a
	// node that has only those leaves verifications alone.
	plainVerification  = 2
	verificationFormat = plainVerification + 1
	verificationPrefix = "verify."
	// maxAsking and maxAskingPerHost are how many callbacks are asked at a time: a
	// client can name one that hangs.
	maxAsking        = 1024
	maxAskingPerHost = 32
	// claimFor is how long a record belongs to the node that wrote it. askFor bounds
	// asking, which starts within claimFresh of the write, or else with another write.
	claimFor   = 30 * time.Second
	askFor     = 20 * time.Second
	claimFresh = 5 * time.Second
	// maxClaims and claimAgain are how often and after how long a question is retried that
	// this node could not ask, or whose answer it could not store.
	maxClaims  = 3
	claimAgain = 15 * time.Second
)

// pending holds the verifications of the bucket and asks their callbacks.
type pending struct {
	hub  *Hub
	node string
	wake chan struct{}

	mu      sync.Mutex
	waiting map[string]waiting // by key
	asking  map[string]string  // hosts, by callback: one question at a time goes to a callback
}

type waiting struct {
	verification
	revision uint64
	host     string    // of its callback
	stored   time.Time // by this node's monotonic clock
	due      time.Time // likewise
	claim    bool      // it is not asked before it is claimed
	renewal  bool      // or a leave: the subscription exists
}

func (p *pending) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pending) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}

// apply takes a record from the bucket.
func (p *pending) apply(r bucket.Record) {
	defer p.nudge()
	p.mu.Lock()
	before := p.waiting[r.Key]
	delete(p.waiting, r.Key)
	p.mu.Unlock()
	if r.Value == nil {
		return
	}
	w := waiting{revision: r.Revision}
	theirs, err := r.Decode(verificationFormat, &w.verification)
	if err != nil {
		p.hub.opts.Logger.Warn("cannot read a verification", "err", err)
	}
	if err != nil || theirs > verificationFormat {
		return
	}
	w.host = groupOf(w.Callback)
	age := min(max(p.hub.opts.Now().Sub(r.Stored), 0), claimFor)
	w.stored = time.Now().Add(-age)
	w.due, w.claim = w.stored, true
	switch {
	case w.Node == p.node && w.Claims == 0:
		w.claim = false
	case w.Node == p.node:
		w.due = w.stored.Add(claimAgain)
	case p.hub.opts.Alone: // its node was this one before a restart
	case before.Node == w.Node && before.Claims >= w.Claims:
		w.due = before.due // another question does not prolong the claim
	default:
		w.due = w.stored.Add(claimFor)
	}
	p.hub.mu.RLock()
	w.renewal = p.hub.exists(w.question)
	p.hub.mu.RUnlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[r.Key] = w
}

// reset drops everything, which is read again.
func (p *pending) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.waiting)
}

// put stores a question durably. A question in the other mode that waits is asked before
// it. It may be repeated with the same request.
func (p *pending) put(ctx context.Context, q question, request string) error {
	_, err := p.hub.bucket.Amend(ctx, verificationPrefix+q.id().String(), func(there bucket.Record) ([]byte, error) {
		next := verification{question: q, Request: request, Node: p.node}
		if there.Value != nil {
			var old verification
			theirs, err := there.Decode(verificationFormat, &old)
			switch {
			case err != nil:
				return nil, err
			case theirs > verificationFormat:
				return nil, errNewer
			case old.Request == next.Request:
				return nil, bucket.ErrKeep
			}
			next.question, next.Node = next.after(old.question), old.Node
		}
		next.Format = next.Topic.format(plainVerification)
		return bucket.Encode(next)
	})
	return err
}

// run asks until ctx ends. Calls that are cut off then are repeated after a restart, or
// by another node.
func (p *pending) run(ctx context.Context) {
	var asking sync.WaitGroup
	defer asking.Wait()
	for ctx.Err() == nil {
		due, wait := p.next()
		for key, w := range due {
			asking.Go(func() { p.ask(ctx, key, w) })
		}
		timer := time.NewTimer(wait)
		select {
		case <-p.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// next returns the verifications to ask now by key, and how long until the next one is
// due. They count as being asked. Renewals go first: callbacks that hang do not hold them up.
func (p *pending) next() (now map[string]waiting, wait time.Duration) {
	if p.hub.Ready() != nil {
		return nil, time.Minute // subscriptions are being read; the end of that wakes it
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	hosts := map[string]int{}
	for _, host := range p.asking {
		hosts[host]++
	}
	now, wait = map[string]waiting{}, time.Minute
	for _, renewals := range []bool{true, false} {
		for key, w := range p.waiting {
			_, asked := p.asking[w.Callback]
			if w.renewal != renewals || asked || len(p.asking) >= maxAsking || hosts[w.host] >= maxAskingPerHost {
				continue // until one of those being asked has ended
			}
			if left := time.Until(w.due); left > 0 {
				wait = min(wait, left)
				continue
			}
			hosts[w.host]++
			p.asking[w.Callback] = w.host
			now[key] = w
		}
	}
	return now, wait
}

// ask asks the callback of a verification that is due.
func (p *pending) ask(ctx context.Context, key string, w waiting) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	if err := p.complete(ctx, key, &w); err != nil && ctx.Err() == nil {
		p.hub.opts.Logger.Warn("cannot verify a subscription, retrying", "feed", w.Feed, "url", bare(w.Callback), "err", err, "in", claimAgain)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.asking, w.Callback)
	if now, there := p.waiting[key]; there && now.revision == w.revision {
		now.due, now.claim = time.Now().Add(claimAgain), true
		p.waiting[key] = now
	}
	p.nudge()
}

// complete verifies and deletes a record, after claiming it if another node may have. An
// error is this node's and not the callback's.
func (p *pending) complete(ctx context.Context, key string, w *waiting) error {
	if w.claim || time.Since(w.stored) > claimFresh {
		if w.Claims == maxClaims {
			p.hub.opts.Logger.Warn("giving up a verification, its subscriber must repeat the request", "feed", w.Feed, "url", bare(w.Callback))
			_, err := p.hub.deleteAt(ctx, key, w.revision)
			return err
		}
		w.Node, w.Claims = p.node, w.Claims+1
		revision, err := p.hub.bucket.Store(ctx, key, w.verification, w.revision)
		if errors.Is(err, bucket.ErrConflict) {
			return nil // another node has it, or another question came
		}
		if err != nil {
			return err
		}
		w.revision = revision
	}
	if err := p.hub.verify(ctx, w.question, w.Request); err != nil {
		return err
	}
	_, err := p.hub.deleteAt(ctx, key, w.revision) // one that has another question meanwhile stays
	return err
}
