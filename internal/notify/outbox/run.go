package outbox

import (
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

// Options make an Outbox.
type Options struct {
	JetStream jetstream.JetStream
	Bucket    string                                          // its full name
	Open      func(context.Context) (jetstream.Stream, error) // makes the bucket when missing, returns its stream
	Verifier  bucket.Verifier                                 // of what is read of the bucket; may be nil
	Reconnect func(func())                                    // registers for reconnections; may be nil
	Alone     bool                                            // no other node has the bucket: no leases are needed

	Channels    map[string]Channel // by name
	Attempts    int                // at most so many; 0: 8
	GiveUpAfter time.Duration      // since the first attempt; 0: 24 h
	FirstRetry  time.Duration      // after the first attempt, and growing; 0: 15 s
	Concurrency int                // of a channel, first attempts at a time, and as many retries; 0: 64
	PerHost     int                // of either to one host; 0: 32
	Grace       time.Duration      // after which a first attempt without an answer becomes a retry; 0: 2 s
	Timeout     time.Duration      // of a delivery; 0: 10 s
	Lease       time.Duration      // on a shard, for a node that does not renew it; 0: 10 s
	Tenure      time.Duration      // after this or up to twice this a busy node releases a lease; 0: 1 min

	Failed     func(context.Context, DeadLetter) error // reports a new dead letter, perhaps again; may be nil
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
	o.Tenure = cmp.Or(o.Tenure, time.Minute)
	if o.Failed == nil {
		o.Failed = func(context.Context, DeadLetter) error { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

const (
	// maxEager is how many shards a node works on before it leaves shards that it has not
	// leased to other nodes for yieldFor, at most once in yieldEvery.
	maxEager   = 4
	yieldFor   = 50 * time.Millisecond
	yieldEvery = time.Second
	// maxIdle bounds the time between two checks for due work.
	maxIdle = time.Minute
)

// Outbox is safe for concurrent use. [Outbox.Run] must run for anything to be
// sent.
type Outbox struct {
	opts    Options
	node    string
	bucket  *bucket.Bucket
	state   *state
	limits  map[string]limits // by channel
	metrics metrics
	wake    chan struct{}

	leaseOutage, recordOutage *outage

	mu      sync.Mutex // taken before that of the state
	workers [shards]*worker
	leases  [shards]*held
	yielded time.Time // when shards were last left to other nodes
}

// New returns an outbox that has read nothing yet.
func New(o Options) *Outbox {
	o.fill()
	b := &Outbox{opts: o, node: rand.Text(), limits: map[string]limits{}, wake: make(chan struct{}, 1)}
	for name := range o.Channels {
		b.limits[name] = limits{newLimiter(o.Concurrency, o.PerHost), newLimiter(o.Concurrency, o.PerHost)}
	}
	b.leaseOutage = &outage{
		log: o.Logger, failing: "cannot acquire shard leases, retrying: notices wait until NATS stores the leases",
		end: "shard leases are acquired again",
	}
	b.recordOutage = &outage{
		log: o.Logger, failing: "cannot store what was sent, retrying: the targets get nothing else until NATS stores it",
		end: "what was sent is stored again",
	}
	b.state = &state{log: o.Logger, now: o.Now, changed: b.nudge}
	b.state.reset()
	b.bucket = bucket.New(bucket.Options{
		JetStream: o.JetStream, Bucket: o.Bucket, Open: o.Open, Verifier: o.Verifier,
		Apply: b.state.read, Reset: func(bucket.State) { b.state.reset() },
		Whole: func(uint64) {
			b.state.follow()
			b.wakeUp()
		},
		Reconnect: o.Reconnect, Now: o.Now, Logger: o.Logger,
	})
	b.metrics = newMetrics(b, o.Registerer)
	return b
}

// Ready is nil once the bucket was read.
func (b *Outbox) Ready() error { return b.bucket.Ready() }

// wakeUp has Run check for due work.
func (b *Outbox) wakeUp() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// nudge wakes the worker of the shard, or else the node.
func (b *Outbox) nudge(shard int) {
	b.mu.Lock()
	w := b.workers[shard]
	b.mu.Unlock()
	if w != nil {
		w.nudge()
		return
	}
	b.wakeUp()
}

// Run sends what is pending until ctx ends. Deliveries that are in flight then may
// take a few seconds more.
func (b *Outbox) Run(ctx context.Context) error {
	follow, stop := context.WithCancel(context.WithoutCancel(ctx))
	var reading, working sync.WaitGroup
	reading.Go(func() { _ = b.bucket.Run(follow) }) // returns nothing else
	for ctx.Err() == nil {
		timer := time.NewTimer(b.startWorkers(ctx, &working))
		select {
		case <-b.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	working.Wait()
	for _, h := range b.leases {
		if h != nil && !b.opts.Alone {
			working.Go(func() { b.release(follow, h) })
		}
	}
	working.Wait()
	stop()
	reading.Wait()
	return nil
}

// startWorkers starts a worker for each shard that has something due and no worker. It
// returns how long it is until another shard has, unless something changes.
func (b *Outbox) startWorkers(ctx context.Context, working *sync.WaitGroup) time.Duration {
	wait := maxIdle
	if b.bucket.Ready() != nil {
		return wait
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, shard := range mathrand.Perm(shards) { // nodes that start at the same time begin elsewhere
		if b.workers[shard] != nil {
			continue // it finds its work itself, and wakes Run when it ends
		}
		passes, retries, due := b.due(shard)
		if len(passes)+len(retries) > 0 {
			due = b.expires(b.state.lease(shard))
			if due == 0 && len(passes) > 0 && b.leases[shard] == nil {
				due = b.yield()
			}
		}
		if due > 0 {
			wait = min(wait, due)
			continue
		}
		w := newWorker(b, shard)
		b.workers[shard] = w
		working.Go(func() {
			w.run(ctx)
			b.mu.Lock()
			b.workers[shard] = nil
			b.mu.Unlock()
			b.wakeUp()
		})
	}
	return wait
}

// yield is how long a shard is left to other nodes while this one works on many.
func (b *Outbox) yield() time.Duration {
	busy := 0
	for _, w := range b.workers {
		if w != nil {
			busy++
		}
	}
	if busy < maxEager || b.opts.Alone {
		return 0
	}
	if time.Since(b.yielded) > yieldEvery {
		b.yielded = time.Now()
	}
	return max(yieldFor-time.Since(b.yielded), 0)
}

// due returns what is due in a shard, and how long it is until more is. What only channels
// have that this node does not know is left to other nodes.
func (b *Outbox) due(number int) (passes []*pending, retries []*retry, wait time.Duration) {
	wait = maxIdle
	b.state.view(func(shards []shard, _ map[string]*retry) {
		for _, p := range shards[number].pending {
			if b.opts.Channels[p.Notice.Channel] != nil {
				passes = append(passes, p)
			}
		}
		for _, r := range shards[number].retries {
			if b.opts.Channels[r.Notice.Channel] == nil {
				continue
			}
			if left := r.left(); left > 0 {
				wait = min(wait, left)
			} else {
				retries = append(retries, r)
			}
		}
	})
	return passes, retries, wait
}
