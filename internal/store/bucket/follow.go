package bucket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrUnread means that the bucket was not read to its end yet.
	ErrUnread = errors.New("the bucket is still being read")
	// errRecreated means that the bucket is not the one that was read: sequences
	// have begun anew, and a consumer of the old one would stay silent for ever.
	errRecreated = errors.New("the bucket was recreated")
	errMissed    = errors.New("out of touch with the bucket for so long that it may have forgotten deletions")
	errSilent    = errors.New("no more records arrive")
)

const (
	retryLeast = 100 * time.Millisecond
	retryMost  = 5 * time.Second
	// bucketCheck bounds how long a recreated bucket goes unnoticed when there is no
	// reconnection, and bucketRetry when the bucket does not answer.
	bucketCheck = 30 * time.Second
	bucketRetry = 500 * time.Millisecond
	// prefetch is how many records are asked for at once, prefetchBytes how much
	// of them where their values are read too.
	prefetch      = 4096
	prefetchBytes = 8 << 20
	// A consumer whose server is silent for two heartbeats is made anew. When
	// nothing was read for longer than that, it is asked whether there is more.
	heartbeat = 3 * time.Second
	silence   = 7 * time.Second
	// underWay is how long records that the server has sent may take to arrive.
	underWay = 2 * time.Second
)

// Verifier compares the records that are read with those that the bucket must hold.
// Its methods are called by the goroutine that applies records, before each is
// applied.
type Verifier interface {
	Begin()
	Take(subject string, sequence uint64, deleted bool)
	// Whole reports whether every record was read that must be there. As long as it
	// is false the bucket is not whole, and records written meanwhile are applied;
	// it is called after each of them.
	Whole() bool
}

// State is that of the bucket when its reading begins.
type State struct {
	Created time.Time
	Records uint64
}

// reading is the replay of the records that were there at the start.
type reading struct {
	created time.Time
	target  uint64 // the revision at which it is whole
	inStep  bool   // no server lagged behind: a consumer knows of all records
}

// Run follows the bucket until ctx ends, and has every record applied. It retries
// for ever.
func (b *Bucket) Run(ctx context.Context) error {
	for wait := retryLeast; ctx.Err() == nil; wait = min(2*wait, retryMost) {
		began := time.Now()
		err := b.follow(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(began) > retryMost || errors.Is(err, errRecreated) || errors.Is(err, errMissed) {
			wait = retryLeast
		}
		b.opts.Logger.Warn("cannot follow the bucket, retrying", "bucket", b.opts.Bucket, "err", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-b.connected:
		case <-ctx.Done():
		}
	}
	return nil
}

// Ready is nil once every record was applied that was there at the start.
func (b *Bucket) Ready() error {
	if !b.isWhole() {
		return ErrUnread
	}
	return nil
}

func (b *Bucket) isWhole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole
}

// Wait blocks until the record with that revision was applied, or ctx ends.
func (b *Bucket) Wait(ctx context.Context, revision uint64) error {
	for {
		b.mu.Lock()
		if b.last >= revision {
			b.mu.Unlock()
			return nil
		}
		if b.moved == nil {
			b.moved = make(chan struct{})
		}
		moved := b.moved
		b.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("wait for revision %d: %w", revision, ctx.Err())
		}
	}
}

// follow reads on from the last record until something breaks, or from the first
// where it is not certain that nothing is missed.
func (b *Bucket) follow(ctx context.Context) error {
	b.forget()
	stream, err := b.open(ctx)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("read the bucket: %w", err)
	}
	asked := b.wall()
	if !b.isWhole() || b.missed(asked) || b.recreated(info, b.applied()) {
		b.begin(info, asked)
	}
	consumer, messages, err := b.consume(ctx, stream, b.applied()+1)
	if err != nil {
		return err
	}
	defer messages.Stop()
	b.touch(asked) // from where it was read on then, nothing is missed
	b.caughtUp(consumer.CachedInfo().NumPending)
	ctx, stop := context.WithCancel(ctx)
	var guard sync.WaitGroup
	var found error
	guard.Go(func() {
		defer stop()
		found = b.guard(ctx, stream)
	})
	err = b.read(ctx, stream, consumer, messages)
	stop()
	guard.Wait()
	return errors.Join(found, err)
}

// begin starts over with the first record.
func (b *Bucket) begin(info *jetstream.StreamInfo, at time.Time) {
	b.reading = reading{info.Created, info.State.LastSeq, inStep(info)}
	b.mu.Lock()
	b.whole, b.last, b.deleted, b.contact = false, 0, map[string]marker{}, at
	b.mu.Unlock()
	if b.opts.Verifier != nil {
		b.opts.Verifier.Begin()
	}
	b.opts.Reset(State{info.Created, info.State.Msgs})
}

