package notice

import (
	"context"
	"errors"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go/jetstream"
)

// format is the number of the records written here; a record of a newer one is
// left alone.
const format = 1

// record is what was last announced of a feed.
type record struct {
	Format   int      `json:"format"`
	Position Position `json:"position"`
	// Definitions are the ways of choosing the feed's galleries whose content
	// was announced since its galleries last changed.
	// The last of them announced last.
	Definitions []string     `json:"definitions,omitzero"`
	Members     []Member     `json:"members"`
	ID          string       `json:"id"` // of the event
	Update      event.Update `json:"update"`
	Sent        bool         `json:"sent"`

	stored time.Time // when the server stored it
}

// by reports whether the content of that definition was announced last.
func (r record) by(definition string) bool {
	last := len(r.Definitions) - 1
	return last >= 0 && r.Definitions[last] == definition
}

// load returns the record of a feed and its revision, 0 when there is none. Of one
// that a newer release wrote only the format is known.
func load(ctx context.Context, kv jetstream.KeyValue, feed string) (record, uint64, error) {
	var r record
	there, err := bucket.Load(ctx, kv, key(feed), format, &r)
	r.Format, r.stored = there.Format, there.Stored
	return r, there.Revision, err
}

// store replaces the record at that revision and returns the new one.
func store(ctx context.Context, kv jetstream.KeyValue, feed string, r record, revision uint64) (uint64, error) {
	return bucket.Store(ctx, kv, key(feed), r, revision)
}

// mark notes that r went out, to all.
func mark(ctx context.Context, kv jetstream.KeyValue, feed string, r record, revision uint64) error {
	r.Sent = true
	_, err := store(ctx, kv, feed, r, revision)
	if errors.Is(err, bucket.ErrConflict) {
		return nil // somebody took over; the next look tells
	}
	return err
}

// key is that of the feed's record. A configured feed's name is its own key.
func key(feed string) string { return "announced." + gallery.Key(feed) }
