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

func (r retry) deadLetter() DeadLetter {
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
	var all []DeadLetter
	b.state.view(func(_ []shard, dead map[string]*retry) {
		for _, r := range dead {
			all = append(all, r.deadLetter())
		}
	})
	slices.SortFunc(all, func(a, b DeadLetter) int { return cmp.Or(a.Last.Compare(b.Last), strings.Compare(a.Key, b.Key)) })
	return all
}

// Retries returns what is retried, the next first.
func (b *Outbox) Retries() []PendingRetry {
	var all []PendingRetry
	b.state.view(func(shards []shard, _ map[string]*retry) {
		for _, in := range shards {
			for _, r := range in.retries {
				next := PendingRetry{r.deadLetter(), b.opts.Now().Add(r.left())}
				next.Data = nil // it may be what only the channel should see
				all = append(all, next)
			}
		}
	})
	slices.SortFunc(all, func(a, b PendingRetry) int { return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.Key, b.Key)) })
	return all
}

// Waiting counts the notices that are still to be sent to a target of that channel alone, and
// their bytes. It reads memory only.
func (b *Outbox) Waiting(channel string, t Target) (n, bytes int) {
	b.state.view(func(shards []shard, _ map[string]*retry) {
		for _, r := range shards[shardOf(t.Endpoint)].retries {
			if r.Notice.Channel == channel && r.Target == t.Key {
				n++
				bytes += r.size()
			}
		}
	})
	return n, bytes
}

// Retry makes a dead letter a retry again, due now and with all its attempts.
func (b *Outbox) Retry(ctx context.Context, key string) error {
	dead, err := b.deadLetter(key)
	if err != nil {
		return err
	}
	_, err = b.amendRetry(ctx, retryKey(dead.Shard, dead.Notice, dead.Target), func(there *retry) *retry {
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
	return b.remove(ctx, dead.key, dead.revision)
}

// Forget deletes a dead letter, which is not sent. One that is written anew meanwhile
// stays.
func (b *Outbox) Forget(ctx context.Context, key string) error {
	dead, err := b.deadLetter(key)
	if err != nil {
		return err
	}
	return b.remove(ctx, dead.key, dead.revision)
}

func (b *Outbox) deadLetter(key string) (*retry, error) {
	dead, _ := b.state.retry(kindDead + "." + key)
	if dead == nil {
		return nil, fmt.Errorf("%q: %w", key, ErrNoDeadLetter)
	}
	return dead, nil
}

// addDead stores a dead letter, merged with an older one of the same target.
func (b *Outbox) addDead(ctx context.Context, r retry) error {
	_, err := b.amendRetry(ctx, kindDead+"."+r.deadLetter().Key, func(there *retry) *retry {
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
	var old []stored
	b.state.view(func(shards []shard, dead map[string]*retry) {
		foreign := func(s stored, n Notice) {
			if b.opts.Channels[n.Channel] == nil && s.at.Before(now.Add(-foreignAge)) {
				old = append(old, s)
			}
		}
		for _, in := range shards {
			for _, p := range in.done {
				if p.at.Before(now.Add(-doneAge)) {
					old = append(old, p.stored)
				}
			}
			for _, p := range in.pending {
				foreign(p.stored, p.Notice)
			}
			for _, r := range in.retries {
				foreign(r.stored, r.Notice)
			}
		}
		old = append(old, tooMany(dead)...)
	})
	var errs []error
	for _, s := range old {
		errs = append(errs, b.remove(ctx, s.key, s.revision))
	}
	return errors.Join(append(errs, b.bucket.Tidy(ctx))...)
}

// tooMany returns the dead letters that are not kept.
func tooMany(dead map[string]*retry) (old []stored) {
	kept, of, bytes := 0, map[receiver]int{}, map[receiver]int{}
	for _, r := range slices.SortedFunc(maps.Values(dead), func(a, b *retry) int { return b.Last.Compare(a.Last) }) {
		to := r.receiver()
		of[to]++
		bytes[to] += r.size()
		if of[to] > maxDeadOfTarget || bytes[to] > maxDeadBytes || kept == maxDead {
			old = append(old, r.stored)
			continue
		}
		kept++
	}
	return old
}
