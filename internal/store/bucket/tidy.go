package bucket

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// markerAge is how long a node must have known of a deletion before it removes the
// marker. Every other node has read the marker by then, or reads everything anew.
const markerAge = time.Hour

// marker is left where a record was deleted.
type marker struct {
	key      string
	revision uint64
	read     time.Time // by this node's clock
}

// Tidy removes the markers of records that were deleted long ago.
func (b *Bucket) Tidy(ctx context.Context) error {
	stream, err := b.open(ctx)
	if err != nil {
		return err
	}
	var old []marker
	known := b.opts.Now().Add(-markerAge)
	b.mu.Lock()
	for _, m := range b.deleted {
		if m.read.Before(known) {
			old = append(old, m)
		}
	}
	b.mu.Unlock()
	for _, m := range old {
		// Up to its own revision: a record written since stays.
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(b.subject(m.key)), jetstream.WithPurgeSequence(m.revision+1)); err != nil {
			return fmt.Errorf("remove the marker of the deleted record %s: %w", m.key, err)
		}
		b.mu.Lock()
		if b.deleted[m.key] == m {
			delete(b.deleted, m.key)
		}
		b.mu.Unlock()
	}
	return nil
}
