// Package intake takes events off the stream and has them stored.
//
// An event is acknowledged only after its gallery is durably stored, or, when
// it can never be, after it is kept among the rejects with the reason. What may
// succeed later is given back with a growing delay, for ever. Every step may be
// repeated without harm, so a crash between any two of them loses nothing and
// doubles nothing. Several events are in hand at once; that no lower rank wins
// is the [Store]'s promise. Each consumer has as many in hand as any other, so
// that many events of one do not hold up those of another.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
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

// Consumer returns a durable consumer and makes it when it is missing. A stream
// that is foreign may drop what has not been read.
type Consumer func(context.Context) (consumer jetstream.Consumer, foreign bool, err error)

// Options make an intake.
type Options struct {
	Consumers  func(context.Context) ([]Consumer, error)      // of all events; asked until there is an answer
	From       func(subject string) (publisher, plain string) // who published on a subject of the stream, and on which; nil: nobody has a name
	Store      Store
	Rejects    *Rejects
	Decode     func(publisher string, m event.Message) (*event.Event, error) // one that is wrong is [gallery.Problems]
	InFlight   int                                                           // events of a consumer being stored or rejected at once; 0: 8
	Grace      time.Duration                                                 // how long what is in hand may take after Run's context ended; 0: 10 s
	Look       time.Duration                                                 // how often a foreign stream is asked what it dropped; 0: 10 s
	Observe    func(Report)                                                  // told of every event; must not block; may be nil
	Registerer prometheus.Registerer                                         // nil: no metrics
	Logger     *slog.Logger
}

// Report says what became of an event.
type Report struct {
	Event     *event.Event // nil when it was rejected
	Publisher string       // its name, where it has one
	Subject   string
	Gallery   string // its id, where it could be read
	Outcome   string // of the Store, or "rejected" or "retried"
	Problems  gallery.Problems
	Stored    time.Time // when the stream stored it
	Took      time.Duration
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
	storing trouble
	reading trouble // until the sources are known
	sources atomic.Pointer[[]*source]
	newest  newest

	rejected, retried, partial tally
	waiting                    sync.WaitGroup // for events that are given back after a while
}

// New returns an intake; [Intake.Run] starts it.
func New(o Options) *Intake {
	if o.InFlight == 0 {
		o.InFlight = 8
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Look == 0 {
		o.Look = 10 * time.Second
	}
	if o.Observe == nil {
		o.Observe = func(Report) {}
	}
	if o.From == nil {
		o.From = func(subject string) (publisher, plain string) { return "", subject }
	}
	in := &Intake{opts: o, metrics: newMetrics()}
	in.sources.Store(new([]*source))
	in.register(o.Registerer)
	return in
}

// Run works events off until ctx ends, then finishes what is in hand. It
// retries for ever what NATS refuses.
func (in *Intake) Run(ctx context.Context) error {
	hand, drop := in.grace(ctx)
	defer drop()
	quiet, end := context.WithCancel(context.WithoutCancel(ctx))
	var logging, reading sync.WaitGroup
	logging.Go(func() { in.log(quiet) })
	for _, s := range in.find(ctx) {
		reading.Go(func() { in.read(ctx, hand, s) })
	}
	reading.Wait()
	in.waiting.Wait()
	end()
	logging.Wait()
	return nil
}

// log writes what was rejected, what is retried and what is left out: a line a
// second, however many there are.
func (in *Intake) log(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			done = true
		}
		in.rejected.write(in.opts.Logger, "events were rejected: see gallerywire rejects list")
		in.retried.write(in.opts.Logger, "events could not be stored and are tried again")
		in.partial.write(in.opts.Logger, "parts of events are left out")
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

// find returns the sources once NATS says which there are; none when ctx ends.
func (in *Intake) find(ctx context.Context) (sources []*source) {
	in.again(ctx, &in.reading, func() (bool, error) {
		consumers, err := in.opts.Consumers(ctx)
		for _, open := range consumers {
			sources = append(sources, &source{open: open, writing: make(chan struct{}, in.opts.InFlight)})
		}
		return false, err
	})
	in.sources.Store(&sources)
	return sources
}

// read works off what s hands out, and opens it again for ever.
func (in *Intake) read(ctx, hand context.Context, s *source) {
	in.again(ctx, &s.reading, func() (bool, error) { return in.work(ctx, hand, s) })
}

// again calls f until it succeeds or ctx ends, and waits longer each time unless
// there was progress. It notes what is wrong.
func (in *Intake) again(ctx context.Context, t *trouble, f func() (progress bool, err error)) {
	t.note(errSilent)
	for attempt := uint64(1); ctx.Err() == nil; attempt++ {
		progress, err := f()
		if err == nil {
			t.note(nil)
			return
		}
		if ctx.Err() != nil {
			return
		}
		if progress {
			attempt = 1
		}
		t.note(err)
		in.opts.Logger.Warn("events can not be read, trying again", "err", err, "in", delay(attempt))
		select {
		case <-time.After(delay(attempt)):
		case <-ctx.Done():
		}
	}
}

// ahead is how many events are decoded while as many as may be are stored.
const ahead = 2

// work hands each message to a goroutine and waits for them all. It returns
// when no more can be read, and whether there were some.
func (in *Intake) work(ctx, hand context.Context, s *source) (some bool, err error) {
	js := in.opts.Rejects.opts.JetStream
	stop, err := in.start(ctx, s, js)
	if err != nil {
		return false, err
	}
	defer stop()
	// While there is room on the disk, and not only when the first one comes.
	if _, err := in.opts.Rejects.open(ctx); err != nil {
		in.opts.Logger.Warn("rejected events can not be kept: they are retried until they can", "err", err)
	}
	messages, err := newPull(js, s.consumer, 8*in.opts.InFlight, func() { s.reading.note(nil) })
	if err != nil {
		return false, err
	}
	defer messages.drain()
	defer context.AfterFunc(ctx, messages.drain)()
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
			in.handle(ctx, hand, s, msg)
		})
	}
}

