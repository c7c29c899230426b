package digest

import (
	"context"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// format is the number of the records written here; a record of a newer one is
// left alone.
const format = 1

// record is what was last made of a digest.
type record struct {
	Format  int            `json:"format"`
	Until   time.Time      `json:"until"`          // the scheduled instant that it was made for
	Made    time.Time      `json:"made"`           // when it was made: what was to be seen then is no news
	Told    time.Time      `json:"told,omitzero"`  // the instant of the last digest that told of something
	Horizon time.Time      `json:"horizon"`        // what was published before is the past
	Order   int64          `json:"order,omitzero"` // of the newest notice; it only grows
	Known   []byte         `json:"known,omitzero"`
	Owed    *outbox.Notice `json:"owed,omitzero"` // claimed, and perhaps not handed on
}

// load returns the record of a digest and its revision, 0 when there is none. Of
// one that a newer release wrote only the format is known.
func (d *Digests) load(ctx context.Context, name string) (record, uint64, error) {
	there, err := d.opts.Bucket.Get(ctx, key(name))
	if err != nil || there.Value == nil {
		return record{}, 0, err
	}
	var r record
	r.Format, err = there.Decode(format, &r)
	return r, there.Revision, err
}

// store replaces the record at that revision and returns the new one.
func (d *Digests) store(ctx context.Context, name string, r record, revision uint64) (uint64, error) {
	return d.opts.Bucket.Store(ctx, key(name), r, revision)
}

func key(name string) string { return "digest." + name }

// setBack has r go on from now: the clock that it was made by was ahead, and what is
// due meanwhile would else be left out for as long.
func (r *record) setBack(now time.Time) {
	r.Order = max(r.Order, r.Until.UnixNano())
	r.Until = now.UTC()
	for _, at := range []struct {
		of     *time.Time
		latest time.Time
	}{{&r.Made, now}, {&r.Horizon, now.Add(-remembered)}} {
		if at.of.After(at.latest) {
			*at.of = at.latest.UTC()
		}
	}
}
