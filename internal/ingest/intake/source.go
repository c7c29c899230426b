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

var errNoConsumer = errors.New("no events are read")

// source is a consumer that events come from, and its stream. Its fields are set
// while it is open.
type source struct {
	open    Consumer
	writing chan struct{} // holds a token for each event that is being stored or rejected
	reading trouble

	mu       sync.Mutex // for the collector of metrics
	consumer jetstream.Consumer
	stream   jetstream.Stream
	subjects []string // of the consumer
	alone    bool     // the stream has no others
	foreign  bool
}

// start opens s, and looks at its stream if that may drop events. stop waits
// until it looks no more.
func (in *Intake) start(ctx context.Context, s *source, js jetstream.JetStream) (stop func(), err error) {
	consumer, foreign, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	of := consumer.CachedInfo()
	stream, err := js.Stream(ctx, of.Stream)
	if err != nil {
		return nil, fmt.Errorf("look at stream %s: %w", of.Stream, err)
	}
	subjects := of.Config.FilterSubjects
	if of.Config.FilterSubject != "" {
		subjects = []string{of.Config.FilterSubject}
	}
	config := stream.CachedInfo().Config
	theirs := func(subject string) bool { return !slices.Contains(subjects, subject) }
	s.mu.Lock()
	s.consumer, s.stream, s.subjects, s.foreign = consumer, stream, subjects, foreign
	s.alone = config.Mirror == nil && len(config.Sources) == 0 && !slices.ContainsFunc(config.Subjects, theirs)
	s.mu.Unlock()
	in.newest.note(s.last(ctx))
	if !foreign {
		return func() {}, nil // a work queue that refuses when it is full drops nothing
	}
	ctx, cancel := context.WithCancel(ctx)
	var looks sync.WaitGroup
	looks.Go(func() { in.watch(ctx, s, begin(of, stream.CachedInfo())) })
	return func() { cancel(); looks.Wait() }, nil
}

// last is when the newest event that is known of was stored.
func (s *source) last(ctx context.Context) (newest time.Time) {
	if s.alone {
		return s.stream.CachedInfo().State.LastTime
	}
	for _, subject := range s.subjects {
		msg, err := s.stream.GetLastMsgForSubject(ctx, subject)
		if err == nil && msg.Time.After(newest) {
			newest = msg.Time
		}
	}
	return newest
}

// delay is how long the event that was handed out that often waits to be tried
// again: less than the server waits for an acknowledgement.
func (s *source) delay(delivered uint64) time.Duration {
	return min(delay(delivered), s.consumer.CachedInfo().Config.AckWait*2/3)
}

// lookTimeout bounds what one look at the stream waits for NATS.
const lookTimeout = time.Second

// pending is how many events are not taken in yet, and when the newest was
// stored where the stream says it.
func (s *source) pending(ctx context.Context) (n uint64, newest time.Time, err error) {
	s.mu.Lock()
	consumer, stream, alone := s.consumer, s.stream, s.alone
	s.mu.Unlock()
	if consumer == nil {
		return 0, time.Time{}, errNoConsumer
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	info, err := consumer.Info(ctx)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("look at the consumer: %w", err)
	}
	if alone {
		state, err := stream.Info(ctx)
		if err != nil {
			return 0, time.Time{}, fmt.Errorf("look at the event stream: %w", err)
		}
		newest = state.State.LastTime
	}
	return info.NumPending + uint64(info.NumAckPending), newest, nil
}

// position is where a stream and its consumer are. Sequences are the stream's.
type position struct {
	first   uint64 // the first message that is still there
	reached uint64 // the last one that was handed out; 0: none yet
	handed  uint64 // how many were handed out, to all nodes, those made again included
	waiting uint64 // events that were never handed out
}

// passed is up to where every message was handed out or is gone.
func (p position) passed() uint64 { return max(p.reached, max(p.first, 1)-1) }

// dropped is how many events, at least, the stream dropped since the position
// before, without having handed them out: those that waited and do not any more,
// and where exact says that every message is an event, those that are gone.
func (p position) dropped(before position, exact bool) (n uint64) {
	if p.first < before.first || p.reached < before.reached || p.handed < before.handed {
		return 0 // stream or consumer were made anew
	}
	handed := p.handed - before.handed
	n = before.waiting - min(before.waiting, p.waiting+handed)
	if exact {
		passed := p.passed() - before.passed()
		n = max(n, passed-min(passed, handed))
	}
	return n
}

// begin is the position from which on nothing may be dropped: where the consumer
// was left, and a new one begins with what there is.
func begin(consumer *jetstream.ConsumerInfo, stream *jetstream.StreamInfo) position {
	p := position{reached: consumer.Delivered.Stream, handed: consumer.Delivered.Consumer}
	if p.reached == 0 {
		p.first = stream.State.FirstSeq
	}
	return p
}

// watch looks at a foreign stream until ctx ends, and raises the alarm when two
// looks, one after the other, find that it dropped what nobody had read since
// before: a consumer's state may come later than its stream's.
func (in *Intake) watch(ctx context.Context, s *source, before position) {
	exact := s.alone && s.stream.CachedInfo().Config.Retention == jetstream.LimitsPolicy
	tick := time.NewTicker(in.opts.Look)
	defer tick.Stop()
	suspicious := false
	for ; ctx.Err() == nil; waitFor(ctx, tick.C) {
		now, err := s.look(ctx)
		if err != nil {
			in.opts.Logger.Debug("the event stream can not be looked at", "err", err)
			continue
		}
		n := now.dropped(before, exact)
		if n > 0 && !suspicious {
			suspicious = true
			continue
		}
		if n > 0 {
			in.metrics.lost.Add(float64(n))
			in.opts.Logger.Error("the event stream dropped events that nobody had read: raise its limits, and have the CMS publish again",
				"stream", s.stream.CachedInfo().Config.Name, "events", n, "first_kept", now.first)
		}
		before, suspicious = now, false
	}
}

// look asks for the position. The stream comes first: what is handed out between
// the two must not look as if it had been dropped.
func (s *source) look(ctx context.Context) (position, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	stream, err := s.stream.Info(ctx)
	if err != nil {
		return position{}, fmt.Errorf("look at the event stream: %w", err)
	}
	consumer, err := s.consumer.Info(ctx)
	if err != nil {
		return position{}, fmt.Errorf("look at the consumer: %w", err)
	}
	return position{
		first: stream.State.FirstSeq, reached: consumer.Delivered.Stream, handed: consumer.Delivered.Consumer, waiting: consumer.NumPending,
	}, nil
}

func waitFor(ctx context.Context, tick <-chan time.Time) {
	select {
	case <-tick:
	case <-ctx.Done():
	}
}

// newest is when the newest event was stored that is known of.
type newest struct {
	mu sync.Mutex
	at time.Time
}

func (n *newest) note(stored time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if stored.After(n.at) {
		n.at = stored
	}
}

func (n *newest) get() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at
}