// inStep reports whether no server that is there lags behind the one that answered.
func inStep(info *jetstream.StreamInfo) bool {
	return info.Cluster == nil || !slices.ContainsFunc(info.Cluster.Replicas, func(r *jetstream.PeerInfo) bool {
		return !r.Offline && (!r.Current || r.Lag > 0)
	})
}

func (b *Bucket) consume(ctx context.Context, stream jetstream.Stream, from uint64) (jetstream.Consumer, jetstream.MessagesContext, error) {
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{b.subject(">")},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    from,
		HeadersOnly:    b.opts.HeadersOnly,
		// Its own retries cannot be ended while they wait; those of Run can.
		MaxResetAttempts: 1,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	ahead := jetstream.PullMessagesOpt(jetstream.PullMaxBytes(prefetchBytes))
	if b.opts.HeadersOnly {
		ahead = jetstream.PullMaxMessages(prefetch)
	}
	messages, err := consumer.Messages(ahead, jetstream.PullHeartbeat(heartbeat))
	return consumer, messages, err
}

// read ends with ctx and not by a call of Stop, which a consumer ignores while it is
// being made anew.
func (b *Bucket) read(ctx context.Context, stream jetstream.Stream, consumer jetstream.Consumer, messages jetstream.MessagesContext) error {
	for {
		var msg jetstream.Msg
		var err error
		if b.isWhole() {
			msg, err = messages.Next(jetstream.NextContext(ctx))
		} else {
			msg, err = within(ctx, silence, messages)
		}
		if errors.Is(err, errSilent) {
			msg, err = b.finishReplay(ctx, stream, consumer, messages)
		}
		if err != nil {
			return fmt.Errorf("read the bucket: %w", err)
		}
		if msg == nil {
			continue
		}
		r, pending, err := b.message(msg)
		if err != nil {
			return err
		}
		if b.opts.Verifier != nil {
			b.opts.Verifier.Take(msg.Subject(), r.Revision, r.Value == nil)
		}
		b.opts.Apply(r)
		b.note(r)
		b.caughtUp(pending)
	}
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

// finishReplay completes the initial replay when the newest records were deleted
// meanwhile, unless there is a message after all: one that the server has sent may
// still be under way.
func (b *Bucket) finishReplay(ctx context.Context, stream jetstream.Stream, consumer jetstream.Consumer, messages jetstream.MessagesContext) (jetstream.Msg, error) {
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
		b.reading.inStep = inStep(there)
		b.caughtUp(sent.NumPending)
		return nil, nil
	}
	return msg, err
}

// caughtUp notes that the bucket is whole, if it is: all was read up to the target,
// or the rest up to it was deleted meanwhile, and nothing is missing.
func (b *Bucket) caughtUp(pending uint64) {
	last := b.applied()
	if b.isWhole() || last < b.reading.target && (pending > 0 || !b.reading.inStep) || b.opts.Verifier != nil && !b.opts.Verifier.Whole() {
		return
	}
	b.mu.Lock()
	b.whole = true
	b.mu.Unlock()
	if b.opts.Whole != nil {
		b.opts.Whole(last)
	}
}

// note remembers that a record was applied.
func (b *Bucket) note(r Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Value == nil {
		b.deleted[r.Key] = marker{r.Key, r.Revision, b.opts.Now()}
	} else {
		delete(b.deleted, r.Key)
	}
	b.last = r.Revision
	if b.moved != nil {
		close(b.moved)
		b.moved = nil
	}
}

// applied is the revision up to which records were applied.
func (b *Bucket) applied() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// guard returns when ctx ends, the bucket was recreated, or deletions may have been
// missed. It checks after every reconnection, and every bucketCheck.
func (b *Bucket) guard(ctx context.Context, stream jetstream.Stream) error {
	check := time.NewTimer(bucketCheck)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.connected:
		case <-check.C:
		}
		known := b.applied() // before asking: it grows meanwhile
		info, err := stream.Info(ctx)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return errRecreated
		case err != nil:
			check.Reset(bucketRetry)
		case b.recreated(info, known):
			return errRecreated
		case b.missed(b.wall()):
			return errMissed
		default:
			b.touch(b.wall())
			check.Reset(bucketCheck)
		}
	}
}

// recreated reports whether info is of another bucket than the one whose records are known
// up to that revision.
func (b *Bucket) recreated(info *jetstream.StreamInfo, known uint64) bool {
	return !info.Created.Equal(b.reading.created) || info.State.LastSeq < known
}

// wall is the time by the wall clock.
func (b *Bucket) wall() time.Time { return b.opts.Now().Round(0) }

// touch notes that the bucket was read at that time.
func (b *Bucket) touch(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.contact = at
}

// missed reports whether there was no contact for so long that records may have
// been deleted and their markers forgotten meanwhile.
func (b *Bucket) missed(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.opts.KeepsMarkers && !b.contact.IsZero() && now.Sub(b.contact) > markerAge/2
}
