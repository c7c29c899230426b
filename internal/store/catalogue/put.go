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
func (c *Catalogue) Put(ctx context.Context, r Revision) (outcome Outcome, err error) {
	err = bucket.RetryConflicts(func(again bool) (err error) {
		outcome, err = c.put(ctx, r, again)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("store gallery %q: %w", r.ID, err)
	}
	return outcome, nil
}

// put tries once. It writes upon what the index says, which is good enough because the
// write is a compare-and-set. Where that failed before, and to refuse r, which is
// forgotten then, it asks the bucket: the index may be of one that is gone.
func (c *Catalogue) put(ctx context.Context, r Revision, again bool) (Outcome, error) {
	key := gallery.Key(r.ID)
	prev, there := c.index.Record(key), bucket.Record{}
	next, err := c.next(prev, r)
	replaces := func() bool { return next != nil && next.Rank.Compare(r.Rank) == 0 }
	if err == nil && (again || !replaces() || c.index.Ready() != nil) {
		if there, err = c.bucket.Get(ctx, key); err != nil {
			return "", err
		}
		prev, _ = read(there) // a record that cannot be read gives way
		next, err = c.next(prev, r)
	}
	switch {
	case err != nil:
		return "", err
	case next == nil && prev.NewerFormat():
		return "", ErrNewerFormat
	case next == nil && r.Rank.Compare(prev.Rank) < 0:
		return Superseded, nil
	case next == nil:
		return Unchanged, c.settle(ctx, r, prev.Revision)
	}
	record, event := bucket.Record{Key: key, Value: r.Body}, string(r.Event)
	if !replaces() { // the record of a take-down, anew: r tells what it ended
		record.Value, event = there.Value, there.Header.Get(headerEvent)
	}
	if prev != nil {
		record.Revision = prev.Revision
	}
	if record.Header, err = header(r, next, event); err != nil {
		return "", err
	}
	sequence, err := c.bucket.Write(ctx, record)
	switch {
	case err != nil:
		return "", err
	case !replaces():
		return Superseded, nil
	}
	return Stored, c.settle(ctx, r, sequence)
}

// next returns the entry that takes the place of prev when r comes, nil where prev
// stays.
func (c *Catalogue) next(prev *index.Entry, r Revision) (*index.Entry, error) {
	if len(r.Past) > 0 && (prev == nil || prev.Lost()) {
		before, err := c.index.Before(r.Past, r.Rank, prev, c.opts.Now())
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
