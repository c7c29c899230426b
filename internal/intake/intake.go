// Package intake takes events off the stream and has them stored.
//
// An event is acknowledged only after its gallery is durably stored, or, when
// it can never be, after it is kept among the rejects with the reason. What may
// succeed later is given back with a growing delay, for ever. Every step may be
// repeated without harm, so a crash between any two of them loses nothing and
// doubles nothing. Several events are in hand at once; that no lower rank wins
// is the [Store]'s promise.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// Store keeps the revision that an event is. It returns in a word what became
// of it, once that is durable. It may be called for the same event again, and
// for several at once.
type Store interface {
	Put(ctx context.Context, e *event.Event, m event.Message) (outcome string, err error)
}

// Options make an intake.
type Options struct {
	Consumer   func(context.Context) (jetstream.Consumer, error) // makes the durable consumer when missing
	Store      Store
	Rejects    *Rejects
	MaxEvent   int64                 // bytes of a body
	InFlight   int                   // events in hand at once; 0: 8
	Grace      time.Duration         // how long what is in hand may take after Run's context ended; 0: 10 s
	Observe    func(Report)          // told of every event; must not block; may be nil
	Registerer prometheus.Registerer // nil: no metrics
	Logger     *slog.Logger
}

// Report says what became of an event.
type Report struct {
	Event    *event.Event // nil when it was rejected
	Gallery  string       // its id, where it could be read
	Outcome  string       // of the Store, or "rejected" or "retried"
	Problems gallery.Problems
	Stored   time.Time // when the stream stored it
	Took     time.Duration
}

// Outcomes of an event beside those of the Store.
const (
	outcomeRejected = "rejected"
	outcomeRetried  = "retried"
)

// Intake works events off until its context ends.
type Intake struct {
	opts    Options
	metrics metrics
}

// New returns an intake; [Intake.Run] starts it.
func New(o Options) *Intake {
	if o.InFlight == 0 {
		o.InFlight = 8
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Observe == nil {
		o.Observe = func(Report) {}
	}
	return &Intake{opts: o, metrics: newMetrics(o)}
}

const (
	retryLeast = 250 * time.Millisecond
	retryMost  = time.Minute
)

// Run works events off until ctx ends, then finishes what is in hand. It
// retries for ever what NATS refuses.
func (in *Intake) Run(ctx context.Context) error {
	for attempt := uint64(1); ctx.Err() == nil; attempt++ {
		began := time.Now()
		err := in.work(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > retryMost {
			attempt = 1
		}
		in.opts.Logger.Warn("events can not be read, trying again", "err", err, "in", delay(attempt))
		select {
		case <-time.After(delay(attempt)):
		case <-ctx.Done():
		}
	}
	return nil
}

// delay doubles with each attempt.
func delay(attempt uint64) time.Duration {
	return min(retryLeast<<min(attempt-1, 10), retryMost)
}

// work hands messages to at most InFlight goroutines and waits for them.
func (in *Intake) work(ctx context.Context) error {
	consumer, err := in.opts.Consumer(ctx)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(
		jetstream.PullMaxMessages(8*in.opts.InFlight),
		jetstream.WithMessagesErrOnMissingHeartbeat(false))
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Drain)()
	hand, drop := in.grace(ctx)
	defer drop()
	var workers sync.WaitGroup
	defer workers.Wait()
	free := make(chan struct{}, in.opts.InFlight)
	for {
		msg, err := messages.Next()
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		free <- struct{}{}
		workers.Go(func() {
			defer func() { <-free }()
			in.handle(hand, msg)
		})
	}
}

// grace returns a context that outlives ctx by the time that what is in hand
// may still take.
func (in *Intake) grace(ctx context.Context) (context.Context, context.CancelFunc) {
	hand, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(in.opts.Grace, cancel) })
	return hand, func() { stop(); cancel() }
}

// handle decides about one message and tells the server last of all.
func (in *Intake) handle(ctx context.Context, msg jetstream.Msg) {
	began := time.Now()
	meta, err := msg.Metadata()
	if err != nil {
		in.opts.Logger.Error("a message of the event stream has no metadata and stays there", "err", err)
		return
	}
	m := event.Message{Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data(), Stored: meta.Timestamp}
	report, err := in.settle(ctx, m, meta.Sequence.Stream)
	report.Stored = m.Stored
	if err != nil {
		again := delay(meta.NumDelivered)
		in.opts.Logger.Warn("an event could not be stored and is tried again", "gallery", report.Gallery, "err", err, "in", again)
		report.Outcome = outcomeRetried
		err = msg.NakWithDelay(again)
	} else if report.Problems != nil {
		err = msg.TermWithReason("rejected")
	} else {
		err = msg.Ack()
	}
	if err != nil {
		in.opts.Logger.Debug("the server does not know what became of an event and sends it again", "gallery", report.Gallery, "err", err)
	}
	report.Took = time.Since(began)
	in.metrics.events.WithLabelValues(report.Outcome).Inc()
	in.metrics.seconds.Observe(report.Took.Seconds())
	in.opts.Observe(report)
}

// settle stores the event, or keeps it among the rejects. After an error
// neither is certain.
func (in *Intake) settle(ctx context.Context, m event.Message, sequence uint64) (Report, error) {
	e, err := event.Decode(m, in.opts.MaxEvent)
	var problems gallery.Problems
	if errors.As(err, &problems) {
		report := Report{Outcome: outcomeRejected, Problems: problems}
		_, _, report.Gallery = event.Attributes(m)
		return report, in.reject(ctx, m, sequence, problems)
	}
	if err != nil {
		return Report{}, err
	}
	report := Report{Event: e, Gallery: e.GalleryID()}
	report.Outcome, err = in.opts.Store.Put(ctx, e, m)
	return report, err
}

func (in *Intake) reject(ctx context.Context, m event.Message, sequence uint64, problems gallery.Problems) error {
	number, err := in.opts.Rejects.Add(ctx, m, sequence, problems)
	if err != nil {
		return err
	}
	in.opts.Logger.Warn("an event was rejected: see gallerywire rejects show", "reject", number, "reason", problems.Error())
	return nil
}
