package intake

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
	floor   uint64 // at the last look, every event up to it was settled

	mu     sync.Mutex
	newest time.Time       // when the newest event was stored
	held   map[uint64]held // by sequence
}

// held is an event that this node has in hand, or gave back.
type held struct {
	gallery string
	back    bool // it waits to come again
	gone    bool // the stream has dropped it
}

// source is the stream that events come from, and our place in it.
type source struct {
	stream   jetstream.Stream
	consumer jetstream.Consumer
	subjects []string // of our events
	alone    bool     // it has no others
}

func newWatch(o Options, lost prometheus.Counter) *watch {
	return &watch{every: cmp.Or(o.Look, 10*time.Second), log: o.Logger, lost: lost, held: map[uint64]held{}}
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
	w.glance(ctx) // before anything is read, which would hide what was dropped until now
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
		select {
		case <-tick.C:
			w.glance(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// glance looks for what only the log and a counter are told of.
func (w *watch) glance(ctx context.Context) {
	if _, err := w.look(ctx); err != nil && ctx.Err() == nil {
		w.log.Debug("the event stream can not be looked at", "err", err)
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
	if err := w.see(ctx, w.source.sight(stream.State.FirstSeq, consumer)); err != nil {
		return 0, err
	}
	if w.source.alone {
		w.took(stream.State.LastTime)
	}
	w.forget(consumer.AckFloor.Stream)
	return consumer.NumPending + uint64(consumer.NumAckPending), nil
}

// see compares what is seen with what was.
func (w *watch) see(ctx context.Context, now sight) (err error) {
	if now.shared && w.before == nil {
		w.took(w.source.last(ctx))
	}
	n := now.lost(w.before)
	if n > 0 {
		if now, n, err = w.confirm(ctx, now); err != nil {
			return err
		}
	}
	if n > 0 {
		w.lost.Add(float64(n))
		w.log.Error("the event stream dropped events that nobody had read: raise its limits, and have the CMS publish again",
			"stream", w.source.name(), "events", n, "first_kept", now.begins)
	}
	if now.shared {
		now.next = w.source.next(ctx, now)
	}
	w.before = &now
	return nil
}

// second is how long a look that finds something lost waits for another.
const second = 300 * time.Millisecond

// confirm looks at the consumer again: servers that keep three copies may have
// dropped an event that was taken in before they say that it was handed out.
func (w *watch) confirm(ctx context.Context, now sight) (again sight, lost uint64, err error) {
	select {
	case <-time.After(second):
	case <-ctx.Done():
		return now, 0, ctx.Err()
	}
	consumer, err := w.source.consumer.Info(ctx)
	if err != nil {
		return now, 0, fmt.Errorf("look at the consumer again: %w", err)
	}
	before := w.before
	if before == nil {
		before = &sight{reached: now.reached, deliveries: now.deliveries}
	}
	again = w.source.sight(now.begins, consumer)
	return again, again.lost(before), nil
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

// take notes that an event is in hand.
func (w *watch) take(sequence uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[sequence] = held{}
}

// settle notes what became of an event: with an error it is given back.
func (w *watch) settle(sequence uint64, r Report, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.Stored.After(w.newest) {
		w.newest = r.Stored
	}
	gone := w.held[sequence].gone
	delete(w.held, sequence)
	switch {
	case err != nil && gone:
		w.miss(sequence, r.Gallery)
	case err != nil:
		w.held[sequence] = held{gallery: r.Gallery, back: true}
	}
}

// drop notes that the stream has dropped an event. One that is in hand is not
// lost yet, and one that another node has is that node's.
func (w *watch) drop(sequence uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, ours := w.held[sequence]
	switch {
	case ours && h.back:
		delete(w.held, sequence)
		w.miss(sequence, h.gallery)
	case ours:
		h.gone = true
		w.held[sequence] = h
	}
}

func (w *watch) miss(sequence uint64, gallery string) {
	w.lost.Inc()
	w.log.Error("the event stream dropped an event that could not be stored yet: raise its limits, and have the CMS publish again",
		"gallery", gallery, "sequence", sequence)
}

// forget drops what was given back and another node has settled: by the look
// before, so that what the server says of dropped ones has come in between.
func (w *watch) forget(floor uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.held, func(sequence uint64, h held) bool { return h.back && sequence <= w.floor })
	w.floor = floor
}

// terminated is where the server says that a consumer gives an event up, and
// deleted the reason it gives when the stream has dropped it.
const (
	terminated = "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED."
	deleted    = "Unacknowledged message was deleted"
)

// dropped is told of events that are given up.
func (w *watch) dropped(msg *nats.Msg) {
	var told struct {
		Sequence uint64 `json:"stream_seq"`
		Reason   string `json:"reason"`
	}
	if json.Unmarshal(msg.Data, &told) == nil && told.Reason == deleted {
		w.drop(told.Sequence)
	}
}

func (s *source) name() string { return s.stream.CachedInfo().Config.Name }

// place names stream and consumer in subjects.
func (s *source) place() string { return s.name() + "." + s.consumer.CachedInfo().Name }

func (s *source) sight(begins uint64, consumer *jetstream.ConsumerInfo) sight {
	return sight{
		begins: begins, reached: consumer.Delivered.Stream, deliveries: consumer.Delivered.Consumer, waiting: consumer.NumPending, shared: !s.alone,
	}
}

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
