// Package ledger keeps small records in a key-value bucket that every node
// follows: who writes does so by compare-and-set, and every node hears of each
// record in the order in which they were written.
//
// What is heard may lag behind the bucket by a moment and never runs ahead. What
// records mean, and the memory of them, are left to who keeps the ledger.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/follow"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrConflict means that somebody else wrote the record first.
	ErrConflict = errors.New("somebody else wrote the record")
	// ErrUnread means that the ledger was not read to its end yet.
	ErrUnread = errors.New("the ledger is still being read from the bucket")
)

// Record is what is known of a key.
type Record struct {
	Key      string
	Value    []byte    // nil: the record was deleted, or never was
	Revision uint64    // 0: it never was
	Stored   time.Time // by the server's clock
}

// Verifier compares what is read with what the bucket must hold.
type Verifier = follow.Verifier

// Options make a ledger.
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

// Ledger is safe for concurrent use. [Ledger.Run] must run for records to be
// applied.
type Ledger struct {
	opts Options

	mu      sync.Mutex
	stream  jetstream.Stream // nil: not opened yet
	whole   bool
	last    uint64
	moved   chan struct{} // closed and replaced when last grows
	deleted map[string]marker
}

// New returns a ledger of which nothing is known yet.
func New(o Options) *Ledger {
	if o.Whole == nil {
		o.Whole = func() {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Ledger{opts: o, moved: make(chan struct{}), deleted: map[string]marker{}}
}

// Run has the records applied until ctx ends. It retries for ever.
func (l *Ledger) Run(ctx context.Context) error {
	follow.Run(ctx, follow.Options{
		Open:      l.opts.Open,
		Opened:    l.opened,
		Subject:   l.subject(">"),
		Reader:    reader{l},
		Verifier:  l.opts.Verifier,
		Forgets:   markerAge / 2,
		Reconnect: l.opts.Reconnect,
		Logger:    l.opts.Logger.With("bucket", l.opts.Bucket),
	})
	return nil
}

// Ready is nil once everything was applied that was there at the start.
func (l *Ledger) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.whole {
		return ErrUnread
	}
	return nil
}

// Get reads the record from the server; its Revision is 0 where there never was
// one. A replica may answer with an older one: the next write then meets
// [ErrConflict].
func (l *Ledger) Get(ctx context.Context, key string) (Record, error) {
	stream, err := l.open(ctx)
	if err != nil {
		return Record{}, err
	}
	msg, err := stream.GetLastMsgForSubject(ctx, l.subject(key))
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
func (l *Ledger) Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if revision > 0 {
		return l.write(ctx, key, nil, value, revision)
	}
	next, err := l.write(ctx, key, nil, value, l.deletion(key))
	if !errors.Is(err, ErrConflict) {
		return next, err
	}
	there, err := l.Get(ctx, key)
	switch {
	case err != nil:
		return 0, err
	case there.Value != nil:
		return 0, ErrConflict
	}
	return l.write(ctx, key, nil, value, there.Revision)
}

// Delete removes the record if it has that revision, else the error is
// [ErrConflict]. It returns the revision of the deletion.
func (l *Ledger) Delete(ctx context.Context, key string, revision uint64) (uint64, error) {
	return l.write(ctx, key, nats.Header{operation: {removed}}, nil, revision)
}

// Wait blocks until the record with that revision was applied, or ctx ends.
func (l *Ledger) Wait(ctx context.Context, revision uint64) error {
	for {
		l.mu.Lock()
		last, moved := l.last, l.moved
		l.mu.Unlock()
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
func (l *Ledger) Tidy(ctx context.Context) error {
	stream, err := l.open(ctx)
	if err != nil {
		return err
	}
	for _, m := range l.oldMarkers(l.opts.Now().Add(-markerAge)) {
		// Up to its own revision: one that was written since stays.
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(l.subject(m.key)), jetstream.WithPurgeSequence(m.revision+1)); err != nil {
			return fmt.Errorf("forget the deleted record %s: %w", m.key, err)
		}
		l.forget(m)
	}
	return nil
}

// marker says that a record was deleted.
type marker struct {
	key      string
	revision uint64
	heard    time.Time // by this node: that of another, or the server, may be ahead
}

func (l *Ledger) oldMarkers(before time.Time) []marker {
	l.mu.Lock()
	defer l.mu.Unlock()
	var old []marker
	for _, m := range l.deleted {
		if m.heard.Before(before) {
			old = append(old, m)
		}
	}
	return old
}

func (l *Ledger) forget(m marker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deleted[m.key] == m {
		delete(l.deleted, m.key)
	}
}

// deletion is the revision at which the key was deleted, 0 where that is not known.
func (l *Ledger) deletion(key string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.deleted[key].revision
}

func (l *Ledger) write(ctx context.Context, key string, header nats.Header, value []byte, revision uint64) (uint64, error) {
	if _, err := l.open(ctx); err != nil {
		return 0, err
	}
	msg := &nats.Msg{Subject: l.subject(key), Header: header, Data: value}
	ack, err := l.opts.JetStream.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(revision))
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
func (l *Ledger) open(ctx context.Context) (jetstream.Stream, error) {
	l.mu.Lock()
	stream := l.stream
	l.mu.Unlock()
	if stream != nil {
		return stream, nil
	}
	stream, err := l.opts.Open(ctx)
	if err != nil {
		return nil, err
	}
	l.opened(stream)
	return stream, nil
}

func (l *Ledger) opened(s jetstream.Stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stream = s
}

func (l *Ledger) subject(key string) string { return "$KV." + l.opts.Bucket + "." + key }

// The header of a deletion's marker; see [follow.Deleted].
const (
	operation = "KV-Operation"
	removed   = "DEL"
)

func record(key string, header nats.Header, value []byte, revision uint64, stored time.Time) Record {
	r := Record{Key: key, Value: value, Revision: revision, Stored: stored}
	if follow.Deleted(header) {
		r.Value = nil
	} else if r.Value == nil {
		r.Value = []byte{}
	}
	return r
}

// reader hands over what is read.
type reader struct{ *Ledger }

// Begin implements [follow.Reader].
func (r reader) Begin(follow.State) {
	r.mu.Lock()
	r.whole, r.last, r.deleted = false, 0, map[string]marker{}
	r.mu.Unlock()
	r.opts.Reset()
}

// Take implements [follow.Reader].
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

// Whole implements [follow.Reader].
func (r reader) Whole(last uint64) {
	r.mu.Lock()
	r.whole = true
	r.move(last)
	r.mu.Unlock()
	r.opts.Whole()
}

// move notes how far the ledger was applied.
func (l *Ledger) move(last uint64) {
	if last > l.last {
		l.last = last
		close(l.moved)
		l.moved = make(chan struct{})
	}
}
