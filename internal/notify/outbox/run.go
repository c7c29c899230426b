package outbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// Route is a channel and how hard it tries.
type Route struct {
	Channel  Channel
	Attempts int  // 0: as the options say
	Forget   bool // neither what was told nor what is given up is remembered

	Concurrency int // deliveries at a time, beside those of the others, and about as many that are slow or tried again; 0: among them
}

// merge is the channel's, and says so where the data is no more that of n alone.
func (r Route) merge(old, n Notice) Notice {
	both := r.Channel.Merge(old, n)
	both.Merged = n.Merged || !bytes.Equal(both.Data, n.Data)
	return both
}

// Options make an Outbox.
type Options struct {
	JetStream jetstream.JetStream
	Bucket    string                                          // its full name
	Open      func(context.Context) (jetstream.Stream, error) // makes the bucket when missing, returns its stream
	Verifier  bucket.Verifier                                 // of what is read of the bucket; may be nil
	Reconnect func(func()) (stop func())                      // registers for reconnections; may be nil
	Alone     bool                                            // no other node has the bucket: leases of another process are void, and none are needed

	Routes      map[string]Route // by the channel's name
	Attempts    int              // at most so many; 0: 8
	GiveUpAfter time.Duration    // since the first attempt; 0: 24 h
	FirstRetry  time.Duration    // after the first attempt, and growing; 0: 15 s
	Concurrency int              // deliveries at a time; 0: 64
	PerHost     int              // of them to one host; 0: 32
	Grace       time.Duration    // after which a slow target leaves the others; a tenth of it where its host was slow before; 0: 2 s
	Timeout     time.Duration    // that no delivery takes longer than; 0: 10 s
	Lease       time.Duration    // on a shard, for a node that is not heard of; 0: 10 s

	Failed     func(context.Context, DeadLetter) error // told of a target given up, before it is a dead letter for good; may be nil
	Now        func() time.Time                        // nil: time.Now
	Registerer prometheus.Registerer                   // nil: no metrics
	Logger     *slog.Logger
}

