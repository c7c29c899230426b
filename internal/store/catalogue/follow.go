package catalogue

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
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
	bucket.Follow(ctx, bucket.FollowOptions{
		Open:        c.opts.Open,
		Opened:      func(s jetstream.Stream) { c.stream.Store(&s) },
		Subject:     c.subject(">"),
		HeadersOnly: true,
		Reader:      &reader{catalogue: c},
		Verifier:    c.opts.Verifier,
		Reconnect:   c.opts.Reconnect,
		Logger:      c.opts.Logger.With("bucket", c.opts.Bucket),
	})
	return nil
}

// reader puts what is read into the index, or beside it while the bucket is read
// for the first time.
type reader struct {
	catalogue *Catalogue
	created   time.Time
	loading   map[string]*Entry // nil once the index is whole
}

// Begin implements [bucket.Reader].
func (r *reader) Begin(s bucket.State) {
	r.catalogue.ready.Store(false)
	r.catalogue.index.distrust()
	r.created, r.loading = s.Created, make(map[string]*Entry, s.Records)
}

// Take implements [bucket.Reader].
func (r *reader) Take(msg jetstream.Msg, meta *jetstream.MsgMetadata) {
	c := r.catalogue
	key := strings.TrimPrefix(msg.Subject(), c.subject(""))
	e, err := read(key, msg.Headers(), meta.Sequence.Stream, meta.Timestamp)
	if err != nil {
		c.opts.Logger.Error("a record in the bucket can not be read and is left out: publish the gallery again", "key", key, "err", err)
	}
	e.keep(c.opts.Tombstones)
	key = e.key(key)
	if r.loading != nil {
		r.loading[key] = e
		return
	}
	c.index.apply(key, e, c.opts.Now().UnixNano())
}

// key returns key, in the memory of the id where the two are the same.
func (e *Entry) key(key string) string {
	if e.ID == key {
		return e.ID
	}
	return strings.Clone(key)
}

// Whole implements [bucket.Reader]: it makes what was read the index.
func (r *reader) Whole(last uint64) {
	c := r.catalogue
	c.index.fill(r.loading, r.created, last, c.opts.Now().UnixNano())
	c.opts.Logger.Info("the index is whole", "galleries", c.index.live(), "revision", last)
	r.loading = nil
	c.ready.Store(true)
	c.opts.Changed(Change{})
}

// keepTime lets embargoes and expiries take effect at their instants.
func (c *Catalogue) keepTime(ctx context.Context) {
	for {
		wait := clockCheck
		if at, ok := c.index.next(); ok {
			wait = min(max(at.Sub(c.opts.Now()), 0), clockCheck)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			c.Advance()
		case <-c.index.wake:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// Advance lets every embargo and expiry up to now take effect. It is cheap when
// there is none. After a clock was set back, it takes back what has not come yet;
// until then views are as of the latest instant that was asked for.
func (c *Catalogue) Advance() { c.index.tick(c.opts.Now) }

func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
