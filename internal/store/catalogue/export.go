package catalogue

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/nats-io/nats.go/jetstream"
)

// Record is a gallery as the bucket holds it.
type Record struct {
	Revision        // without its Gallery when it comes from Export
	Past     []byte // what it remembers of the revisions before, as JSON; opaque; nil: nothing
}

// exportAhead is how many records, events included, are asked for at once.
const exportAhead = 64

// Export yields every record, those of take-downs included, in the order in
// which they were written. A gallery that is revised meanwhile may come twice,
// the later revision last, and none is missed. A record that can not be read is
// an [ErrUnreadable] and the next ones follow; any other error is the last.
func (c *Catalogue) Export(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		consumer, messages, err := c.records(ctx)
		if err != nil {
			yield(Record{}, err)
			return
		}
		if messages == nil {
			return
		}
		defer messages.Stop()
		for more := true; more; {
			msg, meta, err := c.next(ctx, consumer, messages)
			if err != nil {
				yield(Record{}, err)
				return
			}
			if msg == nil {
				return
			}
			more = meta.NumPending > 0
			r, there, err := c.record(msg, meta)
			if (there || err != nil) && !yield(r, err) {
				return
			}
		}
	}
}

// records returns the bucket's messages from the first and whose they are, nil when
// it is empty.
func (c *Catalogue) records(ctx context.Context) (jetstream.Consumer, jetstream.MessagesContext, error) {
	stream, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	if info.State.Msgs == 0 {
		return nil, nil, nil
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{c.subject(">")}, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(exportAhead))
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	return consumer, messages, nil
}

// next returns the next message, nil when none is left: the last ones may be
// deleted before they are sent, of which the server says nothing.
func (c *Catalogue) next(ctx context.Context, consumer jetstream.Consumer, messages jetstream.MessagesContext) (jetstream.Msg, *jetstream.MsgMetadata, error) {
	msg, err := c.await(ctx, messages)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		info, infoErr := consumer.Info(ctx)
		if infoErr != nil || info.NumPending > 0 {
			return nil, nil, fmt.Errorf("read the bucket: %w", err)
		}
		msg, err = c.await(ctx, messages) // which the server sent just now
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return nil, nil, nil
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	return msg, meta, nil
}

// await waits no longer for a message than for any other answer.
func (c *Catalogue) await(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	waiting, cancel := context.WithTimeout(ctx, c.opts.JetStream.Options().DefaultTimeout)
	defer cancel()
	msg, err := messages.Next(jetstream.NextContext(waiting))
	if err == nil {
		err = ctx.Err() // what came before ctx ended is handed out all the same
	}
	return msg, err
}

// record reads a message of the bucket. There is no record in one that says
// that somebody deleted it.
func (c *Catalogue) record(msg jetstream.Msg, meta *jetstream.MsgMetadata) (r Record, there bool, err error) {
	if bucket.Deleted(msg.Headers()) {
		return Record{}, false, nil
	}
	key := strings.TrimPrefix(msg.Subject(), c.subject(""))
	e, err := entry(key, msg.Headers(), meta.Sequence.Stream, meta.Timestamp)
	if err == nil && e.NewerFormat() {
		err = ErrNewerFormat
	}
	if err != nil {
		return Record{}, false, unreadable(key, err)
	}
	r.Revision = Revision{ID: e.ID, Rank: e.Rank, Reason: e.Reason(), Body: msg.Data()}
	if attributes := msg.Headers().Get(headerEvent); attributes != "" {
		r.Event = []byte(attributes)
	}
	if r.Past, err = e.Past(); err != nil {
		return Record{}, false, unreadable(key, err)
	}
	return r, true, nil
}

func unreadable(key string, err error) error {
	return fmt.Errorf("record %s: %w: %w", key, ErrUnreadable, err)
}

// Restore is [Catalogue.Put] for a record that was exported: where nothing is
// known of the gallery yet, the record remembers what it did.
func (c *Catalogue) Restore(ctx context.Context, r Record) (Outcome, error) {
	outcome, err := c.restore(ctx, r)
	if err != nil {
		return "", fmt.Errorf("restore gallery %q: %w", r.ID, err)
	}
	return outcome, nil
}

func (c *Catalogue) restore(ctx context.Context, r Record) (Outcome, error) {
	key := gallery.Key(r.ID)
	prev, err := c.fetch(ctx, key)
	if err != nil {
		return "", err
	}
	if prev != nil && !prev.Lost() {
		if index.Next(prev, r.indexed()) != nil {
			return c.Put(ctx, r.Revision)
		}
		outcome, _, err := refuse(prev, r.Rank)
		return outcome, err
	}
	before, err := c.index.Before(r.Past, r.Rank, prev, c.opts.Now())
	if err != nil {
		return "", fmt.Errorf("its past: %w: %w", ErrUnreadable, err)
	}
	if _, err := c.write(ctx, key, index.Next(before, r.indexed()), prev, r.Revision); !conflict(err) {
		return Stored, err
	}
	return c.Put(ctx, r.Revision)
}