func (o *Options) fill() {
	o.Attempts = cmp.Or(o.Attempts, 8)
	o.GiveUpAfter = cmp.Or(o.GiveUpAfter, 24*time.Hour)
	o.FirstRetry = cmp.Or(o.FirstRetry, 15*time.Second)
	o.Concurrency = cmp.Or(o.Concurrency, 64)
	o.PerHost = cmp.Or(o.PerHost, 32)
	o.Grace = cmp.Or(o.Grace, 2*time.Second)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	o.Lease = cmp.Or(o.Lease, 10*time.Second)
	if o.Failed == nil {
		o.Failed = func(context.Context, DeadLetter) error { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

const (
	// writeTimeout bounds one write, so that NATS going away is noticed.
	writeTimeout = 5 * time.Second
	// farewell is what deliveries under way may still take when the node stops.
	farewell = 5 * time.Second
	// maxShifts is how many shards a node takes at once that have something to be
	// sent first, unless it is alone: the others are left to other nodes for
	// courtesy.
	maxShifts = 4
	courtesy  = 50 * time.Millisecond
	// idle is how long at most nobody looks whether something is due.
	idle = time.Minute
)

// Outbox is safe for concurrent use. [Outbox.Run] must run for anything to be
// sent.
type Outbox struct {
	opts   Options
	node   string
	bucket *bucket.Bucket
	book   *book
	shared porters
	own    map[string]porters // by channel
	begin  sync.Once
	began  uint64 // the newest revision when the ledger was whole first
	meter  meter
	wake   chan struct{}

	mu     sync.Mutex // taken before those of a shift and of the book
	shifts map[int]*shift
	spare  map[int]time.Time // since when a shard is left for other nodes
}

// New returns an outbox of which nothing is known yet.
func New(o Options) *Outbox {
	o.fill()
	b := &Outbox{
		opts: o, node: rand.Text(), wake: make(chan struct{}, 1),
		shared: newPorters(o.Concurrency, o.PerHost),
		shifts: map[int]*shift{}, own: map[string]porters{}, spare: map[int]time.Time{},
	}
	for channel, route := range o.Routes {
		if route.Concurrency > 0 {
			b.own[channel] = newPorters(route.Concurrency, o.PerHost)
		}
	}
	b.book = newBook(o.Logger, o.Now, b.nudge)
	b.bucket = bucket.New(bucket.Options{
		JetStream: o.JetStream, Bucket: o.Bucket, Open: o.Open, Verifier: o.Verifier,
		Apply: b.book.heard, Reset: func(bucket.State) { b.book.reset() },
		Whole: func(uint64) {
			b.book.isWhole()
			b.look()
		},
		Reconnect: o.Reconnect, Now: o.Now, Logger: o.Logger,
	})
	b.meter = newMeter(b, o.Registerer)
	return b
}

// porters let deliveries run: those that are tried the first time, and the others
// and slow ones. Which hosts are slow they know together.
type porters struct{ first, again *porter }

func newPorters(most, perHost int) porters {
	slow := newSlowHosts()
	return porters{first: newPorter(most, perHost, slow), again: newPorter(most, perHost, slow)}
}

func (b *Outbox) porters(channel string) porters {
	if own, ok := b.own[channel]; ok {
		return own
	}
	return b.shared
}

// Ready is nil once it is known what is owed.
func (b *Outbox) Ready() error { return b.bucket.Ready() }

// look has the outbox looked through.
func (b *Outbox) look() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// nudge tells whoever works on the shard, else the node, that it changed.
func (b *Outbox) nudge(shard int) {
	b.mu.Lock()
	s := b.shifts[shard]
	b.mu.Unlock()
	if s != nil {
		s.nudge()
		return
	}
	b.look()
}

// Run sends what is owed until ctx ends. Deliveries that are under way then may
// take a few seconds more.
func (b *Outbox) Run(ctx context.Context) error {
	follow, stop := context.WithCancel(context.WithoutCancel(ctx))
	var reading, working sync.WaitGroup
	reading.Go(func() { _ = b.bucket.Run(follow) }) // returns nothing else
	for ctx.Err() == nil {
		wait := b.attend(ctx, &working)
		timer := time.NewTimer(wait)
		select {
		case <-b.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	working.Wait()
	stop()
	reading.Wait()
	return nil
}

// attend begins to work on shards that have something due and that nobody works
// on. It returns for how long there will be none, unless something changes.
func (b *Outbox) attend(ctx context.Context, working *sync.WaitGroup) time.Duration {
	if b.bucket.Ready() != nil {
		return idle
	}
	b.begin.Do(func() { b.began = b.book.newest() })
	wait := idle
	for _, shard := range mathrand.Perm(shards) { // nodes that look at the same time begin elsewhere
		if b.works(shard) {
			continue // looks for itself, and has the others looked through when it ends
		}
		due, fresh := b.due(shard)
		if due < 0 {
			delete(b.spare, shard)
			continue
		}
		if left := b.good(b.book.lease(shard)); left > due {
			due = left
			delete(b.spare, shard)
		}
		if due > 0 {
			wait = min(wait, due)
			continue
		}
		if left := b.engage(ctx, working, shard, fresh); left > 0 {
			wait = min(wait, left)
		}
	}
	return wait
}

// works reports whether this node works on the shard.
func (b *Outbox) works(shard int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shifts[shard] != nil
}

// engage begins a shift unless there is one. Where this node has many, others have
// a moment to take the shard: what is left of that is returned.
func (b *Outbox) engage(ctx context.Context, working *sync.WaitGroup, shard int, fresh bool) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shifts[shard] != nil {
		return 0
	}
	if fresh && !b.opts.Alone && b.busy() >= maxShifts {
		since, left := b.spare[shard]
		if !left {
			b.spare[shard] = time.Now()
			return courtesy
		}
		if wait := courtesy - time.Since(since); wait > 0 {
			return wait
		}
	}
	delete(b.spare, shard)
	s := newShift(b, shard, fresh)
	b.shifts[shard] = s
	working.Go(func() {
		s.run(ctx)
		b.mu.Lock()
		delete(b.shifts, shard)
		b.mu.Unlock()
		b.look()
	})
	return 0
}

// busy is how many shards this node works on that have something to be sent first.
func (b *Outbox) busy() int {
	n := 0
	for _, s := range b.shifts {
		if s.busy() {
			n++
		}
	}
	return n
}

// due is in how long something of the shard is to be done, negative for nothing;
// fresh tells whether that is the first attempt of something.
func (b *Outbox) due(shard int) (wait time.Duration, fresh bool) {
	wait = -1
	sooner := func(left time.Duration) {
		if wait < 0 || left < wait {
			wait = left
		}
	}
	b.book.read(func(shards []part, _ map[string]*late) {
		for key, o := range shards[shard].owed {
			if b.knows(o.Notice) {
				left := max(time.Until(shards[shard].aside[key]), 0)
				fresh = fresh || left == 0
				sooner(left)
			}
		}
		for _, l := range shards[shard].late {
			if b.knows(l.Notice) {
				sooner(l.left())
			}
		}
	})
	return wait, fresh
}

// knows reports whether this node has the channel: one that is configured
// otherwise leaves it to others.
func (b *Outbox) knows(n Notice) bool {
	_, ok := b.opts.Routes[n.Channel]
	return ok
}
