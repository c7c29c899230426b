package catalogue

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	// clockCheck bounds how long a clock that is set forward goes unnoticed.
	clockCheck = 30 * time.Second
	// bucketCheck bounds how long a recreated bucket goes unnoticed when no
	// reconnection tells of it, and bucketRetry when the bucket does not answer.
	bucketCheck = 30 * time.Second
	bucketRetry = 500 * time.Millisecond
	// prefetch is how many headers are asked for at once.
	prefetch = 4096
)

// reader is how far the bucket was read.
type reader struct {
	created time.Time
	last    uint64
	loading map[string]*Entry // nil once the index is whole
	target  uint64            // where it is whole
}

// Run keeps the index whole until ctx ends. It retries for ever.
func (c *Catalogue) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if !c.opts.Timeless {
		wg.Go(func() { c.keepTime(ctx) })
	}
	back := make(chan struct{}, 1)
	defer c.opts.Reconnect(func() { nudge(back) })()
	var r reader
	for wait := retryLeast; ctx.Err() == nil; wait = min(2*wait, retryMost) {
		began := time.Now()
		err := c.follow(ctx, &r, back)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > retryMost || errors.Is(err, errRecreated) {
			wait = retryLeast
		}
		c.opts.Logger.Warn("the index stopped following the bucket and starts again", "err", err, "in", wait)
		pause(ctx, wait, back)
	}
	return nil
}

// pause waits, but not after the server is back.
func pause(ctx context.Context, d time.Duration, back <-chan struct{}) {
	select {
	case <-time.After(d):
	case <-back:
	case <-ctx.Done():
	}
}

// follow reads the bucket from where r is until something breaks.
func (c *Catalogue) follow(ctx context.Context, r *reader, back <-chan struct{}) error {
	stream, err := c.opts.Open(ctx)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("read the bucket: %w", err)
	}
	c.stream.Store(&stream)
	if r.loading != nil || !r.created.Equal(info.Created) || info.State.LastSeq < r.last {
		c.ready.Store(false)
		c.index.distrust()
		*r = reader{created: info.Created, loading: make(map[string]*Entry, info.State.Msgs), target: info.State.LastSeq}
	}
	messages, err := c.consume(ctx, stream, r.last+1)
	if err != nil {
		return err
	}
	defer messages.Stop()
	if info.State.Msgs == 0 {
		c.caughtUp(r)
	}
	ctx, stop := context.WithCancel(ctx)
	found := c.watchBucket(ctx, stream, r.created, back, stop)
	err = c.read(ctx, messages, r)
	stop()
	return errors.Join(found(), err)
}

func (c *Catalogue) consume(ctx context.Context, stream jetstream.Stream, from uint64) (jetstream.MessagesContext, error) {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{c.subject(">")},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    from,
		HeadersOnly:    true,
		// Its own retries can not be ended while they wait; Run's can.
		MaxResetAttempts: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("read the bucket: %w", err)
	}
	return consumer.Messages(jetstream.PullMaxMessages(prefetch))
}

// read ends with ctx and not by a Stop from elsewhere, which a consumer that
// is being made anew at that moment does not hear.
func (c *Catalogue) read(ctx context.Context, messages jetstream.MessagesContext, r *reader) error {
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
		c.take(msg, meta, r)
		r.last = meta.Sequence.Stream
		if r.last >= r.target || meta.NumPending == 0 {
			c.caughtUp(r)
		}
	}
}

// take puts one record into the index, or beside it while the bucket is read
// for the first time.
func (c *Catalogue) take(msg jetstream.Msg, meta *jetstream.MsgMetadata, r *reader) {
	key := strings.TrimPrefix(msg.Subject(), c.subject(""))
	e, err := read(key, msg.Headers(), meta.Sequence.Stream, meta.Timestamp)
	if err != nil {
		c.opts.Logger.Error("a record in the bucket can not be read and is left out: publish the gallery again", "key", key, "err", err)
	}
	e.keep(c.opts.Tombstones)
	key = e.key(key)
	if r.loading != nil {
		r.loading[key] = e
		return
	}
	c.index.apply(key, e, c.opts.Now().UnixNano())
}

// key returns key, in the memory of the id where the two are the same.
func (e *Entry) key(key string) string {
	if e.ID == key {
		return e.ID
	}
	return strings.Clone(key)
}

// caughtUp makes what was read the index.
func (c *Catalogue) caughtUp(r *reader) {
	if r.loading == nil {
		return
	}
	c.index.fill(r.loading, r.created, r.last, c.opts.Now().UnixNano())
	c.opts.Logger.Info("the index is whole", "galleries", c.index.live(), "revision", r.last)
	r.loading = nil
	c.ready.Store(true)
	c.opts.Changed(Change{})
}

// watchBucket calls stop when the bucket is not the one created then. It looks
// after every reconnection, and now and then. The returned function waits for
// the watch, which ends with ctx, and says what it found.
func (c *Catalogue) watchBucket(ctx context.Context, stream jetstream.Stream, created time.Time, back <-chan struct{}, stop func()) func() error {
	var watch sync.WaitGroup
	var found error
	watch.Go(func() {
		defer stop()
		found = c.guard(ctx, stream, created, back)
	})
	return func() error {
		watch.Wait()
		return found
	}
}

// guard returns when ctx ends or the bucket was recreated.
func (c *Catalogue) guard(ctx context.Context, stream jetstream.Stream, created time.Time, back <-chan struct{}) error {
	look := time.NewTimer(bucketCheck)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-back:
		case <-look.C:
		}
		known := c.index.revision() // before asking: it grows meanwhile
		info, err := stream.Info(ctx)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return errRecreated
		case err != nil:
			look.Reset(bucketRetry)
		case !info.Created.Equal(created) || info.State.LastSeq < known:
			return errRecreated
		default:
			look.Reset(bucketCheck)
		}
	}
}

// keepTime lets embargoes and expiries take effect at their instants.
func (c *Catalogue) keepTime(ctx context.Context) {
	for {
		wait := clockCheck
		if at, ok := c.index.next(); ok {
			wait = min(max(at.Sub(c.opts.Now()), 0), clockCheck)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			c.Advance()
		case <-c.index.wake:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// Advance lets every embargo and expiry up to now take effect. It is cheap when
// there is none.
func (c *Catalogue) Advance() { c.index.advance(c.opts.Now()) }

func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
