package catalogue

import (
	"context"
	"errors"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/gallery"
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
		switch {
		case prev.yields(r.Rank):
			sequence, err := c.write(ctx, key, r, prev)
			if !conflict(err) {
				return Stored, sequence, err
			}
		case certain && !prev.learns(r):
			return refuse(prev, r.Rank)
		case certain:
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

// expected is the entry that the bucket should have, nil for none.
func (c *Catalogue) expected(key string) *Entry {
	if !c.ready.Load() {
		return nil
	}
	return c.index.entry(key)
}

// yields reports whether a revision of that rank takes the place of e.
func (e *Entry) yields(rank gallery.Rank) bool {
	return e == nil || e.state == lost || e.state == sound && rank.Compare(e.Rank) > 0
}

func refuse(prev *Entry, rank gallery.Rank) (Outcome, uint64, error) {
	if prev.state == foreign {
		return "", 0, ErrNewerFormat
	}
	if rank.Compare(prev.Rank) == 0 {
		return Unchanged, prev.Revision, nil
	}
	return Superseded, prev.Revision, nil
}

func (c *Catalogue) write(ctx context.Context, key string, r Revision, prev *Entry) (uint64, error) {
	msg, err := message(c.subject(key), r, prev)
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

// settle waits, after a take-down, until this node's index knows of it, so that
// when the event is acknowledged the node no longer shows the gallery. An index
// that was never whole shows nothing.
func (c *Catalogue) settle(ctx context.Context, r Revision, outcome Outcome, sequence uint64) error {
	if !r.Rank.TakeDown || outcome == Superseded || !c.index.whole() {
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
func (c *Catalogue) fetch(ctx context.Context, key string) (*Entry, error) {
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
