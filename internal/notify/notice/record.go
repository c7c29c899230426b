package notice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// format is the number of the records written here; a record of a newer one is
// left alone.
const format = 1

// record is what was last announced of a feed, or is claimed to be announced.
type record struct {
	Format     int          `json:"format"`
	Position   Position     `json:"position"`
	Definition string       `json:"definition"` // how the feed's galleries were chosen
	Members    []Member     `json:"members"`
	ID         string       `json:"id"` // of the event
	Update     event.Update `json:"update"`
	Sent       bool         `json:"sent"`

	revision uint64    // in the bucket; 0: there is none
	stored   time.Time // by the server's clock
}

// record is what announces the snapshot by the update, in place of the record with
// that revision. Its id is the same on every node.
func (s Snapshot) record(revision uint64, u event.Update) record {
	p := s.Position
	id := gallery.HashOf(fmt.Appendf(nil, "%s %d %d %d %s %v", s.Feed,
		nanoseconds(p.Epoch), p.Revision, nanoseconds(p.Passed), s.Definition, s.Members)).String()
	return record{
		Format: format, Position: p, Definition: s.Definition, Members: s.Members, ID: id, Update: u, revision: revision,
	}
}

// changed is when the content last changed. Where nothing stored says so, the bucket of
// galleries was made anew and holds nothing of the feed.
func (s Snapshot) changed() time.Time {
	if s.Changed.IsZero() {
		return s.Position.Epoch
	}
	return s.Changed
}

// load reads the record of a feed.
func (n *Notices) load(ctx context.Context, feed string) (record, error) {
	there, err := n.opts.Bucket.Get(ctx, key(feed))
	if err != nil {
		return record{}, err
	}
	return decode(there)
}

// decode returns the record of a feed, the zero one where there is none. Of one that a
// newer release wrote only the format is known.
func decode(there bucket.Record) (r record, err error) {
	if there.Value == nil {
		return record{}, nil
	}
	r.Format, err = there.Decode(format, &r)
	r.revision, r.stored = there.Revision, there.Stored
	return r, err
}

// claim stores r in place of the record with its revision, and notes the new one in it. Of
// several nodes one wins. The others read the record again after the lease: the winner may
// not have sent it.
func (n *Notices) claim(ctx context.Context, r *record) (won bool, err error) {
	revision, err := n.opts.Bucket.Store(ctx, key(r.Update.Feed), *r, r.revision)
	switch {
	case errors.Is(err, bucket.ErrConflict):
		n.queue.later(r.Update.Feed, n.opts.Lease)
		return false, nil
	case err != nil:
		return false, err
	}
	r.revision = revision
	return true, nil
}

// markSent notes that r was sent on NATS and is in the outbox, unless another node has taken
// over.
func (n *Notices) markSent(ctx context.Context, r record) error {
	r.Sent = true
	_, err := n.opts.Bucket.Store(ctx, key(r.Update.Feed), r, r.revision)
	if errors.Is(err, bucket.ErrConflict) {
		return nil
	}
	return err
}

// key is that of the feed's record. A configured feed's name is its own key.
func key(feed string) string { return "announced." + gallery.Key(feed) }
