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
	stream, err := b.Stream(ctx)
	if err != nil {
		return err
	}
	for _, m := range b.markersBefore(b.opts.Now().Add(-markerAge)) {
		// Up to its own revision: a record written since stays.
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(b.Subject(m.key)), jetstream.WithPurgeSequence(m.revision+1)); err != nil {
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

func (b *Bucket) markersBefore(t time.Time) []marker {
	b.mu.Lock()
	defer b.mu.Unlock()
	var old []marker
	for _, m := range b.deleted {
		if m.read.Before(t) {
			old = append(old, m)
		}
	}
	return old
}

// deletion is the revision at which the key was deleted, 0 where that is not known.
func (b *Bucket) deletion(key string) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.deleted[key].revision
}
