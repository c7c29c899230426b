package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// writeTimeout bounds one write, so that NATS going away is noticed.
const writeTimeout = 5 * time.Second

// reset forgets everything: the bucket is read anew.
func (b *Outbox) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readTo, b.following = 0, false
	b.records, b.dead = map[string]*record{}, map[string]*record{}
	for _, s := range b.shards {
		s.pending, s.retries, s.lease = map[string]*record{}, map[string]*record{}, lease{}
	}
}

// follow notes that everything up to that revision was read. A node that was alone before
// this one may have begun with all of it.
func (b *Outbox) follow(last uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.following = true
	for _, s := range b.shards {
		s.begun = last
		s.nudge()
	}
}

// read takes over a record that was read of the bucket.
func (b *Outbox) read(r bucket.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readTo = r.Revision
	if err := b.load(r); errors.Is(err, errDamaged) {
		b.opts.Logger.Error("cannot read a record of the outbox, which is left alone: delete it", "key", r.Key, "err", err)
	}
}

// load takes over a record. Its age is known while the node follows the bucket: then records
// are new. Of one that was read at a start only the wall clock says how old it is: that is
// believed up to what was to be waited anyway. The lock is held.
func (b *Outbox) load(r bucket.Record) (err error) {
	kind, number, ok := parseKey(r.Key)
	if !ok {
		return nil // of a release that has other kinds
	}
	if kind == kindLease {
		b.shards[number].readLease(r)
		return nil
	}
	var next *record
	if r.Value != nil {
		next = &record{key: r.Key, revision: r.Revision, stored: r.Stored, written: time.Now()}
		if err = decode(r, next); err != nil {
			next = nil
		} else if !b.following {
			next.backdate(b.opts.Now())
		}
	}
	b.set(r.Key, r.Revision, next)
	return err
}

// set has the record be known at that key, unless more is; nil: there is none, or none that
// this release can read. Records are immutable. The lock is held.
func (b *Outbox) set(key string, revision uint64, r *record) {
	if revision < b.readTo || revision <= b.records[key].rev() {
		return
	}
	kind, number, _ := parseKey(key)
	s := b.shards[number]
	open := s.pending
	switch kind {
	case kindRetry:
		open = s.retries
	case kindDead:
		open = b.dead
	}
	delete(b.records, key)
	delete(open, key)
	if r != nil {
		b.records[key] = r
		if !r.Done {
			open[key] = r
		}
	}
	s.nudge()
}

// find returns the record at a key, nil where none is known.
func (b *Outbox) find(key string) *record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.records[key]
}

// amend replaces the record at a key by what change makes of it, which may be called several
// times: the record itself leaves it as it is, nil removes it. When it returns, that is known,
// with the revision that was written, 0 if none.
func (b *Outbox) amend(ctx context.Context, key string, change func(*record) *record) (written uint64, err error) {
	err = bucket.RetryConflicts(func(again bool) (err error) {
		ctx, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		if again {
			if err := b.refresh(ctx, key); err != nil {
				return err
			}
		}
		there := b.find(key)
		next := change(there)
		switch {
		case next == there:
			return nil
		case next == nil:
			return b.delete(ctx, there)
		case next.Target != "":
			next.Due = b.opts.Now().Add(time.Duration(next.Wait))
		}
		next.Format = format
		if written, err = b.bucket.Store(ctx, key, next, there.rev()); err != nil {
			return err
		}
		next.key, next.revision, next.stored, next.written = key, written, b.opts.Now(), time.Now()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.set(key, written, next)
		return nil
	})
	return written, err
}

// delete deletes a record. When it returns, that is known.
func (b *Outbox) delete(ctx context.Context, r *record) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	revision, err := b.bucket.Delete(ctx, r.key, r.revision)
	if err != nil {
		return err
	}
	return b.bucket.Wait(ctx, revision)
}

// remove deletes a record. One that was written anew meanwhile stays.
func (b *Outbox) remove(ctx context.Context, r *record) error {
	if err := b.delete(ctx, r); !errors.Is(err, bucket.ErrConflict) {
		return err
	}
	return nil
}

// refresh reads a record from the server after a conflict. One of a newer release, or that
// is damaged, is an error: it is left alone.
func (b *Outbox) refresh(ctx context.Context, key string) error {
	r, err := b.bucket.Get(ctx, key)
	if err != nil {
		return err
	}
	if r.Value == nil {
		return b.bucket.Wait(ctx, r.Revision)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.load(r)
}
