package notice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
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
	// was announced at this position.
	Definitions []string     `json:"definitions,omitzero"`
	Members     []Member     `json:"members"`
	ID          string       `json:"id"` // of the event
	Update      event.Update `json:"update"`
	Sent        bool         `json:"sent"`
	// Owed says that what is owed to others was made durable. A release that
	// owed nothing to anybody wrote records without it.
	Owed bool `json:"owed,omitzero"`

	stored time.Time // when the server stored it
}

// errLost means that somebody else wrote the record first.
var errLost = errors.New("claimed by another node")

// load returns the record of a feed and its revision, 0 when there is none.
func load(ctx context.Context, bucket jetstream.KeyValue, feed string) (record, uint64, error) {
	var r record
	entry, err := bucket.Get(ctx, key(feed))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return r, 0, nil
	}
	if err != nil {
		return r, 0, fmt.Errorf("read what was announced: %w", err)
	}
	r.stored = entry.Created()
	if r.Format, err = formatOf(entry.Value()); err != nil {
		return r, 0, unreadable(feed, err)
	}
	if r.Format > format {
		return r, entry.Revision(), nil
	}
	if err := json.Unmarshal(entry.Value(), &r); err != nil {
		return r, 0, unreadable(feed, err)
	}
	return r, entry.Revision(), nil
}

// formatOf reads nothing else: a newer release may have changed all the rest.
func formatOf(data []byte) (int, error) {
	var r struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return 0, err
	}
	return r.Format, nil
}

func unreadable(feed string, err error) error {
	return fmt.Errorf("read what was announced: delete the key %s to begin anew: %w", key(feed), err)
}

// store replaces the record at that revision and returns the new one.
func store(ctx context.Context, bucket jetstream.KeyValue, feed string, r record, revision uint64) (uint64, error) {
	data, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return 0, fmt.Errorf("encode what is announced: %w", err)
	}
	next, err := write(ctx, bucket, key(feed), data, revision)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) || errors.Is(err, jetstream.ErrKeyExists) {
		return 0, errLost
	}
	if err != nil {
		return 0, fmt.Errorf("claim the announcement: %w", err)
	}
	return next, nil
}

// write creates the key at revision 0, also where somebody deleted it.
func write(ctx context.Context, bucket jetstream.KeyValue, key string, data []byte, revision uint64) (uint64, error) {
	if revision == 0 {
		return bucket.Create(ctx, key, data)
	}
	return bucket.Update(ctx, key, data, revision)
}

// mark notes that r went out, to all.
func mark(ctx context.Context, bucket jetstream.KeyValue, feed string, r record, revision uint64) error {
	r.Sent, r.Owed = true, true
	_, err := store(ctx, bucket, feed, r, revision)
	if errors.Is(err, errLost) {
		return nil // somebody took over; the next look tells
	}
	return err
}

// key is that of the feed's record. A configured feed's name is its own key.
func key(feed string) string { return "announced." + gallery.Key(feed) }
