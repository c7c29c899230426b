package digest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/outbox"
	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"
)

// format is the number of the records written here; a record of a newer one is
// left alone.
const format = 1

// record is what was last made of a digest.
type record struct {
	Format  int            `json:"format"`
	Until   time.Time      `json:"until"`         // the scheduled instant that it was made for
	Made    time.Time      `json:"made"`          // when it was made: what was to be seen then is no news
	Told    time.Time      `json:"told,omitzero"` // the instant of the last digest that told of something
	Horizon time.Time      `json:"horizon"`       // what was published before is the past
	Known   []byte         `json:"known,omitzero"`
	Owed    *outbox.Notice `json:"owed,omitzero"` // claimed, and perhaps not handed on
}

// errLost means that somebody else wrote the record first.
var errLost = errors.New("claimed by another node")

// load returns the record of a digest and its revision, 0 when there is none.
func load(ctx context.Context, bucket jetstream.KeyValue, name string) (record, uint64, error) {
	var r record
	entry, err := bucket.Get(ctx, key(name))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return r, 0, nil
	}
	if err != nil {
		return r, 0, fmt.Errorf("read what was made: %w", err)
	}
	if r.Format, err = formatOf(entry.Value()); err != nil {
		return r, 0, unreadable(name, err)
	}
	if r.Format > format {
		return r, entry.Revision(), nil
	}
	if err := json.Unmarshal(entry.Value(), &r); err != nil {
		return r, 0, unreadable(name, err)
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

func unreadable(name string, err error) error {
	return fmt.Errorf("read what was made: delete the key %s to begin anew: %w", key(name), err)
}

// store replaces the record at that revision and returns the new one.
func store(ctx context.Context, bucket jetstream.KeyValue, name string, r record, revision uint64) (uint64, error) {
	data, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return 0, fmt.Errorf("encode what is made: %w", err)
	}
	next, err := write(ctx, bucket, key(name), data, revision)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) || errors.Is(err, jetstream.ErrKeyExists) {
		return 0, errLost
	}
	if err != nil {
		return 0, fmt.Errorf("claim the digest: %w", err)
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

func key(name string) string { return "digest." + name }
