// Package bucket is the one way to read and write records in a key-value bucket.
//
// A caller gets, puts, deletes and amends records by their keys, each write being a
// compare-and-set on the record's revision. A caller that follows the bucket (see
// [Bucket.Run]) is given every record, one after the other, in the order of their
// revisions, and can wait for one: it may lag behind the bucket by a moment and never
// runs ahead. It misses no record when the server goes away, or when the bucket was
// recreated, which no consumer notices by itself: then all records are replayed.
//
// The meaning of records, and memory of them, are left to the caller.
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
	// ErrConflict means that the record has another revision: another writer was first.
	ErrConflict = errors.New("another writer changed the record first")
	// ErrKeep is what a change returns to leave the record as it is, see [Bucket.Amend].
	ErrKeep = errors.New("the record stays as it is")
)

// maxConflicts bounds how often one change is tried again because of other writers.
const maxConflicts = 16

// Record is what a key holds.
type Record struct {
	Key      string
	Header   nats.Header
	Value    []byte    // nil: the record was deleted, or never was; empty where only headers are followed
	Revision uint64    // 0: it never was
	Stored   time.Time // by the server's clock
}

// Options make a [Bucket]. Those from Apply on are for a bucket that is followed.
type Options struct {
	JetStream jetstream.JetStream
	Bucket    string                                          // its full name
	Open      func(context.Context) (jetstream.Stream, error) // makes the bucket when missing, returns its stream
	Reconnect func(func())                                    // registers for reconnections, for good; may be nil
	Now       func() time.Time                                // nil: time.Now
	Logger    *slog.Logger

	Apply        func(Record)      // called with each record by one goroutine; must not block
	Reset        func(State)       // everything applied so far is void, all records are applied again; by the same goroutine
	Whole        func(last uint64) // after a start or a reset, every record up to that revision was applied; may be nil
	Verifier     Verifier          // of the records that are read; may be nil
	HeadersOnly  bool              // the records' values are not read
	KeepsMarkers bool              // nobody calls Tidy: a node that was out of touch for long misses no deletion
}

// Bucket is safe for concurrent use.
type Bucket struct {
	opts      Options
	connected chan struct{} // has a value after a reconnection

	reading reading // of the goroutine of Run

	mu      sync.Mutex
	stream  jetstream.Stream // nil: not opened, or to be looked at again
	whole   bool
	last    uint64        // the revision up to which records were applied
	moved   chan struct{} // closed when last grows; nil: nobody waits
	deleted map[string]marker
	contact time.Time // when the bucket was last known to be the one that is read; without a monotonic clock, which stands still in a machine that is suspended
}

// New returns a bucket. It does nothing yet: the first use opens the bucket.
func New(o Options) *Bucket {
	if o.Now == nil {
		o.Now = time.Now
	}
	b := &Bucket{opts: o, connected: make(chan struct{}, 1), deleted: map[string]marker{}}
	if o.Reconnect != nil {
		o.Reconnect(func() {
			b.forget() // it may be another server
			select {
			case b.connected <- struct{}{}:
			default:
			}
		})
	}
	return b
}

// Get reads the record from the server; its Revision is 0 where there never was
// one. A replica may answer with an older one: the next write then meets
// [ErrConflict].
func (b *Bucket) Get(ctx context.Context, key string) (Record, error) {
	r, err := b.get(ctx, func(s jetstream.Stream) (*jetstream.RawStreamMsg, error) {
		return s.GetLastMsgForSubject(ctx, b.subject(key))
	})
	if err != nil {
		return Record{}, fmt.Errorf("read the record %s: %w", key, err)
	}
	r.Key = key
	return r, nil
}

// At reads the record with that revision from the server. Its Revision is 0 when
// another one has taken its place.
func (b *Bucket) At(ctx context.Context, revision uint64) (Record, error) {
	r, err := b.get(ctx, func(s jetstream.Stream) (*jetstream.RawStreamMsg, error) { return s.GetMsg(ctx, revision) })
	if err != nil {
		return Record{}, fmt.Errorf("read revision %d: %w", revision, err)
	}
	return r, nil
}

func (b *Bucket) get(ctx context.Context, ask func(jetstream.Stream) (*jetstream.RawStreamMsg, error)) (Record, error) {
	stream, err := b.open(ctx)
	if err != nil {
		return Record{}, err
	}
	msg, err := ask(stream)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return Record{}, nil
	case err != nil:
		b.forget()
		return Record{}, err
	}
	return b.record(msg.Subject, msg.Header, msg.Data, msg.Sequence, msg.Time), nil
}

