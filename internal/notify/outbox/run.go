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

// Outbox is safe for concurrent use. [Outbox.Run] must run for anything to be
// sent.
type Outbox struct {
	opts    Options
	node    string
	bucket  *bucket.Bucket
	shards  [shards]*shard
	metrics metrics

	first, retried limits  // retries have a share of their own, so that they never hold up first attempts
	endpoints      *places // one delivery at a time goes to each

	leaseOutage, recordOutage *outage

	stopping context.Context // ends when the node stops; set by Run

	mu            sync.Mutex         // of all that follows, and of the shards
	following     bool               // what was there at the start, or after a reset, is read
	readTo        uint64             // the revision up to which the bucket was read
	records, dead map[string]*record // that are known, and the dead letters of those, by key
	working       int                // shards that this node works on
	yielded       time.Time          // when shards were last left to other nodes
}

// New returns an outbox that has read nothing yet.
func New(o Options) *Outbox {
	o.fill()
	b := &Outbox{opts: o, node: rand.Text(), endpoints: newPlaces(1)}
	b.first = limits{newPlaces(o.Concurrency), newPlaces(o.PerHost)}
	b.retried = limits{newPlaces(o.Concurrency), newPlaces(o.PerHost)}
	b.leaseOutage = &outage{
		log: o.Logger, end: "shard leases are acquired again",
		failing: "cannot acquire shard leases, retrying: notices wait until NATS stores the leases",
	}
	b.recordOutage = &outage{
		log: o.Logger, end: "what was sent is stored again",
		failing: "cannot store what was sent, retrying: the targets get nothing else until NATS stores it",
	}
	for i := range b.shards {
		b.shards[i] = newShard(b, i)
	}
	b.reset()
	b.bucket = bucket.New(bucket.Options{
		JetStream: o.JetStream, Bucket: o.Bucket, Open: o.Open, Verifier: o.Verifier,
		Apply: b.read, Reset: func(bucket.State) { b.reset() }, Whole: b.follow,
		Reconnect: o.Reconnect, Now: o.Now, Logger: o.Logger,
	})
	b.metrics = newMetrics(b, o.Registerer)
	return b
}

// Ready is nil once the bucket was read.
func (b *Outbox) Ready() error { return b.bucket.Ready() }

// Run sends what is pending until ctx ends. Deliveries that are in flight then may
// take a few seconds more.
func (b *Outbox) Run(ctx context.Context) error {
	b.stopping = ctx
	follow, stop := context.WithCancel(context.WithoutCancel(ctx))
	var reading, working sync.WaitGroup
	reading.Go(func() { _ = b.bucket.Run(follow) }) // returns nothing else
	for _, i := range mathrand.Perm(shards) {       // nodes that start at the same time begin elsewhere
		working.Go(func() {
			b.shards[i].run(ctx)
			b.shards[i].releaseLease(follow)
		})
	}
	working.Wait()
	stop()
	reading.Wait()
	return nil
}
