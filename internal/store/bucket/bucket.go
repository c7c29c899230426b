// Package bucket keeps small records in a key-value bucket that every node follows.
//
// Records are written by compare-and-set. Every node is given each record, one after
// the other, in the order of their revisions; none is left out. It may lag behind the
// bucket by a moment and never runs ahead. A server that goes away and comes back costs
// a moment; a bucket that was recreated, which no consumer notices by itself, is read
// anew. What records mean, and the memory of them, are left to the caller.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrConflict means that somebody else wrote the record first.
	ErrConflict = errors.New("somebody else wrote the record")
	// ErrUnread means that the bucket was not read to its end yet.
	ErrUnread = errors.New("the bucket is still being read")
)

// Record is what is known of a key.
type Record struct {
	Key      string
	Value    []byte    // nil: the record was deleted, or never was
	Revision uint64    // 0: it never was
	Stored   time.Time // by the server's clock
}

// Options make a Bucket.
type Options struct {
	JetStream jetstream.JetStream
	Bucket    string                                          // its full name
	Open      func(context.Context) (jetstream.Stream, error) // makes the bucket when missing, returns its stream
	Verifier  Verifier                                        // of what is read of the bucket; may be nil
	Apply     func(Record)                                    // called with each record by one goroutine; must not block
	Reset     func()                                          // what was applied is void, all of it is applied again; by the same goroutine
	Whole     func()                                          // everything was applied that was there, after a start or a reset; may be nil
	Reconnect func(func()) (stop func())                      // registers for reconnections; may be nil
	Now       func() time.Time                                // nil: time.Now
	Logger    *slog.Logger
}

// Bucket is safe for concurrent use. [Bucket.Run] must run for records to be
// applied.
type Bucket struct {
	opts Options

	mu      sync.Mutex
	stream  jetstream.Stream // nil: not opened yet
	whole   bool
	last    uint64
	moved   chan struct{} // closed and replaced when last grows
	deleted map[string]marker
}

// New returns a bucket of which nothing is known yet.
func New(o Options) *Bucket {
	if o.Whole == nil {
		o.Whole = func() {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Bucket{opts: o, moved: make(chan struct{}), deleted: map[string]marker{}}
}

// Run has the records applied until ctx ends. It retries for ever.
func (b *Bucket) Run(ctx context.Context) error {
	Follow(ctx, FollowOptions{
		Open:      b.opts.Open,
		Opened:    b.opened,
		Subject:   b.subject(">"),
		Reader:    reader{b},
		Verifier:  b.opts.Verifier,
		Forgets:   markerAge / 2,
		Reconnect: b.opts.Reconnect,
		Logger:    b.opts.Logger.With("bucket", b.opts.Bucket),
	})
	return nil
}

// Ready is nil once everything was applied that was there at the start.
func (b *Bucket) Ready() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.whole {
		return ErrUnread
	}
	return nil
}

// Get reads the record from the server; its Revision is 0 where there never was
// one. A replica may answer with an older one: the next write then meets
// [ErrConflict].
func (b *Bucket) Get(ctx context.Context, key string) (Record, error) {
	stream, err := b.open(ctx)
	if err != nil {
		return Record{}, err
	}
	msg, err := stream.GetLastMsgForSubject(ctx, b.subject(key))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Record{Key: key}, nil
	}
	if err != nil {
		return Record{}, fmt.Errorf("read the record %s: %w", key, err)
	}
	return record(key, msg.Header, msg.Data, msg.Sequence, msg.Time), nil
}

// Put writes the record and returns its revision, if the one there has the given
// revision; with 0 there must be none, or a deleted one. Else the error is
// [ErrConflict]; after another error it may be written or not.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if revision > 0 {
		return b.write(ctx, key, nil, value, revision)
	}
	next, err := b.write(ctx, key, nil, value, b.deletion(key))
	if !errors.Is(err, ErrConflict) {
		return next, err
	}
	there, err := b.Get(ctx, key)
	switch {
	case err != nil:
		return 0, err
	case there.Value != nil:
		return 0, ErrConflict
	}
	return b.write(ctx, key, nil, value, there.Revision)
}

// Delete removes the record if it has that revision, else the error is
// [ErrConflict]. It returns the revision of the deletion.
func (b *Bucket) Delete(ctx context.Context, key string, revision uint64) (uint64, error) {
	return b.write(ctx, key, nats.Header{operation: {removed}}, nil, revision)
}

