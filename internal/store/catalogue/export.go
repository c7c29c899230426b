package catalogue

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go/jetstream"
)

// exportAhead is how many records, events included, are asked for at once.
const exportAhead = 64

// Export yields every record, those of take-downs included, in the order in
// which they were written. A gallery that is revised meanwhile may come twice,
// the later revision last, and none is missed. A record that cannot be read is
// an [ErrUnreadable] and the next ones follow; any other error is the last.
func (c *Catalogue) Export(ctx context.Context) iter.Seq2[Revision, error] {
	return func(yield func(Revision, error) bool) {
		if err := c.export(ctx, yield); err != nil {
			yield(Revision{}, fmt.Errorf("read the bucket: %w", err))
		}
	}
}

// export returns nil when yield has enough, too.
func (c *Catalogue) export(ctx context.Context, yield func(Revision, error) bool) error {
	stream, err := c.bucket.Stream(ctx)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil || info.State.Msgs == 0 {
		return err
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{c.bucket.Subject(">")}})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(exportAhead))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for more := true; more; {
		msg, err := c.await(ctx, consumer, messages)
		if err != nil || msg == nil {
			return err
		}
		there, pending, err := c.bucket.Record(msg)
		if err != nil {
			return err
		}
		more = pending > 0
		if there.Value == nil {
			continue
		}
		r, err := exported(there)
		if !yield(r, err) {
			return nil
		}
	}
	return nil
}

// await returns the next message, nil when none is left: the last ones may be
// deleted before they are sent, of which the server says nothing. It waits no longer
// than for any other answer.
func (c *Catalogue) await(ctx context.Context, consumer jetstream.Consumer, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	none := false
	for {
		waiting, cancel := context.WithTimeout(ctx, c.opts.JetStream.Options().DefaultTimeout)
		msg, err := messages.Next(jetstream.NextContext(waiting))
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err() // a message that came before is handed out all the same
		case !errors.Is(err, context.DeadlineExceeded):
			return msg, err
		case none:
			return nil, nil
		}
		info, infoErr := consumer.Info(ctx)
		if infoErr != nil || info.NumPending > 0 {
			return nil, err
		}
		none = true // unless the server sent it just now
	}
}

// exported reads a record.
func exported(r bucket.Record) (Revision, error) {
	e, err := entry(r)
	if err == nil && e.NewerFormat() {
		err = ErrNewerFormat
	}
	var past []byte
	if err == nil {
		past, err = e.Past()
	}
	if err != nil {
		return Revision{}, fmt.Errorf("record %s: %w: %w", r.Key, ErrUnreadable, err)
	}
	out := Revision{ID: e.ID, Rank: e.Rank, Reason: e.Reason(), Body: r.Value, Past: past}
	if event := r.Header.Get(headerEvent); event != "" {
		out.Event = []byte(event)
	}
	return out, nil
}
