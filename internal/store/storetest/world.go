// Package storetest is the world that tests of the packages above the store share: a
// real NATS server, its buckets, galleries that an index follows, and a clock that the
// test sets. A world belongs to one test and ends with it.
package storetest

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/nats-io/nats.go/jetstream"
)

// World is a server and the time. Any number of buckets and catalogues share it, as the
// nodes of a site do.
type World struct {
	Broker *broker.Broker
	Clock  *Clock
	t      testing.TB
}

// NewWorld starts a server for the test alone.
func NewWorld(t testing.TB) *World {
	t.Helper()
	return WorldOn(t, brokertest.Start(t))
}

// WorldOn is a world on a server that the test stops, or shares between worlds.
func WorldOn(t testing.TB, b *broker.Broker) *World {
	return &World{Broker: b, Clock: new(Clock), t: t}
}

// Open returns the function that makes a bucket where it is missing.
func (w *World) Open(name string) func(context.Context) (jetstream.Stream, error) {
	return func(ctx context.Context) (jetstream.Stream, error) { return w.Broker.Bucket(ctx, name) }
}

// Bucket returns a bucket that nobody follows yet.
func (w *World) Bucket(name string, change ...func(*bucket.Options)) *bucket.Bucket {
	o := w.options(name)
	for _, f := range change {
		f(&o)
	}
	return bucket.New(o)
}

func (w *World) options(bucketName string) bucket.Options {
	return bucket.Options{
		JetStream: w.Broker.JetStream(), Bucket: w.Broker.Name(bucketName), Open: w.Open(bucketName),
		Reconnect: w.Broker.OnReconnect, Now: w.Clock.Now, Logger: slog.New(slog.DiscardHandler),
	}
}

// Catalogue is one node's view of the galleries.
type Catalogue struct {
	*catalogue.Catalogue
	bucket string
	world  *World
}

// Catalogue returns a catalogue of the bucket "galleries" whose index is empty until
// [Catalogue.Start]. It decodes what [Publication] encodes, and does nothing by itself
// at the instants of embargoes and expiries. Options can be changed before.
func (w *World) Catalogue(change ...func(*catalogue.Options)) *Catalogue {
	return w.CatalogueOf("galleries", change...)
}

// CatalogueOf is [World.Catalogue] with another bucket.
func (w *World) CatalogueOf(bucket string, change ...func(*catalogue.Options)) *Catalogue {
	o := catalogue.Options{Bucket: w.options(bucket), Decode: Decode}
	for _, f := range change {
		f(&o)
	}
	return &Catalogue{Catalogue: catalogue.New(o), bucket: bucket, world: w}
}

// Start follows the bucket until stop is called, at the latest when the test ends. It
// returns when the index has read all of it.
func (c *Catalogue) Start() (stop func()) {
	c.world.t.Helper()
	stop = Run(c.world.t, c.Run)
	Eventually(c.world.t, "the index has read its bucket", func() bool { return c.Index().Ready() == nil })
	return stop
}

// Publish stores the galleries, and waits until the index knows them.
func (c *Catalogue) Publish(galleries ...*gallery.Gallery) {
	c.world.t.Helper()
	for _, g := range galleries {
		c.put(Publication(c.world.t, g))
	}
	c.Settle()
}

// TakeDown takes the galleries down now, and waits until the index knows.
func (c *Catalogue) TakeDown(ids ...string) {
	c.world.t.Helper()
	for _, id := range ids {
		c.put(TakeDown(id, c.world.Clock.Now()))
	}
	c.Settle()
}

// Store stores the revisions and waits until the index knows them. Each must replace the
// one before it.
func (c *Catalogue) Store(revisions ...catalogue.Revision) {
	c.world.t.Helper()
	for _, r := range revisions {
		c.put(r)
	}
	c.Settle()
}

func (c *Catalogue) put(r catalogue.Revision) {
	c.world.t.Helper()
	if outcome, err := c.Put(c.world.t.Context(), r); err != nil || outcome != catalogue.Stored {
		c.world.t.Fatalf("put %s: %q, %v", r.ID, outcome, err)
	}
}

// Settle waits until the index knows every record of the bucket, from any writer.
func (c *Catalogue) Settle() {
	c.world.t.Helper()
	ctx, cancel := context.WithTimeout(c.world.t.Context(), WaitLimit)
	defer cancel()
	stream, err := c.world.Broker.JetStream().Stream(ctx, "KV_"+c.world.Broker.Name(c.bucket))
	if err != nil {
		c.world.t.Fatal(err)
	}
	if err := c.Wait(ctx, stream.CachedInfo().State.LastSeq); err != nil {
		c.world.t.Fatal(err)
	}
}

// Publication is the gallery as an event publishes it.
func Publication(t testing.TB, g *gallery.Gallery) catalogue.Revision {
	t.Helper()
	body, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	stored := *g
	stored.Normalise()
	rank := gallery.Rank{Updated: stored.Updated, Version: stored.Version, Hash: gallery.HashOf(body)}
	return catalogue.Revision{ID: g.ID, Rank: rank, Gallery: &stored, Body: body}
}

// TakeDown is an event that takes a gallery down.
func TakeDown(id string, updated time.Time) catalogue.Revision {
	body := []byte(`{"id":"` + id + `"}`)
	return catalogue.Revision{ID: id, Rank: gallery.Rank{Updated: updated, TakeDown: true, Hash: gallery.HashOf(body)}, Body: body}
}

// Decode reads the body of a [Publication].
func Decode(body []byte) (*gallery.Gallery, error) {
	g := new(gallery.Gallery)
	if err := json.Unmarshal(body, g); err != nil {
		return nil, err
	}
	g.Normalise()
	return g, nil
}

// Clock tells the real time until a test sets it. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time // zero: the real time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		return time.Now()
	}
	return c.now
}

// Set stops the clock at an instant.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Advance sets the clock to d after what it tells.
func (c *Clock) Advance(d time.Duration) { c.Set(c.Now().Add(d)) }
