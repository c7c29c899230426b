package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// streamState is where a stream and its consumer are. Sequences are the stream's.
type streamState struct {
	first     uint64 // the first message that is still there
	reached   uint64 // the last one that was delivered; 0: none yet
	delivered uint64 // how many deliveries there were, to all nodes, repeated ones included
	waiting   uint64 // events that were never delivered
}

// passed is the sequence up to which every message was delivered or is gone.
func (s streamState) passed() uint64 { return max(s.reached, max(s.first, 1)-1) }

// dropped is how many events, at least, the stream dropped undelivered since the
// state before: those that waited and no longer do, and those that are gone where
// exact says that every message is an event.
func (s streamState) dropped(before streamState, exact bool) (n uint64) {
	if s.first < before.first || s.reached < before.reached || s.delivered < before.delivered {
		return 0 // stream or consumer were made anew
	}
	delivered := s.delivered - before.delivered
	n = before.waiting - min(before.waiting, s.waiting+delivered)
	if exact {
		passed := s.passed() - before.passed()
		n = max(n, passed-min(passed, delivered))
	}
	return n
}

// observeDrops polls a foreign stream until ctx ends. It raises the alarm when two
// polls in a row find that the stream dropped unread events: a consumer's state may
// be older than its stream's.
func (in *Intake) observeDrops(ctx context.Context, s *source, before streamState) {
	exact := s.ours && s.stream.CachedInfo().Config.Retention == jetstream.LimitsPolicy
	tick := time.NewTicker(in.opts.PollEvery)
	defer tick.Stop()
	for suspicious := false; ; {
		now, err := s.state(ctx)
		n := now.dropped(before, exact)
		switch {
		case err != nil:
			in.opts.Logger.Debug("the event stream's state cannot be read", "err", err)
		case n > 0 && !suspicious:
			suspicious = true
		default:
			if n > 0 {
				in.metrics.lost.Add(float64(n))
				in.opts.Logger.Error("the event stream dropped unread events: raise its limits, and have the CMS publish again",
					"stream", s.stream.CachedInfo().Config.Name, "events", n, "first_kept", now.first)
			}
			before, suspicious = now, false
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// state asks the stream first: an event that is delivered between the two answers must
// not seem dropped.
func (s *source) state(ctx context.Context) (streamState, error) {
	ctx, cancel := context.WithTimeout(ctx, infoTimeout)
	defer cancel()
	stream, err := s.stream.Info(ctx)
	if err != nil {
		return streamState{}, fmt.Errorf("read the event stream's state: %w", err)
	}
	consumer, err := s.consumer.Info(ctx)
	if err != nil {
		return streamState{}, fmt.Errorf("read the consumer's state: %w", err)
	}
	return streamState{
		first: stream.State.FirstSeq, reached: consumer.Delivered.Stream, delivered: consumer.Delivered.Consumer, waiting: consumer.NumPending,
	}, nil
}
