package catalogue

import (
	"context"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

// Run keeps the index whole until ctx ends. It retries for ever.
func (c *Catalogue) Run(ctx context.Context) error { return c.bucket.Run(ctx) }

// reset begins a reading of the bucket. The index shows what it has meanwhile.
func (c *Catalogue) reset(s bucket.State) {
	c.index.Invalidate()
	c.created, c.loading = s.Created, make(map[string]*index.Entry, s.Records)
}

// apply puts a record into the index, or, until the bucket is read to its end, into the
// entries being loaded.
func (c *Catalogue) apply(r bucket.Record) {
	e, err := read(r)
	if err != nil {
		c.log.Error("a record in the bucket cannot be read and is left out: publish the gallery again", "key", r.Key, "err", err)
	}
	key := e.ID // one memory for both
	if key != r.Key {
		key = strings.Clone(r.Key)
	}
	if c.loading != nil {
		c.loading[key] = e
		return
	}
	c.index.Apply(key, e, c.now())
}

// whole makes the records that were read the index.
func (c *Catalogue) whole(last uint64) {
	loaded := c.loading
	c.loading = nil
	c.index.Fill(loaded, c.created, last, c.now())
	c.log.Info("the index is whole", "galleries", c.index.Len(), "revision", last)
}

// clockCheck bounds how long a clock that is set goes unnoticed.
const clockCheck = 30 * time.Second

// KeepTime has embargoes and expiries take effect at their instants, until ctx ends.
// Without it they do when somebody next asks, or by the schedule.
func (c *Catalogue) KeepTime(ctx context.Context) error {
	for {
		wait := clockCheck
		if at, ok := c.index.Next(); ok {
			wait = min(max(at.Sub(c.now()), 0), clockCheck)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			c.index.Advance(c.now)
		case <-c.index.Wake():
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		timer.Stop()
	}
}
