// Package checkpoint remembers, outside the NATS store, which records must be found
// there, and compares the two when a node starts.
//
// The store has checksums and silently drops records that do not fit them: a damaged
// file looks like one that never held more. Where the newest record of a key is lost, the
// key has its previous record again. So each record of a followed bucket is noted in a
// file of its own, after the server has it on the disk, and the last sequence of every
// other stream.
//
// Records that are read come in; damage goes out, as errors that say what to do. A note
// may lag behind the store for a moment and is never ahead of it, so a killed process or
// a power cut raises no alarm. Damage ends when the records are written again (an import
// does so) or when the operator accepts it.
//
// The caller stops serving and informs the operator.
package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options make a checkpoint.
type Options struct {
	Dir        string // holds what is remembered, and is made when missing; empty: it ends with the process
	Accept     bool   // damage is logged, and the records that exist now are the ones that must exist
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Checkpoint is safe for concurrent use. [Checkpoint.Run] must run for anything to
// be remembered.
type Checkpoint struct {
	opts Options
	wake chan struct{} // of capacity 1: there is something to write

	mu      sync.Mutex
	buckets []*Bucket
	streams streams
}

// Open reads what is remembered of streams; that of a bucket is read when its
// reading begins.
func Open(o Options) (*Checkpoint, error) {
	c := &Checkpoint{opts: o, wake: make(chan struct{}, 1)}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the directory of checkpoints: %w", err)
		}
		c.streams.path = filepath.Join(o.Dir, "streams.json")
		if err := c.streams.load(); err != nil {
			return nil, err
		}
	}
	o.Registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gallerywire_store_damage",
		Help: "Streams and buckets that do not hold what they held before; the node serves nothing while there is one.",
	}, func() float64 { return float64(len(c.Damage())) }))
	return c, nil
}

// Bucket returns what compares the bucket of that name and remembers it. A bucket
// that forgets drops the markers of what was deleted after a while, and is in no export.
func (c *Checkpoint) Bucket(name string, forgets bool) *Bucket {
	b := &Bucket{
		name: name, forgets: forgets, accept: c.opts.Accept, log: c.opts.Logger,
		journal: &journal{wake: c.wake, memory: map[uint64]uint64{}},
	}
	if c.opts.Dir != "" {
		b.journal.path = filepath.Join(c.opts.Dir, name+".log")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buckets = append(c.buckets, b)
	return b
}

// Damage returns an error with a remedy for each stream and bucket that lost messages;
// nothing while everything fits, or before the comparison.
func (c *Checkpoint) Damage() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.streams.damage()
	for _, b := range c.buckets {
		if err := b.Damage(); err != nil {
			found = append(found, err)
		}
	}
	return found
}

// Compared is nil once every bucket was found to hold what it must, else it says of
// one that it was not yet.
func (c *Checkpoint) Compared() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.buckets {
		b.mu.Lock()
		whole := b.whole
		b.mu.Unlock()
		if !whole {
			return fmt.Errorf("the bucket %s is still being compared with what it held before", b.name)
		}
	}
	return nil
}

// syncEvery bounds how much the power may take from what is remembered.
const syncEvery = time.Second

// Run writes what is to be remembered until ctx ends, and then the rest of it.
func (c *Checkpoint) Run(ctx context.Context) error {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.wake:
			c.write((*journal).flush)
		case <-tick.C:
			c.write((*journal).sync)
		case <-ctx.Done():
			c.write((*journal).close)
			return nil
		}
	}
}

// write has each bucket's journal write. A write that fails is repeated the next time;
// until then the journal lags.
func (c *Checkpoint) write(how func(*journal) error) {
	c.mu.Lock()
	buckets := c.buckets
	c.mu.Unlock()
	for _, b := range buckets {
		err := how(b.journal)
		if err != nil && !b.failed {
			c.opts.Logger.Error("cannot write the journal of a bucket, retrying: make room on the disk", "bucket", b.name, "err", err)
		}
		b.failed = err != nil
	}
}

// remedy is what can be done about damage, whatever it is.
const remedy = `restore the data directory from a backup, or start "gallerywire serve --accept-damage" once, as the user of the service, to continue with the records it has`

// errJournal means that what is remembered is itself damaged.
var errJournal = errors.New("the note of what the bucket must hold is damaged")
