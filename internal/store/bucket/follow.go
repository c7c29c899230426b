package bucket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// errRecreated means that the bucket is not the one that was read: sequences
	// have begun anew, and a consumer of the old one would stay silent for ever.
	errRecreated = errors.New("the bucket was recreated")
	errMissed    = errors.New("out of touch with the bucket for so long that it may have forgotten what it deleted")
)

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
	// A consumer whose server is silent for two heartbeats is made anew. When
	// nothing was read for longer than that, it is asked whether there is more.
	heartbeat = 3 * time.Second
	silence   = 7 * time.Second
	// underWay is how long what the server has sent may take to arrive.
	underWay = 2 * time.Second
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

// Verifier compares what is read with what the bucket must hold. Its methods are
// called by the goroutine that calls the reader's, each before the reader's own.
type Verifier interface {
	Begin()
	Take(subject string, sequence uint64, stored time.Time, deleted bool)
	// Whole reports whether everything was read that must be there. As long as it
	// is false the reader is not told that its reading is whole, and is given what
	// is written meanwhile; Whole is called after each record.
	Whole() bool
}

// State is that of the bucket when its reading begins.
type State struct {
	Created time.Time
	Records uint64
}

// Options make a follower.
type FollowOptions struct {
	Open        func(context.Context) (jetstream.Stream, error) // makes the bucket when missing, returns its stream
	Opened      func(jetstream.Stream)                          // told which stream is read; may be nil
	Subject     string                                          // of the records
	HeadersOnly bool
	Reader      Reader
	Verifier    Verifier                   // nil: whatever is there is right
	Forgets     time.Duration              // who was out of touch for so long has missed what was deleted and forgotten, and reads anew; 0: nothing is forgotten
	Reconnect   func(func()) (stop func()) // registers for reconnections; may be nil
	Now         func() time.Time           // nil: time.Now
	Logger      *slog.Logger
}

