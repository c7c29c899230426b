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
// run at once with others, on any node. An error means that r may or may not
// be stored: put it again.
func (c *Catalogue) Put(ctx context.Context, r Revision) (Outcome, error) {
	key := gallery.Key(r.ID)
	prev := c.index.find(key)
	for range maxConflicts {
		if prev != nil && prev.foreign {
			return "", fmt.Errorf("store gallery %q: %w", r.ID, ErrNewerFormat)
		}
		if prev != nil {
			if order := r.Rank.Compare(prev.Rank); order <= 0 {
				return refused(order), nil
			}
		}
		sequence, err := c.write(ctx, key, r, prev)
		if err == nil {
			return Stored, c.settle(ctx, r, sequence)
		}
		if !conflict(err) {
			return "", fmt.Errorf("store gallery %q: %w", r.ID, err)
		}
		if prev, err = c.fetch(ctx, key); err != nil {
			return "", fmt.Errorf("store gallery %q: %w", r.ID, err)
		}
	}
	return "", fmt.Errorf("store gallery %q: gave way to other writers %d times", r.ID, maxConflicts)
}

func refused(order int) Outcome {
	if order == 0 {
		return Unchanged
	}
	return Superseded
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
// when the event is acknowledged the node no longer shows the gallery.
func (c *Catalogue) settle(ctx context.Context, r Revision, sequence uint64) error {
	if !r.Rank.TakeDown || !c.ready.Load() {
		return nil
	}
	return c.Wait(ctx, sequence)
}

func (c *Catalogue) subject(key string) string { return "$KV." + c.opts.Bucket + "." + key }

// conflict reports whether somebody else wrote the record first.
func conflict(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
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
	if deleted(msg.Header) {
		return &Entry{Revision: msg.Sequence, Rank: gallery.Rank{TakeDown: true}}, nil
	}
	return entry(msg.Header, msg.Sequence, msg.Time)
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
