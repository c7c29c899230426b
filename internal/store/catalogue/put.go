package catalogue

import (
	"context"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

// Put stores r durably unless a rank as high is there. It may be repeated, and
// run at once with others, on any node. After a take-down it returns once this
// node's index knows of it. Of an exported revision the record remembers what it did,
// where nothing is known of the gallery yet. An error means that r may or may not be
// stored: put it again.
//
// It writes upon what the index says, which is good enough because the write is a
// compare-and-set. Where that failed, and to refuse r, which is forgotten then, it asks
// the bucket: the index may be of one that is gone.
func (c *Catalogue) Put(ctx context.Context, r Revision) (outcome Outcome, err error) {
	key, settle := gallery.Key(r.ID), uint64(0)
	err = bucket.RetryConflicts(func(again bool) error {
		prev, there := c.index.Record(key), bucket.Record{}
		next, err := c.next(prev, r)
		replaces := func() bool { return next != nil && next.Rank.Compare(r.Rank) == 0 }
		if err == nil && (again || !replaces() || c.index.Ready() != nil) {
			if there, err = c.bucket.Get(ctx, key); err != nil {
				return err
			}
			prev, _ = read(there) // a record that cannot be read gives way
			next, err = c.next(prev, r)
		}
		switch {
		case err != nil:
			return err
		case next == nil && prev.NewerFormat():
			return ErrNewerFormat
		case next == nil && r.Rank.Compare(prev.Rank) < 0:
			outcome = Superseded
			return nil
		case next == nil:
			outcome, settle = Unchanged, prev.Revision
			return nil
		}
		record, err := recordOf(r, next, there, replaces())
		if prev != nil {
			record.Revision = prev.Revision
		}
		if err == nil {
			settle, err = c.bucket.Write(ctx, record)
		}
		if outcome = Stored; !replaces() {
			outcome, settle = Superseded, 0
		}
		return err
	})
	if err == nil && settle > 0 {
		err = c.settle(ctx, r, settle)
	}
	if err != nil {
		return "", fmt.Errorf("store gallery %q: %w", r.ID, err)
	}
	return outcome, nil
}

// Standing returns the revision that is stored of the gallery with that id, without its text,
// as [Catalogue.Export] does; the zero value where there is none. It asks the bucket: the index
// may lag.
func (c *Catalogue) Standing(ctx context.Context, id string) (Revision, error) {
	there, err := c.bucket.Get(ctx, gallery.Key(id))
	if err != nil || there.Value == nil {
		return Revision{}, err
	}
	return exported(there)
}

// recordOf is the record of next when r comes. Where r does not replace the take-down that
// is there, it is that one anew: r tells what it ended.
func recordOf(r Revision, next *index.Entry, there bucket.Record, replaces bool) (bucket.Record, error) {
	record, event := bucket.Record{Key: gallery.Key(r.ID), Value: r.Body}, string(r.Event)
	if !replaces {
		record.Value, event = there.Value, there.Header.Get(headerEvent)
	}
	var err error
	record.Header, err = header(r, next, event)
	return record, err
}

// next returns the entry that takes the place of prev when r comes, nil where prev
// stays.
func (c *Catalogue) next(prev *index.Entry, r Revision) (*index.Entry, error) {
	if len(r.Past) > 0 && (prev == nil || prev.Lost()) {
		before, err := c.index.Before(r.Past, r.Rank, prev, c.now())
		if err != nil {
			return nil, fmt.Errorf("its past: %w: %w", ErrUnreadable, err)
		}
		prev = before
	}
	return index.Next(prev, index.Revision{ID: r.ID, Rank: r.Rank, Gallery: r.Gallery, Reason: r.Reason}), nil
}

// settle waits, after a take-down, until this node's index knows of it, so that
// when the event is acknowledged the node no longer shows the gallery. An index
// that was never whole shows nothing.
func (c *Catalogue) settle(ctx context.Context, r Revision, sequence uint64) error {
	if !r.Rank.TakeDown || !c.index.Filled() {
		return nil
	}
	return c.Wait(ctx, sequence)
}
