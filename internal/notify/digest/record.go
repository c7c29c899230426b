package digest

import (
	"context"
	"errors"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

// format is the number of these records. A record with a higher one is left alone.
const format = 1

// record is the last run of a digest.
type record struct {
	Format  int            `json:"format"`
	Until   time.Time      `json:"until"`          // its scheduled instant
	Made    time.Time      `json:"made"`           // when it was made: galleries visible then are not new
	Sent    time.Time      `json:"told,omitzero"`  // the scheduled instant of the last digest that was sent
	Horizon time.Time      `json:"horizon"`        // galleries published before are not new
	Order   int64          `json:"order,omitzero"` // of the newest notice; it only grows
	Known   []byte         `json:"known,omitzero"`
	Pending *outbox.Notice `json:"owed,omitzero"` // claimed, and perhaps not in the outbox
}

// load returns the record of a digest and its revision, 0 for none. It reads only
// the format of a record of a newer release.
func (d *Digests) load(ctx context.Context, name string) (r record, revision uint64, err error) {
	there, err := d.opts.Bucket.Get(ctx, key(name))
	if err != nil || there.Value == nil {
		return record{}, 0, err
	}
	r.Format, err = there.Decode(format, &r)
	return r, there.Revision, err
}

// store replaces the record at that revision and returns the new one; 0: another node was
// first.
func (d *Digests) store(ctx context.Context, name string, r record, revision uint64) (uint64, error) {
	next, err := d.opts.Bucket.Store(ctx, key(name), r, revision)
	if errors.Is(err, bucket.ErrConflict) {
		return 0, nil
	}
	return next, err
}

func key(name string) string { return "digest." + name }

// setBack sets r back to now: the clock of its node was ahead, and digests due until
// then would be left out.
func (r *record) setBack(now time.Time) {
	r.Order = max(r.Order, r.Until.UnixNano())
	r.Until = now.UTC()
	if r.Made.After(now) {
		r.Made = now.UTC()
	}
	if past := now.Add(-remembered).UTC(); r.Horizon.After(past) {
		r.Horizon = past
	}
}
