package catalogue

import (
	"context"
	"errors"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxConflicts bounds how often one Put runs into other writers of the same
// gallery before it gives the revision back to be tried later.
const maxConflicts = 16

// Put stores r durably unless a rank as high is there. It may be repeated, and
// run at once with others, on any node. After a take-down it returns once this
// node's index knows of it. An error means that r may or may not be stored: put
// it again.
func (c *Catalogue) Put(ctx context.Context, r Revision) (Outcome, error) {
	outcome, sequence, err := c.put(ctx, r)
	if err == nil {
		err = c.settle(ctx, r, outcome, sequence)
	}
	if err != nil {
		return "", fmt.Errorf("store gallery %q: %w", r.ID, err)
	}
	return outcome, nil
}

// put returns the sequence of the record that is there in the end. What the
// index says is good enough to write upon, because the write is a
// compare-and-set; to refuse r, which is forgotten then, the bucket itself is
// asked: the index may be of one that is gone.
func (c *Catalogue) put(ctx context.Context, r Revision) (Outcome, uint64, error) {
	if _, err := c.open(ctx); err != nil {
		return "", 0, err
	}
	key := gallery.Key(r.ID)
	prev, certain := c.expected(key), false
	for range maxConflicts {
		next := index.Next(prev, r.indexed())
		switch {
		case next == nil && certain:
			return refuse(prev, r.Rank)
		case next != nil && next.Rank.Compare(r.Rank) == 0:
			sequence, err := c.write(ctx, key, next, prev, r)
			if !conflict(err) {
				return Stored, sequence, err
			}
		case next != nil && certain:
			if err := c.teach(ctx, key, r); !conflict(err) {
				return Superseded, prev.Revision, err
			}
		}
		var err error
		if prev, err = c.fetch(ctx, key); err != nil {
			return "", 0, err
		}
		certain = true
	}
	return "", 0, fmt.Errorf("gave way to other writers %d times", maxConflicts)
}

// indexed is what the index needs of r.
func (r Revision) indexed() index.Revision {
	return index.Revision{ID: r.ID, Rank: r.Rank, Gallery: r.Gallery, Reason: r.Reason}
}

// expected is the entry that the bucket should have, nil for none.
func (c *Catalogue) expected(key string) *index.Entry {
	if c.index.Ready() != nil {
		return nil
	}
	return c.index.Record(key)
}

func refuse(prev *index.Entry, rank gallery.Rank) (Outcome, uint64, error) {
	if prev.NewerFormat() {
		return "", 0, ErrNewerFormat
	}
	if rank.Compare(prev.Rank) == 0 {
		return Unchanged, prev.Revision, nil
	}
	return Superseded, prev.Revision, nil
}

// write stores next, which r is in the place of prev.
func (c *Catalogue) write(ctx context.Context, key string, next, prev *index.Entry, r Revision) (uint64, error) {
	msg, err := message(c.subject(key), next, r.Body, string(r.Event))
	if err != nil {
		return 0, err
	}
	var expected uint64
	if prev != nil {
		expected = prev.Revision
	}
	ack, err := c.opts.JetStream.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(expected))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// teach writes the record of a take-down anew, with what r tells that it ended.
func (c *Catalogue) teach(ctx context.Context, key string, r Revision) error {
	stream, err := c.open(ctx)
	if err != nil {
		return err
	}
	raw, err := stream.GetLastMsgForSubject(ctx, c.subject(key))
	if err != nil {
		return err
	}
	prev, err := entry(key, raw.Header, raw.Sequence, raw.Time)
	if err != nil {
		return err
	}
	next := index.Next(prev, r.indexed())
	if next == nil {
		return nil // somebody else did it
	}
	var msg *nats.Msg
	if msg, err = message(c.subject(key), next, raw.Data, raw.Header.Get(headerEvent)); err != nil {
		return err
	}
	_, err = c.opts.JetStream.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(prev.Revision))
	return err
}

// settle waits, after a take-down, until this node's index knows of it, so that
// when the event is acknowledged the node no longer shows the gallery. An index
// that was never whole shows nothing.
func (c *Catalogue) settle(ctx context.Context, r Revision, outcome Outcome, sequence uint64) error {
	if !r.Rank.TakeDown || outcome == Superseded || !c.index.Filled() {
		return nil
	}
	return c.Wait(ctx, sequence)
}

func (c *Catalogue) subject(key string) string { return "$KV." + c.opts.Bucket + "." + key }

// conflict reports whether somebody else wrote the record first.
func conflict(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// fetch reads the record's entry from the bucket, nil when there is none. A
// replica that lags may answer with an older one; the next write then meets a
// conflict again.
func (c *Catalogue) fetch(ctx context.Context, key string) (*index.Entry, error) {
	stream, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	msg, err := stream.GetLastMsgForSubject(ctx, c.subject(key))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e, _ := read(key, msg.Header, msg.Sequence, msg.Time) // what can not be read gives way
	return e, nil
}

// open returns the bucket's stream, making it when missing.
func (c *Catalogue) open(ctx context.Context) (jetstream.Stream, error) {
	if s := c.stream.Load(); s != nil {
		return *s, nil
	}
	s, err := c.opts.Open(ctx)
	if err != nil {
		return nil, err
	}
	c.stream.Store(&s)
	return s, nil
}
