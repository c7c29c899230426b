package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// source is a consumer that events come from, and its stream.
type source struct {
	open    Consumer
	storing chan struct{} // semaphore of the events that are being stored or rejected
	reading trouble

	mu       sync.Mutex // start writes the fields below, the collector of metrics reads them
	consumer jetstream.Consumer
	stream   jetstream.Stream
	ours     bool // the stream has no messages but the consumer's
}

// start opens s and, if its stream is foreign, observes what that drops. stop ends
// the observation.
func (in *Intake) start(ctx context.Context, s *source, js jetstream.JetStream) (stop func(), err error) {
	consumer, foreign, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	info := consumer.CachedInfo()
	stream, err := js.Stream(ctx, info.Stream)
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", info.Stream, err)
	}
	subjects := info.Config.FilterSubjects
	if info.Config.FilterSubject != "" {
		subjects = []string{info.Config.FilterSubject}
	}
	config := stream.CachedInfo().Config
	other := func(subject string) bool { return !slices.Contains(subjects, subject) }
	s.mu.Lock()
	s.consumer, s.stream = consumer, stream
	s.ours = config.Mirror == nil && len(config.Sources) == 0 && !slices.ContainsFunc(config.Subjects, other)
	s.mu.Unlock()
	if s.ours {
		in.newest.note(stream.CachedInfo().State.LastTime)
	} else {
		for _, subject := range subjects {
			if msg, err := stream.GetLastMsgForSubject(ctx, subject); err == nil {
				in.newest.note(msg.Time)
			}
		}
	}
	if !foreign {
		return func() {}, nil // a work queue that refuses when it is full drops nothing
	}
	// Nothing may be dropped from where the consumer was left; a new one begins with the
	// stream as it is.
	state := streamState{reached: info.Delivered.Stream, delivered: info.Delivered.Consumer}
	if state.reached == 0 {
		state.first = stream.CachedInfo().State.FirstSeq
	}
	ctx, cancel := context.WithCancel(ctx)
	var observing sync.WaitGroup
	observing.Go(func() { in.observeDrops(ctx, s, state) })
	return func() { cancel(); observing.Wait() }, nil
}

// infoTimeout bounds how long NATS may take to describe a stream and its consumer.
const infoTimeout = time.Second

var errNoConsumer = errors.New("no events are read")

// pending is how many events are not taken in yet, and when the newest was stored,
// where the stream says it.
func (s *source) pending(ctx context.Context) (n uint64, newest time.Time, err error) {
	s.mu.Lock()
	consumer, stream, ours := s.consumer, s.stream, s.ours
	s.mu.Unlock()
	if consumer == nil {
		return 0, time.Time{}, errNoConsumer
	}
	ctx, cancel := context.WithTimeout(ctx, infoTimeout)
	defer cancel()
	info, err := consumer.Info(ctx)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("read the consumer's state: %w", err)
	}
	if ours {
		state, err := stream.Info(ctx)
		if err != nil {
			return 0, time.Time{}, fmt.Errorf("read the event stream's state: %w", err)
		}
		newest = state.State.LastTime
	}
	return info.NumPending + uint64(info.NumAckPending), newest, nil
}

// newest is the latest instant at which an event is known to have been stored.
type newest struct {
	mu sync.Mutex
	at time.Time
}

// note takes stored into account and returns the latest instant.
func (n *newest) note(stored time.Time) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if stored.After(n.at) {
		n.at = stored
	}
	return n.at
}
