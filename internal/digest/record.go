package digest

import (
	"context"
	"time"

	"github.com/gallerywire/gallerywire/internal/ledger"
	"github.com/gallerywire/gallerywire/internal/outbox"
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

// load returns the record of a digest and its revision, 0 when there is none. Of
// one that a newer release wrote only the format is known.
func load(ctx context.Context, bucket jetstream.KeyValue, name string) (record, uint64, error) {
	var r record
	there, err := ledger.Load(ctx, bucket, key(name), format, &r)
	r.Format = there.Format
	return r, there.Revision, err
}

// store replaces the record at that revision and returns the new one.
func store(ctx context.Context, bucket jetstream.KeyValue, name string, r record, revision uint64) (uint64, error) {
	return ledger.Store(ctx, bucket, key(name), r, revision)
}

func key(name string) string { return "digest." + name }
