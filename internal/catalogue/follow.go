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
	// reconnection tells of it.
	bucketCheck = 30 * time.Second
)

// reader is how far the bucket was read.
type reader struct {
	created time.Time
	last    uint64
	loading map[string]*Entry // nil once the index is whole
}

// Run keeps the index whole until ctx ends. It retries for ever.
func (c *Catalogue) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if !c.opts.Timeless {
		wg.Go(func() { c.keepTime(ctx) })
	}
	var r reader
	for wait := retryLeast; ctx.Err() == nil; wait = min(2*wait, retryMost) {
		began := time.Now()
		err := c.follow(ctx, &r)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > retryMost {
			wait = retryLeast
		}
		c.opts.Logger.Warn("the index stopped following the bucket and starts again", "err", err, "in", wait)
		pause(ctx, wait)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// follow reads the bucket from where r is until something breaks.
func (c *Catalogue) follow(ctx context.Context, r *reader) error {
	stream, err := c.opts.Open(ctx)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return err
	}
	c.stream.Store(&stream)
	if r.loading != nil || !r.created.Equal(info.Created) || info.State.LastSeq < r.last {
		c.ready.Store(false)
		*r = reader{created: info.Created, loading: make(map[string]*Entry, info.State.Msgs)}
	}
	messages, err := c.consume(ctx, stream, r.last+1)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	defer messages.Stop()
	if info.State.Msgs == 0 {
		c.caughtUp(r)
	}
	watch := c.watchBucket(ctx, stream, r.created, messages.Stop)
	err = c.read(messages, r)
	return errors.Join(err, watch())
}

func (c *Catalogue) consume(ctx context.Context, stream jetstream.Stream, from uint64) (jetstream.MessagesContext, error) {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{c.subject(">")},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    from,
		HeadersOnly:    true,
	})
	if err != nil {
		return nil, fmt.Errorf("read the bucket: %w", err)
	}
	return consumer.Messages(jetstream.PullMaxMessages(4096))
}

func (c *Catalogue) read(messages jetstream.MessagesContext, r *reader) error {
	for {
		msg, err := messages.Next()
		if err != nil {
			return fmt.Errorf("read the bucket: %w", err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("read the bucket: %w", err)
		}
		c.take(msg, meta, r)
		r.last = meta.Sequence.Stream
		if meta.NumPending == 0 {
			c.caughtUp(r)
		}
	}
}

// take puts one record into the index, or beside it while the bucket is read
// for the first time.
func (c *Catalogue) take(msg jetstream.Msg, meta *jetstream.MsgMetadata, r *reader) {
	key := strings.TrimPrefix(msg.Subject(), c.subject(""))
	sequence, now := meta.Sequence.Stream, c.opts.Now().UnixNano()
	if deleted(msg.Headers()) {
		if r.loading != nil {
			delete(r.loading, key)
		} else {
			c.index.remove(key, sequence, meta.Timestamp.UnixNano(), now)
		}
		return
	}
	e, err := entry(msg.Headers(), sequence, meta.Timestamp)
	if err != nil {
		c.opts.Logger.Error("a record in the bucket can not be read and is left out: publish the gallery again", "key", key, "err", err)
		return
	}
	if r.loading != nil {
		r.loading[key] = e
		return
	}
	c.index.apply(e, now)
	c.poke()
}

// caughtUp makes what was read the index.
func (c *Catalogue) caughtUp(r *reader) {
	if r.loading == nil {
		return
	}
	c.index.fill(r.loading, r.created, r.last, c.opts.Now().UnixNano())
	c.opts.Logger.Info("the index is whole", "galleries", len(r.loading), "revision", r.last)
	r.loading = nil
	c.ready.Store(true)
	c.poke()
	c.opts.Changed(Change{})
}

// watchBucket calls stop when the bucket is not the one created then. It looks
// after every reconnection, and now and then. The returned function ends the
// watch and says what it found.
func (c *Catalogue) watchBucket(ctx context.Context, stream jetstream.Stream, created time.Time, stop func()) func() error {
	ctx, cancel := context.WithCancel(ctx)
	look := make(chan struct{}, 1)
	unregister := c.opts.Reconnect(func() { nudge(look) })
	found := make(chan error, 1)
	go func() {
		defer stop()
		found <- c.guard(ctx, stream, created, look)
	}()
	return func() error {
		unregister()
		cancel()
		return <-found
	}
}

// guard returns when ctx ends or the bucket was recreated.
func (c *Catalogue) guard(ctx context.Context, stream jetstream.Stream, created time.Time, look <-chan struct{}) error {
	tick := time.NewTicker(bucketCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look:
		case <-tick.C:
		}
		known := c.index.revision() // before asking: it grows meanwhile
		info, err := stream.Info(ctx)
		if errors.Is(err, jetstream.ErrStreamNotFound) ||
			err == nil && (!info.Created.Equal(created) || info.State.LastSeq < known) {
			return errRecreated
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
		case <-c.wake:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// Advance lets every embargo and expiry up to now take effect.
func (c *Catalogue) Advance() { c.index.advance(c.opts.Now()) }

func (c *Catalogue) poke() { nudge(c.wake) }

func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
