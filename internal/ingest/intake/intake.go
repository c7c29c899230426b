// Package intake consumes the event stream. Messages come in; each is decoded, stored and
// acknowledged, or kept among the rejects with the reason.
//
// An event is acknowledged only after its gallery is durably stored or, when that can
// never be, after it is kept among the rejects. An event that may succeed later is
// retried with a growing delay, for ever. Every step may be repeated without harm, so a
// crash between two of them loses nothing and doubles nothing.
//
// Each consumer has the same number of events in flight, so that many events of one
// publisher do not hold up another's. The [Store] keeps lower ranks from winning.
package intake

import (
	"cmp"
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

// Store keeps the revision that an event holds. It returns once that is durable, with
// a word for the outcome. It may be called for the same event again, and for several
// at once.
type Store interface {
	Put(ctx context.Context, e *event.Event, m event.Message) (outcome string, err error)
}

// Consumer returns a durable consumer and makes it when it is missing. The stream is
// foreign if gallerywire did not make it: it may drop unread events.
type Consumer func(context.Context) (consumer jetstream.Consumer, foreign bool, err error)

// Options make an intake.
type Options struct {
	Consumers   func(context.Context) ([]Consumer, error)      // of all events; retried until it succeeds
	PublisherOf func(subject string) (publisher, plain string) // splits a subject of the stream; a publisher may have no name
	Store       Store
	Rejects     *Rejects
	Decode      func(publisher string, m event.Message) (*event.Event, error) // a wrong event is [gallery.Problems]
	InFlight    int                                                           // events of a consumer being stored or rejected at once; 0: 8
	Grace       time.Duration                                                 // how long events in flight may take after Run's context ended; 0: 10 s
	PollEvery   time.Duration                                                 // how often a foreign stream is asked what it dropped; 0: 10 s
	Observe     func(Report)                                                  // called with every event; must not block
	Registerer  prometheus.Registerer                                         // nil: no metrics
	Logger      *slog.Logger
}

// Report is the outcome of an event.
type Report struct {
	Event     *event.Event // nil when it was rejected
	Publisher string       // its name, where it has one
	Subject   string
	Gallery   string // its id, where it could be read
	Outcome   string // of the Store, or "rejected" or "retried"
	Problems  gallery.Problems
	Stored    time.Time     // when the stream stored it
	Duration  time.Duration // from delivery to acknowledgement
}

// Outcomes of an event, in addition to those of the Store.
const (
	outcomeRejected = "rejected"
	outcomeRetried  = "retried"
)

// Intake consumes events until its context ends.
type Intake struct {
	opts    Options
	metrics metrics
	storing trouble
	reading trouble // until the sources are known
	sources atomic.Pointer[[]*source]
	newest  newest

	rejected, retried, partial summary
	delayed                    sync.WaitGroup // for events that are returned to the server after a delay
}

// New returns an intake; [Intake.Run] starts it.
func New(o Options) *Intake {
	o.InFlight = cmp.Or(o.InFlight, 8)
	o.Grace = cmp.Or(o.Grace, 10*time.Second)
	o.PollEvery = cmp.Or(o.PollEvery, 10*time.Second)
	in := &Intake{opts: o}
	in.sources.Store(new([]*source))
	in.register(o.Registerer)
	return in
}

// Run consumes events until ctx ends, then finishes those in flight. It retries for
// ever what NATS refuses.
func (in *Intake) Run(ctx context.Context) error {
	// Events in flight may outlive ctx by the grace.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-time.After(in.opts.Grace):
			cancel()
		case <-work.Done():
		}
	})()
	logged, stopLog := context.WithCancel(context.WithoutCancel(ctx))
	var logging, reading sync.WaitGroup
	logging.Go(func() { in.logSummaries(logged) })

	var sources []*source
	in.retry(ctx, &in.reading, func() (bool, error) {
		consumers, err := in.opts.Consumers(ctx)
		for _, open := range consumers {
			sources = append(sources, &source{open: open, storing: make(chan struct{}, in.opts.InFlight)})
		}
		return false, err
	})
	in.sources.Store(&sources)
	for _, s := range sources {
		reading.Go(func() {
			in.retry(ctx, &s.reading, func() (bool, error) { return in.consume(ctx, work, s) })
		})
	}
	reading.Wait()
	in.delayed.Wait()
	stopLog()
	logging.Wait()
	return nil
}

// logSummaries writes what was rejected, retried and left out: a line a second each,
// however many events there are.
func (in *Intake) logSummaries(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			done = true
		}
		in.rejected.log(in.opts.Logger, "events were rejected: see gallerywire rejects list")
		in.retried.log(in.opts.Logger, "events could not be stored and are retried")
		in.partial.log(in.opts.Logger, "parts of events are left out")
	}
}

