// Package catalogue keeps the galleries: durably in one JetStream key-value
// bucket, and as each node's ordered index of that bucket in memory.
//
// A gallery is one record, written with one compare-and-set: its body is the
// event as it was received, its headers hold what the index needs. Only a
// higher rank replaces a record, so any order and repetition of the same
// revisions ends in the same bucket, and whatever process dies, a revision is
// there whole or not at all. The index is built from the headers alone and
// follows the bucket; it may lag behind it by a moment and never runs ahead.
//
// The index holds what choosing and ordering need. What a gallery says is read
// from the bucket when it is rendered. Which feeds there are is for others to
// say: they ask for a [Selection].
package catalogue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrSuperseded means that the bucket no longer (or, on a replica that
	// lags, not yet) holds that revision: ask the index again.
	ErrSuperseded = errors.New("revision superseded")
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

// Revision is what is put: one revision of one gallery.
type Revision struct {
	ID      string
	Rank    gallery.Rank
	Gallery *gallery.Gallery // nil for a take-down
	Reason  string           // of a take-down
	Body    []byte           // the event as received, from which Decode reads the gallery
	Event   []byte           // attributes of the event, one line of JSON, kept beside the body
}

// Options make a catalogue.
type Options struct {
	JetStream   jetstream.JetStream
	Bucket      string                                          // name of the key-value bucket
	Open        func(context.Context) (jetstream.Stream, error) // makes the bucket when missing, returns its stream
	Verifier    bucket.Verifier                                 // of what is read of the bucket; may be nil
	Decode      func(body []byte) (*gallery.Gallery, error)     // reads a record's body
	Changed     func(Change)                                    // called after each change, by several goroutines; must not block; may be nil
	Reconnect   func(func()) (stop func())                      // registers for reconnections; may be nil
	Now         func() time.Time                                // nil: time.Now
	Logger      *slog.Logger
	ArchivePage uint32        // galleries per archive page, on average; 0: 100
	Tombstones  time.Duration // how long a withdrawal is remembered in feeds
	Stubs       bool          // what is gone keeps its place in views
	Timeless    bool          // do not wake at the instants of embargoes and expiries; Advance does it
}

// Catalogue is safe for concurrent use. [Catalogue.Run] must run for the index
// to fill.
type Catalogue struct {
	opts   Options
	index  *index
	stream atomic.Pointer[jetstream.Stream]
	ready  atomic.Bool
}

// New returns a catalogue with an empty index.
func New(o Options) *Catalogue {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(Change) {}
	}
	if o.ArchivePage == 0 {
		o.ArchivePage = 100
	}
	return &Catalogue{opts: o, index: newIndex(o)}
}

// Ready returns nil while the index holds the bucket as far as it was heard of,
// else why not: it was never read to its end, or it was recreated.
func (c *Catalogue) Ready() error {
	if c.ready.Load() {
		return nil
	}
	return errors.New("the index is still being read from the bucket")
}

// Len is the number of galleries in the index that are not taken down.
func (c *Catalogue) Len() int { return c.index.live() }

// Revision is the sequence of the newest record that the index knows.
func (c *Catalogue) Revision() uint64 { return c.index.revision() }

// Position is how far the index is. See [View], which has the same.
type Position struct {
	Epoch    time.Time
	Revision uint64
	Passed   time.Time
}

// Position returns how far the index is now. What is read from it afterwards is
// no older.
func (c *Catalogue) Position() Position {
	x := c.index
	x.advance(c.opts.Now())
	x.mu.RLock()
	defer x.mu.RUnlock()
	return Position{Epoch: x.epoch, Revision: x.last, Passed: instant(x.passed)}
}

// Find returns the entry with that key (see [gallery.Key]), also of a gallery
// that was taken down; nil when there is none.
func (c *Catalogue) Find(key string) *Entry { return c.index.find(key) }

// Wait blocks until the index knows the record with that sequence, or ctx ends.
func (c *Catalogue) Wait(ctx context.Context, sequence uint64) error {
	for {
		reached := c.index.reached(sequence)
		if reached == nil {
			return nil
		}
		select {
		case <-reached:
		case <-ctx.Done():
			c.index.abandon(reached)
			return fmt.Errorf("wait for revision %d: %w", sequence, ctx.Err())
		}
	}
}

// Load reads the gallery of e from the bucket. The error is [ErrSuperseded]
// when another revision has taken its place, [ErrUnreadable] when this one can
// not be understood.
func (c *Catalogue) Load(ctx context.Context, e *Entry) (*gallery.Gallery, error) {
	stream := c.stream.Load()
	if stream == nil {
		return nil, fmt.Errorf("load gallery %q: %w", e.ID, c.Ready())
	}
	msg, err := (*stream).GetMsg(ctx, e.Revision)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("load gallery %q: %w", e.ID, ErrSuperseded)
	}
	if err != nil {
		return nil, fmt.Errorf("load gallery %q: %w", e.ID, err)
	}
	if err := c.isOf(e, msg); err != nil {
		return nil, fmt.Errorf("load gallery %q: %w", e.ID, err)
	}
	g, err := c.opts.Decode(msg.Data)
	if err != nil {
		return nil, fmt.Errorf("read gallery %q: %w: %w", e.ID, ErrUnreadable, err)
	}
	return g, nil
}

// isOf returns ErrSuperseded unless msg is the record of e: in a bucket that
// was recreated, any other may have its sequence.
func (c *Catalogue) isOf(e *Entry, msg *jetstream.RawStreamMsg) error {
	key := gallery.Key(e.ID)
	if msg.Subject != c.subject(key) {
		return ErrSuperseded
	}
	got, err := entry(key, msg.Header, msg.Sequence, msg.Time)
	if err != nil {
		return err
	}
	if got.Rank != e.Rank {
		return ErrSuperseded
	}
	return nil
}
