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

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// DeadLetter is what a target was not told and is not told any more.
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

// PendingRetry is what a target is yet to be told.
type PendingRetry struct {
	DeadLetter
	Due time.Time `json:"due"` // its next attempt
}

func (l late) letter() DeadLetter {
	return DeadLetter{
		Key: digest(l.Notice.Channel, l.Notice.About, l.Target), Channel: l.Notice.Channel, About: l.Notice.About, ID: l.Notice.ID,
		Target: l.Name, To: l.Target, Attempts: l.Attempts, First: l.First, Last: l.Last, Reason: l.Reason, Data: l.Notice.Data,
	}
}

func deadKey(l late) string {
	return kindDead + "." + digest(l.Notice.Channel, l.Notice.About, l.Target)
}

// maxDead is how many dead letters are kept; the oldest go first.
const maxDead = 10_000

// ErrNoDeadLetter means that there is no dead letter of that name.
var ErrNoDeadLetter = errors.New("there is no such dead letter")

// DeadLetters returns what was given up, the oldest first.
func (b *Outbox) DeadLetters() []DeadLetter {
	var all []DeadLetter
	b.book.read(func(_ []part, dead map[string]*late) {
		for _, l := range dead {
			all = append(all, l.letter())
		}
	})
	slices.SortFunc(all, func(a, b DeadLetter) int { return cmp.Or(a.Last.Compare(b.Last), strings.Compare(a.Key, b.Key)) })
	return all
}

// Retries returns what failed and is tried again, the next first.
func (b *Outbox) Retries() []PendingRetry {
	var all []PendingRetry
	b.book.read(func(shards []part, _ map[string]*late) {
		for _, part := range shards {
			for _, l := range part.late {
				w := PendingRetry{l.letter(), b.opts.Now().Add(l.left())}
				w.Data = nil // it may be what only the channel should see
				all = append(all, w)
			}
		}
	})
	slices.SortFunc(all, func(a, b PendingRetry) int { return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.Key, b.Key)) })
	return all
}

// Retry makes a dead letter owed again, at once and with all its attempts.
func (b *Outbox) Retry(ctx context.Context, key string) error {
	dead, err := b.grave(key)
	if err != nil {
		return err
	}
	err = b.amendLate(ctx, dead.Shard, lateKey(dead.Shard, dead.Notice, dead.Target), func(there *late) *late {
		if there != nil { // something newer is tried already, or the very same is just given up
			next := there.now()
			next.Wait = 0
			newer, older := there.Notice, dead.Notice
			if older.Order.Compare(newer.Order) > 0 {
				newer, older = older, newer
			}
			next.Notice, next.Older = newer, append(slices.Clone(there.Older), older)
			return &next
		}
		next := *dead
		next.begin()
		return &next
	})
	if err != nil {
		return fmt.Errorf("retry %q: %w", key, err)
	}
	return b.exhume(ctx, dead)
}

// Forget deletes a dead letter: its target is not told. One that is written anew
// meanwhile stays.
func (b *Outbox) Forget(ctx context.Context, key string) error {
	dead, err := b.grave(key)
	if err != nil {
		return err
	}
	return b.exhume(ctx, dead)
}

// grave returns the dead letter with that key.
func (b *Outbox) grave(key string) (*late, error) {
	dead, _, _ := b.book.letter(kindDead + "." + key)
	if dead == nil {
		return nil, fmt.Errorf("%q: %w", key, ErrNoDeadLetter)
	}
	return dead, nil
}

// exhume removes a dead letter; one that was written anew meanwhile stays.
func (b *Outbox) exhume(ctx context.Context, dead *late) error {
	if err := b.remove(ctx, dead.key, dead.revision); err != nil && !errors.Is(err, bucket.ErrConflict) {
		return fmt.Errorf("remove the dead letter: %w", err)
	}
	return nil
}

// bury writes a dead letter, which says what an older one of the same target does
// too.
func (b *Outbox) bury(ctx context.Context, route Route, l late) error {
	key := deadKey(l)
	return amend(ctx, b, key, func() (*late, uint64, bool) { return b.book.letter(key) }, func(there *late) *late {
		next := l
		switch {
		case there == nil, slices.Contains([]string{l.Notice.ID, l.Notice.DeliveryID()}, there.Notice.DeliveryID()):
		case there.Notice.Order.Compare(l.Notice.Order) > 0: // it was owed again after something newer
			next = *there
			next.Notice = route.merge(l.Notice, there.Notice)
		default:
			next.Notice = route.merge(there.Notice, l.Notice)
		}
		return &next
	})
}

// doneAge is how long it is remembered what targets were told last.
const doneAge = 24 * time.Hour

// Tidy forgets what was told long ago, the oldest of too many dead letters, and
// the marks of what was deleted. It goes on after an error and returns all.
func (b *Outbox) Tidy(ctx context.Context) error {
	if b.bucket.Ready() != nil {
		return nil
	}
	var errs []error
	forget := func(key string, revision uint64) {
		if err := b.remove(ctx, key, revision); err != nil && !errors.Is(err, bucket.ErrConflict) {
			errs = append(errs, err)
		}
	}
	for _, o := range b.doneBefore(b.opts.Now().Add(-doneAge)) {
		forget(o.key, o.revision)
	}
	for _, l := range b.excess() {
		forget(l.key, l.revision)
	}
	for key, revision := range b.abandoned(b.opts.Now().Add(-abandonedAge)) {
		forget(key, revision)
	}
	return errors.Join(append(errs, b.bucket.Tidy(ctx))...)
}

// doneBefore are the notices that all targets were told before then.
func (b *Outbox) doneBefore(before time.Time) (old []*owed) {
	b.book.read(func(shards []part, _ map[string]*late) {
		for _, part := range shards {
			for _, o := range part.done {
				if o.stored.Before(before) {
					old = append(old, o)
				}
			}
		}
	})
	return old
}

// abandonedAge is how long something is kept that is owed through a channel which
// this node does not have: another may, or this one again.
const abandonedAge = 7 * 24 * time.Hour

// abandoned are the records, by key with their revisions, that were written before
// then and are owed through channels that are no more.
func (b *Outbox) abandoned(before time.Time) map[string]uint64 {
	old := map[string]uint64{}
	b.book.read(func(shards []part, _ map[string]*late) {
		for _, part := range shards {
			for key, o := range part.owed {
				if !b.knows(o.Notice) && o.stored.Before(before) {
					old[key] = o.revision
				}
			}
			for key, l := range part.late {
				if !b.knows(l.Notice) && l.stored.Before(before) {
					old[key] = l.revision
				}
			}
		}
	})
	return old
}

// excess are the oldest dead letters beyond what is kept.
func (b *Outbox) excess() []*late {
	var all []*late
	b.book.read(func(_ []part, dead map[string]*late) { all = slices.Collect(maps.Values(dead)) })
	if len(all) <= maxDead {
		return nil
	}
	slices.SortFunc(all, func(a, b *late) int { return a.Last.Compare(b.Last) })
	return all[:len(all)-maxDead]
}
