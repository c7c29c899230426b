package catalogue

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/nats-io/nats.go/jetstream"
)

// clockCheck bounds how long a clock that is set goes unnoticed.
const clockCheck = 30 * time.Second

// Run keeps the index whole until ctx ends. It retries for ever.
func (c *Catalogue) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if !c.opts.Timeless {
		wg.Go(func() { c.keepTime(ctx) })
	}
	r := &reader{catalogue: c}
	followed := bucket.New(bucket.Options{
		JetStream: c.opts.JetStream,
		Bucket:    c.opts.Bucket,
		Open: func(ctx context.Context) (jetstream.Stream, error) {
			s, err := c.opts.Open(ctx)
			if err == nil {
				c.stream.Store(&s)
			}
			return s, err
		},
		Reconnect:    c.opts.Reconnect,
		Logger:       c.opts.Logger,
		Apply:        r.apply,
		Reset:        r.reset,
		Whole:        r.whole,
		Verifier:     c.opts.Verifier,
		HeadersOnly:  true,
		KeepsMarkers: true,
	})
	return followed.Run(ctx)
}

// reader puts what is read into the index, or beside it while the bucket is read
// for the first time.
type reader struct {
	catalogue *Catalogue
	created   time.Time
	loading   map[string]*index.Entry // nil once the index is whole
}

func (r *reader) reset(s bucket.State) {
	r.catalogue.index.Distrust()
	r.created, r.loading = s.Created, make(map[string]*index.Entry, s.Records)
}

func (r *reader) apply(rec bucket.Record) {
	c, key := r.catalogue, rec.Key
	e, err := read(key, rec.Header, rec.Revision, rec.Stored)
	if err != nil {
		c.opts.Logger.Error("a record in the bucket can not be read and is left out: publish the gallery again", "key", key, "err", err)
	}
	if e.ID == key {
		key = e.ID // one memory for both
	} else {
		key = strings.Clone(key)
	}
	if r.loading != nil {
		r.loading[key] = e
		return
	}
	c.index.Apply(key, e, c.opts.Now())
}

// whole makes what was read the index.
func (r *reader) whole(last uint64) {
	c := r.catalogue
	loaded := r.loading
	r.loading = nil
	c.index.Fill(loaded, r.created, last, c.opts.Now())
	c.opts.Logger.Info("the index is whole", "galleries", c.index.Len(), "revision", last)
}

// keepTime lets embargoes and expiries take effect at their instants.
func (c *Catalogue) keepTime(ctx context.Context) {
	for {
		wait := clockCheck
		if at, ok := c.index.Next(); ok {
			wait = min(max(at.Sub(c.opts.Now()), 0), clockCheck)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			c.index.Advance(c.opts.Now)
		case <-c.index.Wake():
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}
