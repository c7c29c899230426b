// Package follow reads a bucket from its beginning and then goes on as it
// changes, for ever.
//
// Records are handed over one after the other, in the order of their revisions,
// and none is left out. A server that goes away and comes back costs a moment; a
// bucket that was recreated, which no consumer notices by itself, is read anew.
// What a record means is left to who follows.
package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// errRecreated means that the bucket is not the one that was read: sequences
// have begun anew, and a consumer of the old one would stay silent for ever.
var errRecreated = errors.New("the bucket was recreated")

const (
	retryLeast = 100 * time.Millisecond
	retryMost  = 5 * time.Second
	// bucketCheck bounds how long a recreated bucket goes unnoticed when no
	// reconnection tells of it, and bucketRetry when the bucket does not answer.
	bucketCheck = 30 * time.Second
	bucketRetry = 500 * time.Millisecond
	// prefetch is how many records are asked for at once, prefetchBytes how much
	// of them where their bodies are read too.
	prefetch      = 4096
	prefetchBytes = 8 << 20
)

// Reader takes what is read. Its methods are called by one goroutine.
type Reader interface {
	// Begin is called before the first record of a bucket. What was taken before
	// is of another one, or of a reading that did not come to its end.
	Begin(stream State)
	// Take is called with each record.
	Take(msg jetstream.Msg, meta *jetstream.MsgMetadata)
	// Whole is called once after Begin, when everything was taken that was there
	// then: up to the revision last.
	Whole(last uint64)
}

// State is that of the bucket when its reading begins.
type State struct {
	Created time.Time
	Records uint64
}

// Options make a follower.
type Options struct {
	Open        func(context.Context) (jetstream.Stream, error) // makes the bucket when missing, returns its stream
	Opened      func(jetstream.Stream)                          // told which stream is read; may be nil
	Subject     string                                          // of the records
	HeadersOnly bool
	Reader      Reader
	Reconnect   func(func()) (stop func()) // registers for reconnections; may be nil
	Logger      *slog.Logger
}

// position is how far the bucket was read.
type position struct {
	created time.Time
	mu      sync.Mutex
	last    uint64
	target  uint64 // where the reading is whole
	whole   bool
}

func (p *position) at() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

func (p *position) move(last uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = last
}

// Run follows until ctx ends. It retries for ever.
func Run(ctx context.Context, o Options) {
	if o.Reconnect == nil {
		o.Reconnect = func(func()) func() { return func() {} }
	}
	if o.Opened == nil {
		o.Opened = func(jetstream.Stream) {}
	}
	back := make(chan struct{}, 1)
	defer o.Reconnect(func() { nudge(back) })()
	var p position
	for wait := retryLeast; ctx.Err() == nil; wait = min(2*wait, retryMost) {
		began := time.Now()
		err := o.follow(ctx, &p, back)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > retryMost || errors.Is(err, errRecreated) {
			wait = retryLeast
		}
		o.Logger.Warn("what follows the bucket stopped and starts again", "err", err, "in", wait)
		pause(ctx, wait, back)
	}
}

// pause waits, but not after the server is back.
func pause(ctx context.Context, d time.Duration, back <-chan struct{}) {
	select {
	case <-time.After(d):
	case <-back:
	case <-ctx.Done():
	}
}

// follow reads the bucket from where p is until something breaks.
func (o Options) follow(ctx context.Context, p *position, back <-chan struct{}) error {
	stream, err := o.Open(ctx)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("read the bucket: %w", err)
	}
	o.Opened(stream)
	if !p.whole || !p.created.Equal(info.Created) || info.State.LastSeq < p.last {
		*p = position{created: info.Created, target: info.State.LastSeq}
		o.Reader.Begin(State{Created: info.Created, Records: info.State.Msgs})
	}
	messages, err := o.consume(ctx, stream, p.last+1)
	if err != nil {
		return err
	}
	defer messages.Stop()
	if info.State.Msgs == 0 {
		o.caughtUp(p)
	}
	ctx, stop := context.WithCancel(ctx)
	found := o.watchBucket(ctx, stream, p, back, stop)
	err = o.read(ctx, messages, p)
	stop()
	return errors.Join(found(), err)
}

func (o Options) consume(ctx context.Context, stream jetstream.Stream, from uint64) (jetstream.MessagesContext, error) {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{o.Subject},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    from,
		HeadersOnly:    o.HeadersOnly,
		// Its own retries can not be ended while they wait; Run's can.
		MaxResetAttempts: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("read the bucket: %w", err)
	}
	if o.HeadersOnly {
		return consumer.Messages(jetstream.PullMaxMessages(prefetch))
	}
	return consumer.Messages(jetstream.PullMaxBytes(prefetchBytes))
}

// read ends with ctx and not by a Stop from elsewhere, which a consumer that
// is being made anew at that moment does not hear.
func (o Options) read(ctx context.Context, messages jetstream.MessagesContext, p *position) error {
	until := jetstream.NextContext(ctx)
	for {
		msg, err := messages.Next(until)
		if err != nil {
			return fmt.Errorf("read the bucket: %w", err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read the bucket: %w", err)
		}
		o.Reader.Take(msg, meta)
		p.move(meta.Sequence.Stream)
		if p.last >= p.target || meta.NumPending == 0 {
			o.caughtUp(p)
		}
	}
}

func (o Options) caughtUp(p *position) {
	if !p.whole {
		p.whole = true
		o.Reader.Whole(p.last)
	}
}

// watchBucket calls stop when the bucket is not the one that p is of. It looks
// after every reconnection, and now and then. The returned function waits for
// the watch, which ends with ctx, and says what it found.
func (o Options) watchBucket(ctx context.Context, stream jetstream.Stream, p *position, back <-chan struct{}, stop func()) func() error {
	var watch sync.WaitGroup
	var found error
	watch.Go(func() {
		defer stop()
		found = o.guard(ctx, stream, p, back)
	})
	return func() error {
		watch.Wait()
		return found
	}
}

// guard returns when ctx ends or the bucket was recreated.
func (o Options) guard(ctx context.Context, stream jetstream.Stream, p *position, back <-chan struct{}) error {
	look := time.NewTimer(bucketCheck)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-back:
		case <-look.C:
		}
		known := p.at() // before asking: it grows meanwhile
		info, err := stream.Info(ctx)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return errRecreated
		case err != nil:
			look.Reset(bucketRetry)
		case !info.Created.Equal(p.created) || info.State.LastSeq < known:
			return errRecreated
		default:
			look.Reset(bucketCheck)
		}
	}
}

func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