// position is how far the bucket was read.
type position struct {
	created time.Time
	target  uint64 // where the reading is whole
	inStep  bool   // no server lagged behind: what a consumer knows of is all that there is
	whole   bool

	mu      sync.Mutex
	last    uint64
	contact time.Time // when the bucket was last known to be the one that is read; without a monotonic clock, which stands still in a machine that is suspended
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

// touch notes that the bucket is read, as of then.
func (p *position) touch(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.contact = at
}

// missed reports whether there was no contact for so long that deletions may have
// been made and forgotten meanwhile.
func (p *position) missed(now time.Time, forgets time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return forgets > 0 && !p.contact.IsZero() && now.Sub(p.contact) > forgets
}

// Follow reads a bucket until ctx ends. It retries for ever.
func Follow(ctx context.Context, o FollowOptions) {
	if o.Reconnect == nil {
		o.Reconnect = func(func()) func() { return func() {} }
	}
	if o.Opened == nil {
		o.Opened = func(jetstream.Stream) {}
	}
	if o.Now == nil {
		o.Now = time.Now
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
		if time.Since(began) > retryMost || errors.Is(err, errRecreated) || errors.Is(err, errMissed) {
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
func (o FollowOptions) follow(ctx context.Context, p *position, back <-chan struct{}) error {
	stream, err := o.Open(ctx)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("read the bucket: %w", err)
	}
	o.Opened(stream)
	asked := o.wall()
	if !p.whole || p.missed(asked, o.Forgets) || !p.created.Equal(info.Created) || info.State.LastSeq < p.last {
		*p = position{created: info.Created, target: info.State.LastSeq, inStep: inStep(info), contact: asked}
		if o.Verifier != nil {
			o.Verifier.Begin()
		}
		o.Reader.Begin(State{Created: info.Created, Records: info.State.Msgs})
	}
	consumer, messages, err := o.consume(ctx, stream, p.last+1)
	if err != nil {
		return err
	}
	defer messages.Stop()
	p.touch(asked) // from where it was read on then, nothing is missed
	o.caughtUp(p, consumer.CachedInfo().NumPending)
	ctx, stop := context.WithCancel(ctx)
	found := o.watchBucket(ctx, stream, p, back, stop)
	err = o.read(ctx, stream, consumer, messages, p)
	stop()
	return errors.Join(found(), err)
}

// wall is the time by the wall clock.
func (o FollowOptions) wall() time.Time { return o.Now().Round(0) }

// inStep reports whether no server that is there lags behind the one that answered.
func inStep(info *jetstream.StreamInfo) bool {
	return info.Cluster == nil || !slices.ContainsFunc(info.Cluster.Replicas, func(r *jetstream.PeerInfo) bool {
		return !r.Offline && (!r.Current || r.Lag > 0)
	})
}

func (o FollowOptions) consume(ctx context.Context, stream jetstream.Stream, from uint64) (jetstream.Consumer, jetstream.MessagesContext, error) {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{o.Subject},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    from,
		HeadersOnly:    o.HeadersOnly,
		// Its own retries can not be ended while they wait; Follow's can.
		MaxResetAttempts: 1,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	ahead := jetstream.PullMessagesOpt(jetstream.PullMaxBytes(prefetchBytes))
	if o.HeadersOnly {
		ahead = jetstream.PullMaxMessages(prefetch)
	}
	messages, err := consumer.Messages(ahead, jetstream.PullHeartbeat(heartbeat))
	return consumer, messages, err
}

// read ends with ctx and not by a Stop from elsewhere, which a consumer that
// is being made anew at that moment does not hear.
func (o FollowOptions) read(ctx context.Context, stream jetstream.Stream, consumer jetstream.Consumer, messages jetstream.MessagesContext, p *position) error {
	for {
		msg, err := o.next(ctx, messages, p)
		if errors.Is(err, errSilent) {
			msg, err = o.insist(ctx, stream, consumer, messages, p)
		}
		if err != nil {
			return fmt.Errorf("read the bucket: %w", err)
		}
		if msg == nil {
			continue
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read the bucket: %w", err)
		}
		if o.Verifier != nil {
			o.Verifier.Take(msg.Subject(), meta.Sequence.Stream, meta.Timestamp, Deleted(msg.Headers()))
		}
		o.Reader.Take(msg, meta)
		p.move(meta.Sequence.Stream)
		o.caughtUp(p, meta.NumPending)
	}
}

// errSilent means that nothing came for a while.
var errSilent = errors.New("nothing more comes")

// next waits for a message: until the reading is whole, not for long.
func (o FollowOptions) next(ctx context.Context, messages jetstream.MessagesContext, p *position) (jetstream.Msg, error) {
	if p.whole {
		return messages.Next(jetstream.NextContext(ctx))
	}
	return within(ctx, silence, messages)
}

// within waits so long for a message, then the error is errSilent.
func within(ctx context.Context, d time.Duration, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	msg, err := messages.Next(jetstream.NextContext(limited))
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, errSilent
	}
	return msg, err
}

// insist ends a reading whose last records were deleted before they came, unless
// there is a message after all. That the server has sent all of them is not yet
// that they have come: they do before long.
func (o FollowOptions) insist(ctx context.Context, stream jetstream.Stream, consumer jetstream.Consumer, messages jetstream.MessagesContext, p *position) (jetstream.Msg, error) {
	there, err := stream.Info(ctx)
	if err != nil {
		return nil, err
	}
	sent, err := consumer.Info(ctx)
	if err != nil {
		return nil, err
	}
	msg, err := within(ctx, underWay, messages)
	if errors.Is(err, errSilent) {
		p.inStep = inStep(there)
		o.caughtUp(p, sent.NumPending)
		return nil, nil
	}
	return msg, err
}

// caughtUp tells that the reading is whole, if it is: when all was read up to the
// target, or what is left up to it was deleted meanwhile, and nothing is missing.
func (o FollowOptions) caughtUp(p *position, pending uint64) {
	if !p.whole && (p.last >= p.target || pending == 0 && p.inStep) && (o.Verifier == nil || o.Verifier.Whole()) {
		p.whole = true
		o.Reader.Whole(p.last)
	}
}

// watchBucket calls stop when the bucket is not the one that p is of. It looks
// after every reconnection, and now and then. The returned function waits for
// the watch, which ends with ctx, and says what it found.
func (o FollowOptions) watchBucket(ctx context.Context, stream jetstream.Stream, p *position, back <-chan struct{}, stop func()) func() error {
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

// guard returns when ctx ends, the bucket was recreated, or what was deleted may
// have been missed.
func (o FollowOptions) guard(ctx context.Context, stream jetstream.Stream, p *position, back <-chan struct{}) error {
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
		case p.missed(o.wall(), o.Forgets):
			return errMissed
		default:
			p.touch(o.wall())
			look.Reset(bucketCheck)
		}
	}
}

// Deleted reports whether a record with these headers is the marker that its key
// was deleted, as every client of key-value buckets writes it.
func Deleted(header nats.Header) bool {
	op := header.Get("KV-Operation")
	return op == "DEL" || op == "PURGE"
}

// Recover, deferred by what decodes a record, makes a panic its error: a stored
// record at which the program fails would end it at each start.
func Recover(err *error) {
	if cause := recover(); cause != nil {
		*err = fmt.Errorf("gallerywire fails at it, which is a bug of gallerywire, report it: %v\n%s", cause, debug.Stack())
	}
}

func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