// Wait blocks until the record with that revision was applied, or ctx ends.
func (b *Bucket) Wait(ctx context.Context, revision uint64) error {
	for {
		b.mu.Lock()
		last, moved := b.last, b.moved
		b.mu.Unlock()
		if last >= revision {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for revision %d: %w", revision, ctx.Err())
		}
	}
}

// markerAge is how long a node must have known of a deletion to have its marker
// forgotten. Every other node has heard of it by then, or reads everything anew.
const markerAge = time.Hour

// Tidy forgets the markers of what was deleted long ago.
func (b *Bucket) Tidy(ctx context.Context) error {
	stream, err := b.open(ctx)
	if err != nil {
		return err
	}
	for _, m := range b.oldMarkers(b.opts.Now().Add(-markerAge)) {
		// Up to its own revision: one that was written since stays.
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(b.subject(m.key)), jetstream.WithPurgeSequence(m.revision+1)); err != nil {
			return fmt.Errorf("forget the deleted record %s: %w", m.key, err)
		}
		b.forget(m)
	}
	return nil
}

// marker says that a record was deleted.
type marker struct {
	key      string
	revision uint64
	heard    time.Time // by this node: that of another, or the server, may be ahead
}

func (b *Bucket) oldMarkers(before time.Time) []marker {
	b.mu.Lock()
	defer b.mu.Unlock()
	var old []marker
	for _, m := range b.deleted {
		if m.heard.Before(before) {
			old = append(old, m)
		}
	}
	return old
}

func (b *Bucket) forget(m marker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.deleted[m.key] == m {
		delete(b.deleted, m.key)
	}
}

// deletion is the revision at which the key was deleted, 0 where that is not known.
func (b *Bucket) deletion(key string) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.deleted[key].revision
}

func (b *Bucket) write(ctx context.Context, key string, header nats.Header, value []byte, revision uint64) (uint64, error) {
	if _, err := b.open(ctx); err != nil {
		return 0, err
	}
	msg := &nats.Msg{Subject: b.subject(key), Header: header, Data: value}
	ack, err := b.opts.JetStream.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(revision))
	if api, ok := errors.AsType[*jetstream.APIError](err); ok &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		return 0, ErrConflict
	}
	if err != nil {
		return 0, fmt.Errorf("write the record %s: %w", key, err)
	}
	return ack.Sequence, nil
}

// open returns the bucket's stream, making it when missing.
func (b *Bucket) open(ctx context.Context) (jetstream.Stream, error) {
	b.mu.Lock()
	stream := b.stream
	b.mu.Unlock()
	if stream != nil {
		return stream, nil
	}
	stream, err := b.opts.Open(ctx)
	if err != nil {
		return nil, err
	}
	b.opened(stream)
	return stream, nil
}

func (b *Bucket) opened(s jetstream.Stream) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream = s
}

func (b *Bucket) subject(key string) string { return "$KV." + b.opts.Bucket + "." + key }

// The header of a deletion's marker; see [Deleted].
const (
	operation = "KV-Operation"
	removed   = "DEL"
)

func record(key string, header nats.Header, value []byte, revision uint64, stored time.Time) Record {
	r := Record{Key: key, Value: value, Revision: revision, Stored: stored}
	if Deleted(header) {
		r.Value = nil
	} else if r.Value == nil {
		r.Value = []byte{}
	}
	return r
}

// reader hands over what is read.
type reader struct{ *Bucket }

// Begin implements [Reader].
func (r reader) Begin(State) {
	r.mu.Lock()
	r.whole, r.last, r.deleted = false, 0, map[string]marker{}
	r.mu.Unlock()
	r.opts.Reset()
}

// Take implements [Reader].
func (r reader) Take(msg jetstream.Msg, meta *jetstream.MsgMetadata) {
	key := strings.TrimPrefix(msg.Subject(), r.subject(""))
	rec := record(key, msg.Headers(), msg.Data(), meta.Sequence.Stream, meta.Timestamp)
	r.opts.Apply(rec)
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec.Value == nil {
		r.deleted[key] = marker{key, rec.Revision, r.opts.Now()}
	} else {
		delete(r.deleted, key)
	}
	r.move(rec.Revision)
}

// Whole implements [Reader].
func (r reader) Whole(last uint64) {
	r.mu.Lock()
	r.whole = true
	r.move(last)
	r.mu.Unlock()
	r.opts.Whole()
}

// move notes how far the bucket was applied.
func (b *Bucket) move(last uint64) {
	if last > b.last {
		b.last = last
		close(b.moved)
		b.moved = make(chan struct{})
	}
}