// retry calls f until it succeeds or ctx ends, and waits longer each time unless
// there was progress. It notes the error in t.
func (in *Intake) retry(ctx context.Context, t *trouble, f func() (progress bool, err error)) {
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
		in.opts.Logger.Warn("events cannot be read, retrying", "err", err, "in", delay(attempt))
		select {
		case <-time.After(delay(attempt)):
		case <-ctx.Done():
		}
	}
}

// decodeAhead is how many events are decoded while as many as allowed are stored.
const decodeAhead = 2

// consume handles each message in a goroutine of its own until no more can be read,
// and reports whether there were some.
func (in *Intake) consume(ctx, work context.Context, s *source) (some bool, err error) {
	js := in.opts.Rejects.opts.JetStream
	stop, err := in.start(ctx, s, js)
	if err != nil {
		return false, err
	}
	defer stop()
	// While there is room on the disk, and not only when the first one comes.
	if _, err := in.opts.Rejects.open(ctx); err != nil {
		in.opts.Logger.Warn("rejected events cannot be kept: they are retried until they can", "err", err)
	}
	messages, err := newPull(js, s.consumer, 8*in.opts.InFlight, func() { s.reading.note(nil) })
	if err != nil {
		return false, err
	}
	defer messages.drain()
	defer context.AfterFunc(ctx, messages.drain)()
	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, in.opts.InFlight+decodeAhead)
	for {
		msg, err := messages.next()
		if err != nil {
			return some, fmt.Errorf("read events: %w", err)
		}
		some = true
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			in.handle(ctx, work, s, msg)
		})
	}
}

// handle stores or rejects one event, and acknowledges it last of all.
func (in *Intake) handle(ctx, work context.Context, s *source, msg *nats.Msg) {
	began := time.Now()
	meta, err := msg.Metadata()
	if err != nil {
		in.opts.Logger.Error("a message of the event stream has no metadata and stays there", "err", err)
		return
	}
	publisher, subject := in.opts.PublisherOf(msg.Subject)
	m := event.Message{Subject: subject, Header: msg.Header, Data: msg.Data, Stored: meta.Timestamp, Sequence: meta.Sequence.Stream}
	in.newest.note(m.Stored)
	report, err := in.store(work, s, publisher, m)
	if report.Problems != nil {
		report.Gallery, err = in.reject(work, s, rejection{publisher, m, report.Problems})
	}
	report.Publisher, report.Subject, report.Stored = publisher, m.Subject, m.Stored
	in.storing.note(err)
	switch {
	case err != nil:
		wait := s.delay(meta.NumDelivered)
		in.retried.add("gallery", report.Gallery, "err", err, "in", wait)
		report.Outcome, report.Problems = outcomeRetried, nil
		err = in.returnLater(ctx, msg, wait)
	case report.Problems != nil:
		err = msg.Respond([]byte("+TERM rejected"))
	default:
		if report.Event.LeftOut != nil {
			in.partial.add("gallery", report.Gallery, "left_out", report.Event.LeftOut.Error())
		}
		err = msg.Ack()
	}
	if err != nil {
		in.opts.Logger.Debug("an acknowledgement was not sent: the server delivers the event again", "gallery", report.Gallery, "err", err)
	}
	report.Duration = time.Since(began)
	in.metrics.events.WithLabelValues(report.Outcome).Inc()
	in.metrics.seconds.Observe(report.Duration.Seconds())
	in.opts.Observe(report)
}

// store decodes the event and stores it; an event that is wrong has Problems in its
// report. A panic is such a problem: the event would come again and end this program
// again, for ever. After an error it is unknown whether the event is stored.
func (in *Intake) store(ctx context.Context, s *source, publisher string, m event.Message) (report Report, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			in.opts.Logger.Error("an event makes this program fail: report it as a bug, with the event from gallerywire rejects show",
				"subject", m.Subject, "stored", m.Stored, "cause", cause, "stack", string(debug.Stack()))
			reason := fmt.Sprintf("gallerywire failed at this event, which is a bug of gallerywire: %v", cause)
			report, err = Report{Outcome: outcomeRejected, Problems: gallery.Problems{{Reason: gallery.Clip(reason, 1000)}}}, nil
		}
	}()
	e, err := in.opts.Decode(publisher, m)
	if problems, wrong := errors.AsType[gallery.Problems](err); wrong {
		return Report{Outcome: outcomeRejected, Problems: problems}, nil
	}
	if err != nil {
		return report, err
	}
	report = Report{Event: e, Gallery: e.GalleryID()}
	s.storing <- struct{}{}
	defer func() { <-s.storing }()
	report.Outcome, err = in.opts.Store.Put(ctx, e, m)
	return report, err
}

// reject keeps the event and returns the id of its gallery, where it can be read.
func (in *Intake) reject(ctx context.Context, s *source, r rejection) (id string, err error) {
	s.storing <- struct{}{}
	defer func() { <-s.storing }()
	kept, err := in.opts.Rejects.add(ctx, r)
	if err == nil {
		in.rejected.add("reject", kept.Number, "gallery", kept.Gallery, "reason", r.problems.Error())
	}
	return kept.Gallery, err
}