// handle decides about one message and tells the server last of all.
func (in *Intake) handle(ctx, hand context.Context, s *source, msg *nats.Msg) {
	began := time.Now()
	meta, err := msg.Metadata()
	if err != nil {
		in.opts.Logger.Error("a message of the event stream has no metadata and stays there", "err", err)
		return
	}
	publisher, subject := in.opts.From(msg.Subject)
	m := event.Message{Subject: subject, Header: msg.Header, Data: msg.Data, Stored: meta.Timestamp}
	in.newest.note(m.Stored)
	report, err := in.settle(hand, s, publisher, m)
	if report.Problems != nil {
		report.Gallery, err = in.reject(hand, s, rejection{publisher, m, meta.Sequence.Stream, report.Problems})
	}
	report.Publisher, report.Subject, report.Stored = publisher, m.Subject, m.Stored
	in.storing.note(err)
	switch {
	case err != nil:
		again := s.delay(meta.NumDelivered)
		in.retried.add("gallery", report.Gallery, "err", err, "in", again)
		report.Outcome, report.Problems = outcomeRetried, nil
		err = in.giveBack(ctx, msg, again)
	case report.Problems != nil:
		err = msg.Respond([]byte("+TERM rejected"))
	default:
		if report.Event.LeftOut != nil {
			in.partial.add("gallery", report.Gallery, "left_out", report.Event.LeftOut.Error())
		}
		err = msg.Ack()
	}
	if err != nil {
		in.opts.Logger.Debug("the server does not know what became of an event and sends it again", "gallery", report.Gallery, "err", err)
	}
	report.Took = time.Since(began)
	in.metrics.count(report)
	in.opts.Observe(report)
}

// settle decodes the event and stores it, unless it has problems. One that this
// program does not survive has that as its problem: it would come again, and end
// the program again, for ever. After an error nothing is certain.
func (in *Intake) settle(ctx context.Context, s *source, publisher string, m event.Message) (report Report, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			in.opts.Logger.Error("an event makes this program fail: report it as a bug, with the event from gallerywire rejects show",
				"subject", m.Subject, "stored", m.Stored, "cause", cause, "stack", string(debug.Stack()))
			problem := gallery.Problem{Reason: fmt.Sprintf("gallerywire failed at this event, which is a bug of gallerywire: %v", cause)}
			report, err = Report{Outcome: outcomeRejected, Problems: gallery.Problems{problem}}, nil
		}
	}()
	e, err := in.opts.Decode(publisher, m)
	var problems gallery.Problems
	if errors.As(err, &problems) {
		return Report{Outcome: outcomeRejected, Problems: brief(problems)}, nil
	}
	if err != nil {
		return report, err
	}
	report = Report{Event: e, Gallery: e.GalleryID()}
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	report.Outcome, err = in.opts.Store.Put(ctx, e, m)
	return report, err
}

// reject keeps the event and returns the id of its gallery, where it can be read.
func (in *Intake) reject(ctx context.Context, s *source, r rejection) (id string, err error) {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	kept, err := in.opts.Rejects.add(ctx, r)
	if err == nil {
		in.rejected.add("reject", kept.Number, "gallery", kept.Gallery, "reason", r.problems.Error())
	}
	return kept.Gallery, err
}
