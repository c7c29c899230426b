package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DeadLetter is a notice that a target did not get, and that is not retried any more.
type DeadLetter struct {
	Key      string    `json:"key"` // names it for Retry and Forget
	Channel  string    `json:"channel"`
	About    string    `json:"about"`
	ID       string    `json:"id"` // of the notice
	Target   string    `json:"target"`
	To       string    `json:"-"` // the target's key in its channel
	Attempts int       `json:"attempts"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Reason   string    `json:"reason"`
	Data     []byte    `json:"data,omitempty"` // the channel's own
}

// PendingRetry is a notice that is still to be sent to a target.
type PendingRetry struct {
	DeadLetter
	Due time.Time `json:"due"` // its next attempt
}

func (r *record) deadLetter() DeadLetter {
	return DeadLetter{
		Key: shortHash(r.Notice.Channel, r.Notice.About, r.Target), Channel: r.Notice.Channel, About: r.Notice.About, ID: r.Notice.ID,
		Target: r.Name, To: r.Target, Attempts: r.Attempts, First: r.First, Last: r.Last, Reason: r.Reason, Data: r.Notice.Data,
	}
}

// maxDead and maxDeadOfTarget are how many dead letters are kept, of all and of each target,
// and maxDeadBytes how many bytes of each; the oldest go first. One target with many notices
// must not push out those of others.
const (
	maxDead         = 10_000
	maxDeadOfTarget = 1000
	maxDeadBytes    = 16 << 20
)

// ErrNoDeadLetter means that there is no dead letter of that name.
var ErrNoDeadLetter = errors.New("there is no such dead letter")

// DeadLetters returns the dead letters, the oldest first.
func (b *Outbox) DeadLetters() []DeadLetter {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []DeadLetter
	for _, r := range b.dead {
		all = append(all, r.deadLetter())
	}
	slices.SortFunc(all, func(a, b DeadLetter) int { return cmp.Or(a.Last.Compare(b.Last), strings.Compare(a.Key, b.Key)) })
	return all
}

// Retries returns what is retried, the next first.
func (b *Outbox) Retries() []PendingRetry {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []PendingRetry
	for _, s := range b.shards {
		for _, r := range s.retries {
			next := PendingRetry{r.deadLetter(), b.opts.Now().Add(r.left())}
			next.Data = nil // it may be what only the channel should see
			all = append(all, next)
		}
	}
	slices.SortFunc(all, func(a, b PendingRetry) int { return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.Key, b.Key)) })
	return all
}

// Waiting counts the notices that are still to be sent to a target of that channel alone, and
// their bytes. It reads memory only.
func (b *Outbox) Waiting(channel string, t Target) (n, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.shards[shardOf(t.Endpoint)].retries {
		if r.receiver() == (receiver{channel, t.Key}) {
			n++
			bytes += r.size()
		}
	}
	return n, bytes
}

// Pending returns by channel how much is still to be sent: pending notices in shards, and
// targets that are retried. It reads memory only.
func (b *Outbox) Pending() map[string]int {
	pending, _ := b.counts()
	return pending
}

// counts counts what is pending, and the dead letters, by channel: also of channels
// with none.
func (b *Outbox) counts() (pending, dead map[string]int) {
	pending, dead = map[string]int{}, map[string]int{}
	for channel := range b.opts.Channels {
		pending[channel], dead[channel] = 0, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.shards {
		for _, open := range []map[string]*record{s.pending, s.retries} {
			for _, r := range open {
				pending[r.Notice.Channel]++
			}
		}
	}
	for _, r := range b.dead {
		dead[r.Notice.Channel]++
	}
	return pending, dead
}

// Retry makes a dead letter a retry again, due now and with all its attempts.
func (b *Outbox) Retry(ctx context.Context, key string) error {
	dead, err := b.deadLetter(key)
	if err != nil {
		return err
	}
	_, err = b.amend(ctx, retryKey(dead.Shard, dead.Notice, dead.Target), func(there *record) *record {
		next := *dead
		// A newer notice is retried already, or this one has just become a dead letter. They
		// are merged when they are sent: commands have no channels.
		if there != nil {
			next = there.now()
			next.Older, next.Wait = append(slices.Clone(there.Older), dead.Notice), 0
			return &next
		}
		next.restart()
		return &next
	})
	if err != nil {
		return fmt.Errorf("retry %q: %w", key, err)
	}
	return b.remove(ctx, dead)
}

// Forget deletes a dead letter, which is not sent. One that is written anew meanwhile
// stays.
func (b *Outbox) Forget(ctx context.Context, key string) error {
	dead, err := b.deadLetter(key)
	if err != nil {
		return err
	}
	return b.remove(ctx, dead)
}

func (b *Outbox) deadLetter(key string) (*record, error) {
	dead := b.find(kindDead + "." + key)
	if dead == nil {
		return nil, fmt.Errorf("%q: %w", key, ErrNoDeadLetter)
	}
	return dead, nil
}

// addDead stores a dead letter, merged with an older one of the same target.
func (b *Outbox) addDead(ctx context.Context, r record) error {
	_, err := b.amend(ctx, kindDead+"."+r.deadLetter().Key, func(there *record) *record {
		next := r
		switch {
		case there == nil, slices.Contains([]string{r.Notice.ID, r.Notice.DeliveryID()}, there.Notice.DeliveryID()):
		case there.Notice.Order.Compare(r.Notice.Order) > 0: // it was retried after something newer
			next = *there
			next.Notice = b.merge(r.Notice, there.Notice)
		default:
			next.Notice = b.merge(there.Notice, r.Notice)
		}
		return &next
	})
	return err
}

const (
	// doneAge is how long it is remembered which version targets have.
	doneAge = 24 * time.Hour
	// foreignAge is how long a notice is kept through a channel that this node does not
	// have: another node may, or this one again.
	foreignAge = 7 * 24 * time.Hour
)

// Tidy removes what is no longer needed: notices that were sent long ago, the oldest of too
// many dead letters, old notices through channels that are no more, and the markers of what
// was deleted. It goes on after an error and returns all.
func (b *Outbox) Tidy(ctx context.Context) error {
	if b.bucket.Ready() != nil {
		return nil
	}
	now := b.opts.Now()
	b.mu.Lock()
	old := tooMany(b.dead)
	for key, r := range b.records {
		age := now.Sub(r.stored)
		if r.Done && age > doneAge || b.dead[key] == nil && b.opts.Channels[r.Notice.Channel] == nil && age > foreignAge {
			old = append(old, r)
		}
	}
	b.mu.Unlock()
	var errs []error
	for _, r := range old {
		errs = append(errs, b.remove(ctx, r))
	}
	return errors.Join(append(errs, b.bucket.Tidy(ctx))...)
}

// tooMany returns the dead letters that are not kept.
func tooMany(dead map[string]*record) (old []*record) {
	kept, of, bytes := 0, map[receiver]int{}, map[receiver]int{}
	for _, r := range slices.SortedFunc(maps.Values(dead), func(a, b *record) int { return b.Last.Compare(a.Last) }) {
		to := r.receiver()
		of[to]++
		bytes[to] += r.size()
		if of[to] > maxDeadOfTarget || bytes[to] > maxDeadBytes || kept == maxDead {
			old = append(old, r)
			continue
		}
		kept++
	}
	return old
}