// Put writes the record and returns its revision, if the one there has the given
// revision; with 0 there must be none, or a deleted one. Else the error is
// [ErrConflict]; after another error it may be written or not.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	r := Record{Key: key, Value: append([]byte{}, value...), Revision: revision} // never nil
	if revision > 0 {
		return b.Write(ctx, r)
	}
	b.mu.Lock()
	r.Revision = b.deleted[key].revision // 0 where no deletion is known
	b.mu.Unlock()
	next, err := b.Write(ctx, r)
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
	r.Revision = there.Revision
	return b.Write(ctx, r)
}

// Write replaces the record that has the very revision of r, also where that is of a
// deletion, by r's header and value; a nil value deletes it. It returns as [Bucket.Put]
// does.
func (b *Bucket) Write(ctx context.Context, r Record) (uint64, error) {
	if _, err := b.open(ctx); err != nil {
		return 0, err
	}
	if r.Value == nil {
		r.Header = nats.Header{operation: {removed}}
	}
	msg := &nats.Msg{Subject: b.subject(r.Key), Header: r.Header, Data: r.Value}
	ack, err := b.opts.JetStream.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(r.Revision))
	if api, ok := errors.AsType[*jetstream.APIError](err); ok &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		return 0, ErrConflict
	}
	if err != nil {
		b.forget()
		return 0, fmt.Errorf("write the record %s: %w", r.Key, err)
	}
	return ack.Sequence, nil
}

// Store is [Bucket.Put] of v in JSON, see [Encode].
func (b *Bucket) Store(ctx context.Context, key string, v any, revision uint64) (uint64, error) {
	value, err := Encode(v)
	if err != nil {
		return 0, fmt.Errorf("encode the record %s: %w", key, err)
	}
	return b.Put(ctx, key, value, revision)
}

// Delete removes the record if it has that revision, else the error is
// [ErrConflict]. It returns the revision of the deletion.
func (b *Bucket) Delete(ctx context.Context, key string, revision uint64) (uint64, error) {
	return b.Write(ctx, Record{Key: key, Revision: revision})
}

// Amend writes what change makes of the record, and calls it again with the newer
// record when another writer was first. A nil value deletes the record. An error of
// change ends it and is returned, but for [ErrKeep]. It returns the revision that the
// record has then.
func (b *Bucket) Amend(ctx context.Context, key string, change func(Record) ([]byte, error)) (revision uint64, err error) {
	err = RetryConflicts(func(bool) error {
		there, err := b.Get(ctx, key)
		if err != nil {
			return err
		}
		revision = there.Revision
		value, err := change(there)
		switch {
		case errors.Is(err, ErrKeep), err == nil && value == nil && there.Value == nil:
			return nil
		case err != nil:
			return err
		}
		revision, err = b.Write(ctx, Record{Key: key, Value: value, Revision: revision})
		return err
	})
	return revision, err
}

// RetryConflicts calls try until its error is not [ErrConflict], a bounded number of
// times; again is false the first time.
func RetryConflicts(try func(again bool) error) error {
	err := try(false)
	for n := 1; n < maxConflicts && errors.Is(err, ErrConflict); n++ {
		err = try(true)
	}
	if errors.Is(err, ErrConflict) {
		return fmt.Errorf("gave way to other writers %d times: %w", maxConflicts, err)
	}
	return err
}

// The header of a deletion's marker, as every client of key-value buckets writes it.
const (
	operation = "KV-Operation"
	removed   = "DEL"
)

// open returns the stream behind the bucket, making it when missing.
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
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream = stream
	return stream, nil
}

// forget has the bucket opened anew by its next use: it may not be there any more.
func (b *Bucket) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream = nil
}

// subject is where the record with that key is in the stream.
func (b *Bucket) subject(key string) string { return "$KV." + b.opts.Bucket + "." + key }

// message returns the record in a message of the stream, and how many messages follow
// it for the consumer.
func (b *Bucket) message(msg jetstream.Msg) (r Record, pending uint64, err error) {
	meta, err := msg.Metadata()
	if err != nil {
		return Record{}, 0, fmt.Errorf("read the bucket: %w", err)
	}
	return b.record(msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Stream, meta.Timestamp), meta.NumPending, nil
}

func (b *Bucket) record(subject string, header nats.Header, value []byte, revision uint64, stored time.Time) Record {
	op := header.Get(operation)
	switch {
	case op == removed || op == "PURGE":
		value = nil
	case value == nil:
		value = []byte{}
	}
	return Record{strings.TrimPrefix(subject, b.subject("")), header, value, revision, stored}
}
