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
	"github.com/nats-io/nats.go"
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
	Reader     event.Reader          // reads events
	InFlight   int                   // events being stored at once; 0: 8
	Grace      time.Duration         // how long what is in hand may take after Run's context ended; 0: 10 s
	Look       time.Duration         // how often the stream is asked what it dropped; 0: 10 s
	Observe    func(Report)          // told of every event; must not block; may be nil
	Registerer prometheus.Registerer // nil: no metrics
	Logger     *slog.Logger
}

// Report says what became of an event.
type Report struct {
	Event    *event.Event // nil when it was rejected
	Subject  string
	Gallery  string // its id, where it could be read
	Outcome  string // of the Store, or "rejected" or "retried"
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
	storing chan struct{} // holds a token for each event that is being stored
	trouble trouble
	watch   *watch
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
	in := &Intake{opts: o, metrics: newMetrics(), storing: make(chan struct{}, o.InFlight)}
	in.watch = newWatch(o, in.metrics.lost)
	in.metrics.register(o.Registerer, in.watch, in.stuck())
	return in
}

const (
	retryLeast = 250 * time.Millisecond
	retryMost  = time.Minute
)

// Run works events off until ctx ends, then finishes what is in hand. It
// retries for ever what NATS refuses.
func (in *Intake) Run(ctx context.Context) error {
	for attempt := uint64(1); ctx.Err() == nil; attempt++ {
		some, err := in.work(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if some {
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

// ahead is how many events are decoded while as many as may be are stored.
const ahead = 2

// work hands each message to a goroutine and waits for them all. It returns
// when no more can be read, and whether there were some.
func (in *Intake) work(ctx context.Context) (some bool, err error) {
	consumer, err := in.opts.Consumer(ctx)
	if err != nil {
		return false, err
	}
	stop, err := in.watch.start(ctx, in.opts.Rejects.opts.JetStream, consumer)
	if err != nil {
		return false, err
	}
	defer stop()
	messages, err := newPull(in.opts.Rejects.opts.JetStream, consumer, 8*in.opts.InFlight)
	if err != nil {
		return false, err
	}
	defer messages.drain()
	defer context.AfterFunc(ctx, messages.drain)()
	hand, drop := in.grace(ctx)
	defer drop()
	var workers sync.WaitGroup
	defer workers.Wait()
	free := make(chan struct{}, in.opts.InFlight+ahead)
	for {
		msg, err := messages.next()
		if err != nil {
			return some, fmt.Errorf("read events: %w", err)
		}
		some = true
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
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(in.opts.Grace):
			cancel()
		case <-hand.Done():
		}
	})
	return hand, func() { stop(); cancel() }
}

// handle decides about one message and tells the server last of all.
func (in *Intake) handle(ctx context.Context, msg *nats.Msg) {
	began := time.Now()
	meta, err := msg.Metadata()
	if err != nil {
		in.opts.Logger.Error("a message of the event stream has no metadata and stays there", "err", err)
		return
	}
	m := event.Message{Subject: msg.Subject, Header: msg.Header, Data: msg.Data, Stored: meta.Timestamp}
	in.watch.take(meta.Sequence.Stream)
	report, err := in.settle(ctx, m, meta.Sequence.Stream)
	report.Subject, report.Stored = m.Subject, m.Stored
	in.trouble.note(err)
	in.watch.settle(meta.Sequence.Stream, report, err)
	if err != nil {
		again := delay(meta.NumDelivered)
		in.opts.Logger.Warn("an event could not be stored and is tried again", "gallery", report.Gallery, "err", err, "in", again)
		report.Outcome = outcomeRetried
		err = msg.NakWithDelay(again)
	} else if report.Problems != nil {
		err = msg.Respond([]byte("+TERM rejected"))
	} else {
		err = msg.Ack()
	}
	if err != nil {
		in.opts.Logger.Debug("the server does not know what became of an event and sends it again", "gallery", report.Gallery, "err", err)
	}
	report.Took = time.Since(began)
	in.metrics.count(report)
	in.opts.Observe(report)
}

// settle stores the event, or keeps it among the rejects. After an error
// neither is certain.
func (in *Intake) settle(ctx context.Context, m event.Message, sequence uint64) (Report, error) {
	e, err := in.opts.Reader.Decode(m)
	var problems gallery.Problems
	if errors.As(err, &problems) {
		problems = brief(problems)
		report := Report{Outcome: outcomeRejected, Problems: problems}
		_, _, report.Gallery = event.Attributes(m)
		return report, in.reject(ctx, m, sequence, problems)
	}
	if err != nil {
		return Report{}, err
	}
	report := Report{Event: e, Gallery: e.GalleryID()}
	in.storing <- struct{}{}
	defer func() { <-in.storing }()
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
