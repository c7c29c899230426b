package catalogue

import (
	"context"
	"errors"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

// maxConflicts bounds how often one Put runs into other writers of the same
// gallery before it gives the revision back to be tried later.
const maxConflicts = 16

// Put stores r durably unless a rank as high is there. It may be repeated, and
// run at once with others, on any node. After a take-down it returns once this
// node's index knows of it. Of an exported revision the record remembers what it did,
// where nothing is known of the gallery yet. An error means that r may or may not be
// stored: put it again.
func (c *Catalogue) Put(ctx context.Context, r Revision) (outcome Outcome, err error) {
	defer func() {
		if err != nil {
			outcome, err = "", fmt.Errorf("store gallery %q: %w", r.ID, err)
		}
	}()
	key := gallery.Key(r.ID)
	// What the index says is good enough to write upon, because the write is a
	// compare-and-set. To refuse r, which is forgotten then, the bucket itself is
	// asked: the index may be of one that is gone.
	prev, there, asked := c.index.Record(key), bucket.Record{}, false
	for range maxConflicts {
		next, err := c.next(prev, r)
		if err != nil {
			return "", err
		}
		taken := next != nil && next.Rank.Compare(r.Rank) == 0
		switch {
		case !asked && (!taken || c.index.Ready() != nil):
		case next == nil:
			return c.refuse(ctx, prev, r)
		default:
			record := bucket.Record{Key: key, Value: r.Body}
			event := string(r.Event)
			if !taken { // the record of a take-down, anew: r tells what it ended
				record.Value, event = there.Value, there.Header.Get(headerEvent)
			}
			if prev != nil {
				record.Revision = prev.Revision
			}
			if record.Header, err = header(next, event); err != nil {
				return "", err
			}
			sequence, err := c.bucket.Write(ctx, record)
			switch {
			case errors.Is(err, bucket.ErrConflict):
			case err != nil:
				return "", err
			case !taken:
				return Superseded, nil
			default:
				return Stored, c.settle(ctx, r, sequence)
			}
		}
		if there, err = c.bucket.Get(ctx, key); err != nil {
			return "", err
		}
		prev, _ = read(there) // a record that cannot be read gives way
		asked = true
	}
	return "", fmt.Errorf("gave way to other writers %d times", maxConflicts)
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

// refuse says why prev stays when r comes.
func (c *Catalogue) refuse(ctx context.Context, prev *index.Entry, r Revision) (Outcome, error) {
	switch {
	case prev.NewerFormat():
		return "", ErrNewerFormat
	case r.Rank.Compare(prev.Rank) < 0:
		return Superseded, nil
	}
	return Unchanged, c.settle(ctx, r, prev.Revision)
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
