package broker_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

var intake = broker.Consumer{
	Name: "intake", FilterSubjects: articles.Subjects, AckWait: 30 * time.Second, MaxAckPending: 64,
}

func events(t *testing.T, b *broker.Broker) jetstream.Stream {
	t.Helper()
	s, _, err := b.Events(t.Context(), articles)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConsumerHandsOutUntilAcknowledged(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c, err := b.Consumer(t.Context(), events(t, b), intake)
	if err != nil {
		t.Fatal(err)
	}
	got := c.CachedInfo().Config
	want := jetstream.ConsumerConfig{
		Name: "gallerywire_intake", Durable: "gallerywire_intake", FilterSubjects: articles.Subjects,
		AckPolicy: jetstream.AckExplicitPolicy, DeliverPolicy: jetstream.DeliverAllPolicy,
		AckWait: 30 * time.Second, MaxAckPending: 64, MaxDeliver: -1, MaxWaiting: 512,
	}
	got.Metadata = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("consumer (-want +got):\n%s", diff)
	}
}

func TestConsumerOfOneSubject(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	one := intake
	one.FilterSubjects = articles.Subjects[:1]
	c, err := b.Consumer(t.Context(), events(t, b), one)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.CachedInfo().Config.FilterSubject; got != "article.published" {
		t.Errorf("filter %q", got)
	}
}

func TestConsumerThatIsThereIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*jetstream.ConsumerConfig){
		"other limits":  func(c *jetstream.ConsumerConfig) { c.AckWait, c.MaxAckPending = time.Minute, 7 },
		"no filter":     func(*jetstream.ConsumerConfig) {},
		"a wide filter": func(c *jetstream.ConsumerConfig) { c.FilterSubject = "article.*" },
	} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			makeStream(t, b, jetstream.StreamConfig{Name: "NEWS", Subjects: []string{"article.*"}})
			s := events(t, b)
			cfg := jetstream.ConsumerConfig{Durable: "gallerywire_intake", AckPolicy: jetstream.AckExplicitPolicy}
			change(&cfg)
			made, err := s.CreateConsumer(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.Consumer(t.Context(), s, intake)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(made.CachedInfo().Config, got.CachedInfo().Config); diff != "" {
				t.Errorf("consumer changed:\n%s", diff)
			}
		})
	}
}

func TestConsumerThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*jetstream.ConsumerConfig)
		says   string
	}{
		"no acks":          {func(c *jetstream.ConsumerConfig) { c.AckPolicy = jetstream.AckNonePolicy }, "ack_policy is none, it must be explicit"},
		"acks for all":     {func(c *jetstream.ConsumerConfig) { c.AckPolicy = jetstream.AckAllPolicy }, "ack_policy is all, it must be explicit"},
		"gives up":         {func(c *jetstream.ConsumerConfig) { c.MaxDeliver = 5 }, "max_deliver is 5, it must be -1"},
		"headers only":     {func(c *jetstream.ConsumerConfig) { c.HeadersOnly = true }, "headers_only is true"},
		"misses take-down": {func(c *jetstream.ConsumerConfig) { c.FilterSubject = "article.published" }, "filter_subjects is article.published, it must take in article.unpublished"},
		"priority groups": {func(c *jetstream.ConsumerConfig) {
			c.PriorityPolicy, c.PriorityGroups = jetstream.PriorityPolicyOverflow, []string{"a"}
		}, "priority_policy is"},
		"push": {func(c *jetstream.ConsumerConfig) { c.DeliverSubject = "somewhere" }, "deliver_subject is set"},
	} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			makeStream(t, b, jetstream.StreamConfig{Name: "NEWS", Subjects: []string{"article.*"}})
			s := events(t, b)
			cfg := jetstream.ConsumerConfig{Durable: "gallerywire_intake", AckPolicy: jetstream.AckExplicitPolicy}
			c.change(&cfg)
			create(t, s, cfg)
			_, err := b.Consumer(t.Context(), s, intake)
			wantError(t, err, "consumer gallerywire_intake", c.says)
		})
	}
}

func create(t *testing.T, s jetstream.Stream, cfg jetstream.ConsumerConfig) {
	t.Helper()
	var err error
	if cfg.DeliverSubject != "" {
		_, err = s.CreatePushConsumer(t.Context(), cfg)
	} else {
		_, err = s.CreateConsumer(t.Context(), cfg)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestConsumerOfAWorkQueueWithAnotherConsumer(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]jetstream.ConsumerConfig{
		"all of it":       {Durable: "archive", AckPolicy: jetstream.AckExplicitPolicy},
		"the same events": {Durable: "archive", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "article.published"},
	} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			s := events(t, b)
			create(t, s, other)
			_, err := b.Consumer(t.Context(), s, intake)
			wantError(t, err, "stream ARTICLES is a work queue", "there is archive", "delete that one")
		})
	}
}

// What the server cannot read of a consumer does not keep it from being made:
// it begins anew, with what is in the stream.
func TestConsumerWhoseStateIsDamaged(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func([]byte) []byte{
		"zeros":    func(b []byte) []byte { clear(b); return b },
		"the half": func(b []byte) []byte { return b[:len(b)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			o := brokertest.Options(t)
			b := open(t, o)
			c, err := b.Consumer(t.Context(), events(t, b), intake)
			if err != nil {
				t.Fatal(err)
			}
			for _, body := range []string{"a", "b"} {
				if _, err := b.JetStream().Publish(t.Context(), "article.published", []byte(body)); err != nil {
					t.Fatal(err)
				}
			}
			msg, err := c.Next()
			if err != nil {
				t.Fatal(err)
			}
			if err := msg.DoubleAck(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			state := filepath.Join(o.Embedded.DataDir, "jetstream", "$G", "streams", "ARTICLES", "obs", "gallerywire_intake", "o.dat")
			data, err := os.ReadFile(state)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(state, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}

			var log logBuffer
			o.Logger = log.logger(slog.LevelError)
			b = open(t, o)
			if c, err = b.Consumer(t.Context(), events(t, b), intake); err != nil {
				t.Fatal(err)
			}
			if msg, err = c.Next(); err != nil || string(msg.Data()) != "b" {
				t.Fatalf("message %v, %v", msg, err)
			}
			if logged := log.String(); !strings.Contains(logged, "was damaged") || !strings.Contains(logged, "check the disk") {
				t.Errorf("log %q", logged)
			}
		})
	}
}

// What was in hand when the process died is handed out at once when the next one
// starts, however long the consumer waits and whatever the clock says.
func TestConsumerRedeliversAtOnceAfterARestart(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := open(t, o)
	patient := intake
	patient.AckWait = time.Hour
	c, err := b.Consumer(t.Context(), events(t, b), patient)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"a", "b", "c"} {
		if _, err := b.JetStream().Publish(t.Context(), "article.published", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		msg, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if string(msg.Data()) == "a" {
			if err := msg.DoubleAck(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t, o)
	if c, err = b.Consumer(t.Context(), events(t, b), patient); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"b", "c"} {
		msg, err := c.Next(jetstream.FetchMaxWait(10 * time.Second))
		if err != nil || string(msg.Data()) != want {
			t.Fatalf("message %v, %v, want %s", msg, err, want)
		}
	}
}
