// Package catalogue keeps the galleries durably, in one JetStream key-value bucket,
// and feeds the node's index of them.
//
// Revisions of galleries come in (see [Catalogue.Put]); the index, the text of single
// galleries and exports go out. A gallery is one record, written with one
// compare-and-set: its body is the event as it was received, its headers hold what the
// index needs. Only a higher rank replaces a record, so any order and repetition of the
// same revisions ends in the same bucket, and whatever process dies, a revision is
// there whole or not at all. The index is built from the headers alone; it may lag
// behind the bucket by a moment and never runs ahead.
//
// Decoding events is left to the caller, ordering galleries to package index.
package catalogue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

var (
	// ErrUnreadable means that one record cannot be read, while others may be.
	ErrUnreadable = errors.New("record cannot be read")
	// ErrNewerFormat means that a newer release wrote the record: this one
	// neither reads nor replaces it.
	ErrNewerFormat = errors.New("record written by a newer release")
)

// Outcome says what became of a revision.
type Outcome string

// The outcomes of [Catalogue.Put].
const (
	Stored     Outcome = "stored"
	Unchanged  Outcome = "unchanged"  // the very revision is there already
	Superseded Outcome = "superseded" // a higher rank is there
)

// Revision is one revision of one gallery, as it is put and exported.
type Revision struct {
	ID      string
	Rank    gallery.Rank
	Gallery *gallery.Gallery // nil for a take-down, and of [Catalogue.Export]
	Reason  string           // of a take-down
	Body    []byte           // the event as received, from which Decode reads the gallery
	Event   []byte           // attributes of the event, one line of JSON, kept with the body
	Past    []byte           // what an exported record remembers of the revisions before, as JSON; opaque; nil: nothing
}

// Options make a catalogue.
type Options struct {
	Bucket bucket.Options                              // what is applied, and how it is read, is the catalogue's own; its Now and Logger are the catalogue's too
	Decode func(body []byte) (*gallery.Gallery, error) // reads a record's body
	Index  index.Options
}

// Catalogue is safe for concurrent use. [Catalogue.Run] must run for the index
// to fill, [Catalogue.KeepTime] for embargoes and expiries to take effect while nobody
// asks.
type Catalogue struct {
	decode func(body []byte) (*gallery.Gallery, error)
	now    func() time.Time
	log    *slog.Logger
	bucket *bucket.Bucket
	index  *index.Index

	// Of the goroutine that reads the bucket, while it does so for the first time.
	loading map[string]*index.Entry
	created time.Time // when the bucket was
}

// New returns a catalogue with an empty index.
func New(o Options) *Catalogue {
	if o.Bucket.Now == nil {
		o.Bucket.Now = time.Now
	}
	c := &Catalogue{decode: o.Decode, now: o.Bucket.Now, log: o.Bucket.Logger, index: index.New(o.Index)}
	o.Bucket.Apply, o.Bucket.Reset, o.Bucket.Whole, o.Bucket.HeadersOnly, o.Bucket.KeepsMarkers = c.apply, c.reset, c.whole, true, true
	c.bucket = bucket.New(o.Bucket)
	return c
}

// Index has the galleries in memory, as far as [Catalogue.Run] has read the bucket.
func (c *Catalogue) Index() *index.Index { return c.index }

// Wait blocks until the index knows the record with that sequence, or ctx ends.
func (c *Catalogue) Wait(ctx context.Context, sequence uint64) error {
	reached := c.index.Reached(sequence)
	if reached == nil {
		return nil
	}
	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for revision %d: %w", sequence, ctx.Err())
	}
}

// catchUp is how long Load waits until the index knows that a revision was replaced.
const catchUp = 250 * time.Millisecond

// Load reads the gallery of e from the bucket. The error is [index.ErrSuperseded]
// when another revision has taken its place, which the index knows of then unless it
// lags far behind; [ErrUnreadable] when this one cannot be understood.
func (c *Catalogue) Load(ctx context.Context, e *index.Entry) (*gallery.Gallery, error) {
	g, err := c.load(ctx, e)
	if errors.Is(err, index.ErrSuperseded) {
		soon, cancel := context.WithTimeout(ctx, catchUp)
		defer cancel()
		for soon.Err() == nil {
			last := c.index.Revision()
			if now := c.index.Record(gallery.Key(e.ID)); now == nil || now.Revision != e.Revision {
				break
			}
			_ = c.Wait(soon, last+1) // the caller looks again in any case
		}
	}
	if err != nil {
		return nil, fmt.Errorf("load gallery %q: %w", e.ID, err)
	}
	return g, nil
}

func (c *Catalogue) load(ctx context.Context, e *index.Entry) (*gallery.Gallery, error) {
	r, err := c.bucket.At(ctx, e.Revision)
	if err != nil {
		return nil, err
	}
	// In a bucket that was recreated, any other record may have its sequence.
	if r.Revision == 0 || r.Key != gallery.Key(e.ID) {
		return nil, index.ErrSuperseded
	}
	there, err := entry(r)
	switch {
	case err != nil:
		return nil, err
	case there.Rank != e.Rank:
		return nil, index.ErrSuperseded
	}
	g, err := c.decode(r.Value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return g, nil
}
