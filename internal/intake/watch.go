package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// lookTimeout bounds what one look at the stream waits for NATS.
const lookTimeout = time.Second

// watch looks at the event stream from time to time, and whenever the metrics
// are asked for: how much waits, when the newest event came, and whether the
// stream dropped what nobody had taken in. One that is ours never does; one that
// is somebody else's may.
type watch struct {
	every time.Duration
	log   *slog.Logger
	lost  prometheus.Counter

	looking sync.Mutex // one look at a time
	source  *source    // nil: not known
	before  *sight

	mu     sync.Mutex
	newest time.Time         // when the newest event was stored
	owed   map[uint64]string // events that this node gave back, by sequence, with their galleries
}

// source is the stream that events come from, and our place in it.
type source struct {
	stream   jetstream.Stream
	consumer jetstream.Consumer
	subjects []string // of our events
	alone    bool     // it has no others
}

func newWatch(o Options, lost prometheus.Counter) *watch {
	return &watch{every: cmp.Or(o.Look, 10*time.Second), log: o.Logger, lost: lost, owed: map[uint64]string{}}
}

func newSource(ctx context.Context, js jetstream.JetStream, consumer jetstream.Consumer) (*source, error) {
	of := consumer.CachedInfo()
	stream, err := js.Stream(ctx, of.Stream)
	if err != nil {
		return nil, fmt.Errorf("look at stream %s: %w", of.Stream, err)
	}
	s := &source{stream: stream, consumer: consumer, subjects: of.Config.FilterSubjects}
	if of.Config.FilterSubject != "" {
		s.subjects = []string{of.Config.FilterSubject}
	}
	config := stream.CachedInfo().Config
	theirs := func(subject string) bool { return !slices.Contains(s.subjects, subject) }
	s.alone = config.Mirror == nil && len(config.Sources) == 0 && !slices.ContainsFunc(config.Subjects, theirs)
	return s, nil
}

// start watches until ctx ends or stop is called, which waits for the end.
func (w *watch) start(ctx context.Context, js jetstream.JetStream, consumer jetstream.Consumer) (stop func(), err error) {
	s, err := newSource(ctx, js, consumer)
	if err != nil {
		return nil, err
	}
	gone, err := js.Conn().Subscribe(terminated+s.place(), w.dropped)
	if err != nil {
		return nil, fmt.Errorf("listen for dropped events: %w", err)
	}
	w.change(s)
	ctx, cancel := context.WithCancel(ctx)
	var looks sync.WaitGroup
	looks.Go(func() { w.run(ctx) })
	return func() {
		cancel()
		looks.Wait()
		w.change(nil)
		_ = gone.Unsubscribe() // of a connection that is closed there is nothing to end
	}, nil
}

// change sets what is looked at. What was seen before is kept, so that nothing
// is missed while intake starts anew.
func (w *watch) change(s *source) {
	w.looking.Lock()
	defer w.looking.Unlock()
	w.source = s
}

func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		if _, err := w.look(ctx); err != nil && ctx.Err() == nil {
			w.log.Debug("the event stream can not be looked at", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

var errNoSource = errors.New("no events are read")

// look returns how many events are not taken in yet, and notes the rest.
func (w *watch) look(ctx context.Context) (pending uint64, err error) {
	w.looking.Lock()
	defer w.looking.Unlock()
	if w.source == nil {
		return 0, errNoSource
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	// The stream first: what is handed out in between must not look as if it had
	// been dropped.
	stream, err := w.source.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("look at the event stream: %w", err)
	}
	consumer, err := w.source.consumer.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("look at the consumer: %w", err)
	}
	w.see(ctx, sight{
		begins: stream.State.FirstSeq, reached: consumer.Delivered.Stream, deliveries: consumer.Delivered.Consumer, waiting: consumer.NumPending,
	})
	if w.source.alone {
		w.took(stream.State.LastTime)
	}
	w.forget(consumer.AckFloor.Stream)
	return consumer.NumPending + uint64(consumer.NumAckPending), nil
}

// see compares what is seen with what was.
func (w *watch) see(ctx context.Context, now sight) {
	lost := now.lost
	if !w.source.alone {
		lost = now.lostAmong
		now.next = w.source.next(ctx, now)
		if w.before == nil {
			w.took(w.source.last(ctx))
		}
	}
	if n := lost(w.before); n > 0 {
		w.lost.Add(float64(n))
		w.log.Error("the event stream dropped events that nobody had read: raise its limits, and have the CMS publish again",
			"stream", w.source.name(), "events", n, "first_kept", now.begins)
	}
	w.before = &now
}

// took notes when an event was stored.
func (w *watch) took(stored time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if stored.After(w.newest) {
		w.newest = stored
	}
}

// newestEvent is when the newest event that is known of was stored.
func (w *watch) newestEvent() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newest
}

// note notes what became of an event: with an error it is given back.
func (w *watch) note(sequence uint64, r Report, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Stored.After(w.newest) {
		w.newest = r.Stored
	}
	if err != nil {
		w.owed[sequence] = r.Gallery
	}
}

// again notes that an event is in hand again.
func (w *watch) again(sequence uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.owed, sequence)
}

// forget drops what was given back and another node has settled.
func (w *watch) forget(floor uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for sequence := range w.owed {
		if sequence <= floor {
			delete(w.owed, sequence)
		}
	}
}

// terminated is where the server says that a consumer gives an event up, and
// deleted the reason it gives when the stream has dropped it.
const (
	terminated = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED."
	deleted    = "Unacknowledged message was deleted"
)

// dropped is told of events that are given up. One that somebody has in hand is
// not lost; one that waits to come again to this node is.
func (w *watch) dropped(msg *nats.Msg) {
	var told struct {
		Sequence uint64 `json:"stream_seq"`
		Stream   string `json:"stream"`
		Reason   string `json:"reason"`
	}
	if json.Unmarshal(msg.Data, &told) != nil || told.Reason != deleted {
		return
	}
	w.mu.Lock()
	gallery, ours := w.owed[told.Sequence]
	delete(w.owed, told.Sequence)
	w.mu.Unlock()
	if !ours {
		return
	}
	w.lost.Inc()
	w.log.Error("the event stream dropped an event that could not be stored yet: raise its limits, and have the CMS publish again",
		"stream", told.Stream, "gallery", gallery, "sequence", told.Sequence)
}

func (s *source) name() string { return s.stream.CachedInfo().Config.Name }

// place names stream and consumer in subjects.
func (s *source) place() string { return s.name() + "." + s.consumer.CachedInfo().Name }

// next is the sequence of the first event that waits, 0 for none or not known.
func (s *source) next(ctx context.Context, now sight) (first uint64) {
	if now.waiting == 0 {
		return 0
	}
	for _, subject := range s.subjects {
		msg, err := s.stream.GetMsg(ctx, now.reached+1, jetstream.WithGetMsgSubject(subject))
		if err == nil && (first == 0 || msg.Sequence < first) {
			first = msg.Sequence
		}
	}
	return first
}

// last is when the newest event that is still there was stored.
func (s *source) last(ctx context.Context) (newest time.Time) {
	for _, subject := range s.subjects {
		msg, err := s.stream.GetLastMsgForSubject(ctx, subject)
		if err == nil && msg.Time.After(newest) {
			newest = msg.Time
		}
	}
	return newest
}
