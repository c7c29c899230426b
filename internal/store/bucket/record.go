package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"
)

// Decode reads the JSON of a record, which has the number of its format as a
// member of that name, into v. Of a format newer than newest it reads the number
// only: a newer release may have changed all the rest. A panic is an error.
func Decode(data []byte, newest int, v any) (format int, err error) {
	defer Recover(&err)
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return 0, err
	}
	if head.Format > newest {
		return head.Format, nil
	}
	return head.Format, json.Unmarshal(data, v)
}

// Encode writes a record as the same bytes on every node.
func Encode(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// Entry is what the server knows of a record that was read.
type Entry struct {
	Format   int
	Revision uint64 // 0: there is none
	Stored   time.Time
}

// Load reads the record at a key, as [Decode] does, for who does not follow the
// bucket.
func Load(ctx context.Context, bucket jetstream.KeyValue, key string, newest int, v any) (Entry, error) {
	there, err := bucket.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, fmt.Errorf("read the record %s: %w", key, err)
	}
	format, err := Decode(there.Value(), newest, v)
	if err != nil {
		return Entry{}, fmt.Errorf("read a record: delete the key %s to begin anew: %w", key, err)
	}
	return Entry{format, there.Revision(), there.Created()}, nil
}

// Store replaces the record that has the given revision, with 0 none or a deleted
// one, and returns the new revision. The error is [ErrConflict] when somebody else
// wrote it first.
func Store(ctx context.Context, bucket jetstream.KeyValue, key string, v any, revision uint64) (uint64, error) {
	data, err := Encode(v)
	if err != nil {
		return 0, fmt.Errorf("encode the record %s: %w", key, err)
	}
	write := func() (uint64, error) { return bucket.Update(ctx, key, data, revision) }
	if revision == 0 {
		write = func() (uint64, error) { return bucket.Create(ctx, key, data) }
	}
	next, err := write()
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) || errors.Is(err, jetstream.ErrKeyExists) {
		return 0, ErrConflict
	}
	if err != nil {
		return 0, fmt.Errorf("write the record %s: %w", key, err)
	}
	return next, nil
}
