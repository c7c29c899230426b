package bucket

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go/jetstream"
)

// allAhead is how many records [Bucket.All] asks for at once.
const allAhead = 64

// All reads every record from the server, in the order of their revisions, without
// following the bucket. A record that is changed meanwhile may come twice, the newer one
// last, and none is missed. An error is the last that it yields.
func (b *Bucket) All(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if err := b.all(ctx, yield); err != nil {
			yield(Record{}, fmt.Errorf("read the bucket: %w", err))
		}
	}
}

// all returns nil when yield has enough, too.
func (b *Bucket) all(ctx context.Context, yield func(Record, error) bool) error {
	stream, err := b.open(ctx)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil || info.State.Msgs == 0 {
		return err
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{b.subject(">")}})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(allAhead))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := b.next(ctx, consumer, messages)
		if err != nil || msg == nil {
			return err
		}
		r, pending, err := b.message(msg)
		switch {
		case err != nil:
			return err
		case r.Value != nil && !yield(r, nil), pending == 0:
			return nil
		}
	}
}

// next returns the next message, nil when none is left: the last ones may be deleted
// before they are sent, and the server does not tell. It waits no longer than for any
// other answer.
func (b *Bucket) next(ctx context.Context, consumer jetstream.Consumer, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	none := false
	for {
		waiting, cancel := context.WithTimeout(ctx, b.opts.JetStream.Options().DefaultTimeout)
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
