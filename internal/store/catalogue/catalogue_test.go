package catalogue_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go/jetstream"
)

const galleriesBucket = "galleries"

// noon is when the galleries of the tests were published unless they say
// otherwise.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func options(b *broker.Broker, change ...func(*catalogue.Options)) catalogue.Options {
	o := catalogue.Options{
		Bucket: bucket.Options{
			JetStream: b.JetStream(),
			Bucket:    b.Name(galleriesBucket),
			Open:      func(ctx context.Context) (jetstream.Stream, error) { return b.Bucket(ctx, galleriesBucket) },
			Reconnect: b.OnReconnect,
			Logger:    slog.New(slog.DiscardHandler),
		},
		Decode: event.Reader{}.Gallery,
	}
	for _, f := range change {
		f(&o)
	}
	return o
}

// start returns a catalogue that runs and has read the bucket.
func start(t testing.TB, b *broker.Broker, change ...func(*catalogue.Options)) *catalogue.Catalogue {
	t.Helper()
	c := catalogue.New(options(b, change...))
	storetest.Run(t, c.Run)
	awaitReady(t, c)
	return c
}

func awaitReady(t testing.TB, c *catalogue.Catalogue) {
	t.Helper()
	storetest.Eventually(t, "the index is whole", func() bool { return c.Index().Ready() == nil })
}

// revision returns a publication as intake would put it.
func revision(t testing.TB, id string, updated time.Time, change ...func(*gallery.Gallery)) catalogue.Revision {
	t.Helper()
	g := &gallery.Gallery{ID: id, Title: "Title of " + id, Language: "en", Published: noon, Updated: updated}
	for _, f := range change {
		f(g)
	}
	body, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	rank := gallery.Rank{Updated: g.Updated, Version: g.Version, Hash: gallery.HashOf(body)}
	return catalogue.Revision{ID: g.ID, Rank: rank, Gallery: g, Body: body, Event: []byte(`{"kind":"article.published"}`)}
}

func takeDown(id string, updated time.Time) catalogue.Revision {
	body := []byte(`{"id":"` + id + `"}`)
	return catalogue.Revision{ID: id, Rank: gallery.Rank{Updated: updated, TakeDown: true, Hash: gallery.HashOf(body)}, Body: body}
}

func section(name string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Section = name }
}

func published(at time.Time) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Published = at }
}

// put stores r and waits until c's index knows of it.
func put(t testing.TB, c *catalogue.Catalogue, r catalogue.Revision) *index.Entry {
	t.Helper()
	outcome, err := c.Put(t.Context(), r)
	if err != nil || outcome != catalogue.Stored {
		t.Fatalf("put %s: %q, %v", r.ID, outcome, err)
	}
	key := gallery.Key(r.ID)
	storetest.Eventually(t, "the index knows "+r.ID, func() bool { e := c.Index().Find(key); return e != nil && e.Rank == r.Rank })
	return c.Index().Find(key)
}

func ids(v index.View) []string {
	var names []string
	for _, e := range v.Entries {
		names = append(names, e.ID)
	}
	return names
}

func stream(t testing.TB, b *broker.Broker) jetstream.Stream {
	t.Helper()
	s, err := b.Bucket(t.Context(), galleriesBucket)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func subject(b *broker.Broker, key string) string {
	return "$KV." + b.Name(galleriesBucket) + "." + key
}

// record returns what the bucket holds under key.
func record(t testing.TB, b *broker.Broker, key string) *jetstream.RawStreamMsg {
	t.Helper()
	msg, err := stream(t, b).GetLastMsgForSubject(t.Context(), subject(b, key))
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// elsewhere is a broker on a server that the test can stop.
func elsewhere(t testing.TB, server *brokertest.External) *broker.Broker {
	t.Helper()
	return brokertest.Start(t, func(o *broker.Options) { o.URL, o.Embedded = server.URL(), broker.Embedded{} })
}
