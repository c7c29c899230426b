package broker_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

func rejects(b *broker.Broker) jetstream.StreamConfig {
	name := b.Name("rejects")
	return jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}, Discard: jetstream.DiscardNew, MaxBytes: 1 << 20}
}

func TestStreamIsMadeOnce(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	for range 2 {
		s, err := b.Stream(t.Context(), rejects(b))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.CachedInfo().Config; got.Name != "gallerywire_rejects" || got.Replicas != 1 {
			t.Errorf("stream %+v", got)
		}
	}
}

func TestStreamThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*jetstream.StreamConfig)
		says   string
	}{
		"other subjects": {func(c *jetstream.StreamConfig) { c.Subjects = []string{"x.>"} }, "subjects is x.>, it must take in gallerywire_rejects.>"},
		"narrow subject": {func(c *jetstream.StreamConfig) { c.Subjects = []string{"gallerywire_rejects.*"} }, "must take in gallerywire_rejects.>"},
		"no ack":         {func(c *jetstream.StreamConfig) { c.NoAck = true }, "no_ack is true, it must be false"},
		"retention":      {func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }, "retention is interest, it must be limits"},
		"storage":        {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "storage is memory, it must be file"},
		"drops the old":  {func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, "discard is old, it must be new"},
	} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			cfg := rejects(b)
			c.change(&cfg)
			makeStream(t, b, cfg)
			s, err := b.Stream(t.Context(), rejects(b))
			wantError(t, err, "stream gallerywire_rejects cannot be used", c.says)
			if s != nil {
				t.Error("a stream comes with the error")
			}
		})
	}
}

func TestStreamWhoseSubjectsAnotherHolds(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	makeStream(t, b, jetstream.StreamConfig{Name: "ALL", Subjects: []string{"gallerywire_rejects.>"}})
	_, err := b.Stream(t.Context(), rejects(b))
	wantError(t, err, "stream gallerywire_rejects", "ALL takes in gallerywire_rejects.>")
}

func TestBucketIsOneForTheTools(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	for range 2 {
		s, err := b.Bucket(t.Context(), "galleries")
		if err != nil {
			t.Fatal(err)
		}
		cfg := s.CachedInfo().Config
		if cfg.Name != "KV_gallerywire_galleries" || cfg.Storage != jetstream.FileStorage ||
			cfg.MaxMsgsPerSubject != 1 || cfg.MaxAge != 0 || !cfg.AllowDirect || cfg.Discard != jetstream.DiscardNew {
			t.Errorf("stream %+v", cfg)
		}
	}
	if _, err := b.JetStream().Publish(t.Context(), record, []byte("x")); err != nil {
		t.Fatal(err)
	}
	kv, err := b.JetStream().KeyValue(t.Context(), "gallerywire_galleries")
	if err != nil {
		t.Fatal(err)
	}
	if entry, err := kv.Get(t.Context(), "harbour"); err != nil || string(entry.Value()) != "x" {
		t.Errorf("entry %v, %v", entry, err)
	}
}

func TestBucketThatIsThereIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	_, err := b.JetStream().CreateKeyValue(t.Context(), jetstream.KeyValueConfig{
		Bucket: "gallerywire_galleries", History: 5, MaxBytes: 1 << 20, Compression: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Bucket(t.Context(), "galleries")
	if err != nil {
		t.Fatal(err)
	}
	if cfg := s.CachedInfo().Config; cfg.MaxMsgsPerSubject != 5 || cfg.MaxBytes != 1<<20 {
		t.Errorf("stream %+v", cfg)
	}
}

func TestBucketThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*jetstream.StreamConfig)
		says   string
	}{
		"memory":        {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "storage is memory, it must be file"},
		"ttl":           {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "ttl is 1h0m0s, it must be 0"},
		"work queue":    {func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy }, "retention is workqueue, it must be limits"},
		"drops the old": {func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }, "discard is old, it must be new"},
		"no ack":        {func(c *jetstream.StreamConfig) { c.NoAck = true }, "no_ack is true"},
		"other keys":    {func(c *jetstream.StreamConfig) { c.Subjects = []string{"$KV.other.>"} }, "must take in $KV.gallerywire_galleries.>"},
	} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			cfg := jetstream.StreamConfig{Name: "KV_gallerywire_galleries", Subjects: []string{"$KV.gallerywire_galleries.>"}, MaxMsgsPerSubject: 1}
			c.change(&cfg)
			makeStream(t, b, cfg)
			_, err := b.Bucket(t.Context(), "galleries")
			wantError(t, err, "bucket gallerywire_galleries cannot be used", c.says)
		})
	}
}

func TestFewerReplicasThanConfiguredAreLogged(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	one := open(t, broker.Options{URL: server.URL()})
	if _, err := one.Bucket(t.Context(), "galleries"); err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	three := open(t, broker.Options{URL: server.URL(), Replicas: 3, Logger: log.logger(slog.LevelWarn)})
	if _, err := three.Bucket(t.Context(), "galleries"); err != nil {
		t.Fatal(err)
	}
	if logged := log.String(); !strings.Contains(logged, "fewer replicas") || !strings.Contains(logged, "configured=3") {
		t.Errorf("log %q", logged)
	}
}

func TestPrefixKeepsSitesApart(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	for _, prefix := range []string{"north", "south"} {
		b := open(t, broker.Options{URL: server.URL(), Prefix: prefix})
		s, err := b.Bucket(t.Context(), "galleries")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.CachedInfo().Config.Name; got != "KV_"+prefix+"_galleries" {
			t.Errorf("stream %s", got)
		}
	}
}
