package broker_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

func makeStream(t *testing.T, b *broker.Broker, cfg jetstream.StreamConfig) {
	t.Helper()
	if _, err := b.JetStream().CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

func TestEventsMakesAWorkQueueThatRefuses(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	s, foreign, err := b.Events(t.Context(), articles)
	if err != nil || foreign {
		t.Fatalf("foreign %t, %v", foreign, err)
	}
	got := s.CachedInfo().Config
	want := jetstream.StreamConfig{
		Name:     "ARTICLES",
		Subjects: []string{"article.published", "article.unpublished"}, MaxBytes: 1 << 20,
		Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, Storage: jetstream.FileStorage,
		Replicas: 1, Duplicates: 100 * time.Millisecond, AllowDirect: true,
		MaxConsumers: -1, MaxMsgs: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1,
	}
	got.Description, got.Metadata = "", nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
}

func TestEventsTwiceIsOneStream(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	for range 2 {
		s, foreign, err := b.Events(t.Context(), articles)
		if err != nil || foreign {
			t.Fatalf("foreign %t, %v", foreign, err)
		}
		if name := s.CachedInfo().Config.Name; name != "ARTICLES" {
			t.Errorf("stream %s", name)
		}
	}
}

func TestEventsFindsAForeignStreamByItsSubjects(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]jetstream.StreamConfig{
		"the same subjects": {Name: "NEWS", Subjects: articles.Subjects},
		"a wide subject":    {Name: "NEWS", Subjects: []string{"article.>", "weather.*"}},
		"its own limits":    {Name: "ARTICLES", Subjects: articles.Subjects, Retention: jetstream.WorkQueuePolicy, MaxAge: time.Hour},
		"a copy of others":  {Name: "ARTICLES", Sources: []*jetstream.StreamSource{{Name: "UPSTREAM"}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			makeStream(t, b, cfg)
			s, foreign, err := b.Events(t.Context(), articles)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.CachedInfo().Config.Name; got != cfg.Name || !foreign {
				t.Errorf("stream %s, foreign %t", got, foreign)
			}
		})
	}
}

func TestEventsRefusesStreamsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		streams []jetstream.StreamConfig
		says    []string
	}{
		"subjects in two streams": {
			[]jetstream.StreamConfig{
				{Name: "A", Subjects: []string{"article.published"}},
				{Name: "B", Subjects: []string{"article.unpublished"}},
			},
			[]string{"must all be in one stream", "A takes in article.published; B takes in article.unpublished"},
		},
		"a subject in no stream": {
			[]jetstream.StreamConfig{{Name: "A", Subjects: []string{"article.published"}}},
			[]string{"stream A cannot be used", "subjects is article.published", "must take in article.unpublished"},
		},
		"the name for something else": {
			[]jetstream.StreamConfig{{Name: "ARTICLES", Subjects: []string{"orders.>"}}},
			[]string{"stream ARTICLES cannot be used", "subjects is orders.>", "must take in article.published, article.unpublished"},
		},
		"a stream that renames": {
			[]jetstream.StreamConfig{{
				Name: "A", Subjects: articles.Subjects,
				SubjectTransform: &jetstream.SubjectTransformConfig{Source: "article.>", Destination: "old.>"},
			}},
			[]string{"stream A cannot be used", "subject_transform is article.> → old.>"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			for _, cfg := range c.streams {
				makeStream(t, b, cfg)
			}
			_, _, err := b.Events(t.Context(), articles)
			wantError(t, err, append(c.says, "event stream: ")...)
		})
	}
}

// Where the disk has less room than the stream should have, the stream has what
// there is, leaves some for the others, and grows when there is more.
func TestEventsLargerThanTheDisk(t *testing.T) {
	t.Parallel()
	var log logBuffer
	o := brokertest.Options(t)
	o.Logger, o.Embedded.StoreLimit = log.logger(slog.LevelWarn), 64<<20
	large := articles
	large.MaxBytes = 1 << 30
	size := func(b *broker.Broker) int64 {
		t.Helper()
		s, foreign, err := b.Events(t.Context(), large)
		if err != nil || foreign {
			t.Fatalf("foreign %t, %v", foreign, err)
		}
		return s.CachedInfo().Config.MaxBytes
	}

	b := open(t, o)
	if got := size(b); got != 32<<20 {
		t.Errorf("max_bytes is %d of 64 MiB", got)
	}
	if logged := log.String(); !strings.Contains(logged, "less room") || !strings.Contains(logged, "wanted=1073741824") {
		t.Errorf("log %q", logged)
	}
	r := rejects(b)
	r.MaxBytes = 256 << 20
	s, err := b.Stream(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.CachedInfo().Config.MaxBytes; got != 16<<20 {
		t.Errorf("rejects: max_bytes is %d of 32 MiB", got)
	}
	if got := size(b); got != 32<<20 {
		t.Errorf("max_bytes is %d when there is no more room", got)
	}
	if _, err := b.JetStream().Publish(t.Context(), "article.published", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	o.Embedded.StoreLimit = 2 << 30
	if got := size(open(t, o)); got != 1<<30 {
		t.Errorf("max_bytes is %d with 2 GiB of room", got)
	}
}

func TestEventsWithoutAnyRoomOnTheDisk(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, func(o *broker.Options) { o.Embedded.StoreLimit = 1000 })
	_, _, err := b.Events(t.Context(), articles)
	wantError(t, err, "make stream ARTICLES", "no room on its disk", "make room there")
}

// An id that was used a moment ago, by whomever, does not swallow an event. A
// stream that was made with a longer memory forgets as fast, and holds what it
// held.
func TestEventsForgetsMessageIDs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		was jetstream.StreamConfig
		is  time.Duration
	}{
		"made before": {jetstream.StreamConfig{Name: "ARTICLES", Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew}, 100 * time.Millisecond},
		"foreign":     {jetstream.StreamConfig{Name: "CMS"}, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := brokertest.Start(t)
			c.was.Subjects, c.was.MaxBytes, c.was.Duplicates = articles.Subjects, articles.MaxBytes, 2*time.Minute
			makeStream(t, b, c.was)
			if _, err := b.JetStream().Publish(t.Context(), "article.published", []byte("x"), jetstream.WithMsgID("1")); err != nil {
				t.Fatal(err)
			}
			s, _, err := b.Events(t.Context(), articles)
			if err != nil {
				t.Fatal(err)
			}
			info, err := s.Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if info.Config.Duplicates != c.is || info.State.Msgs != 1 {
				t.Errorf("ids are known for %s, %d messages", info.Config.Duplicates, info.State.Msgs)
			}
		})
	}
}

func TestEventsRefusesASealedStream(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	s, _, err := b.Events(t.Context(), articles)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.Sealed = true
	if _, err := b.JetStream().UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.Events(t.Context(), articles)
	wantError(t, err, "stream ARTICLES cannot be used", "sealed is true")
}

func TestEventsWarnsOfLosses(t *testing.T) {
	t.Parallel()
	limits := jetstream.StreamConfig{Name: "NEWS", Subjects: articles.Subjects}
	for name, c := range map[string]struct {
		change func(*jetstream.StreamConfig)
		says   string
	}{
		"age":      {func(s *jetstream.StreamConfig) { s.MaxAge = time.Hour }, "max_age is 1h0m0s"},
		"old":      {func(s *jetstream.StreamConfig) { s.MaxMsgs = 10 }, "discard is old"},
		"interest": {func(s *jetstream.StreamConfig) { s.Retention = jetstream.InterestPolicy }, "retention is interest"},
		"no ack":   {func(s *jetstream.StreamConfig) { s.NoAck = true }, "no_ack is true"},
		"memory":   {func(s *jetstream.StreamConfig) { s.Storage = jetstream.MemoryStorage }, "storage is memory"},
		"one a subject": {func(s *jetstream.StreamConfig) {
			s.MaxMsgsPerSubject, s.Discard = 1, jetstream.DiscardNew
		}, "max_msgs_per_subject is set"},
		"nothing":             {func(*jetstream.StreamConfig) {}, ""},
		"another size of our": {func(s *jetstream.StreamConfig) { s.Name = "ARTICLES"; s.MaxBytes = 5 }, "another size limit than configured"},
	} {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			b := brokertest.Start(t, func(o *broker.Options) { o.Logger = log.logger(slog.LevelWarn) })
			cfg := limits
			c.change(&cfg)
			makeStream(t, b, cfg)
			if _, foreign, err := b.Events(t.Context(), articles); err != nil || !foreign {
				t.Fatalf("foreign %t, %v", foreign, err)
			}
			if logged := log.String(); !strings.Contains(logged, c.says) || c.says == "" && logged != "" {
				t.Errorf("log %q, want %q", logged, c.says)
			}
		})
	}
}

// logBuffer is safe for concurrent use.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBuffer) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level}))
}

func TestNormalStartAndStopAreQuiet(t *testing.T) {
	t.Parallel()
	var log logBuffer
	o := brokertest.Options(t)
	o.Logger = log.logger(slog.LevelWarn)
	b := open(t, o)
	if _, _, err := b.Events(t.Context(), articles); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if logged := log.String(); logged != "" {
		t.Errorf("log: %s", logged)
	}
}

func TestNodesThatStartTogetherShareWhatTheyMake(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	var nodes []*broker.Broker
	for range 4 {
		nodes = append(nodes, open(t, broker.Options{URL: server.URL()}))
	}
	errs := make(chan error, len(nodes))
	for _, b := range nodes {
		go func() { errs <- makeAll(t, b) }()
	}
	for range nodes {
		if err := storetest.Receive(t, "a node", errs); err != nil {
			t.Error(err)
		}
	}
}

func makeAll(t *testing.T, b *broker.Broker) error {
	s, _, err := b.Events(t.Context(), articles)
	if err != nil {
		return err
	}
	if _, err := b.Consumer(t.Context(), s, intake); err != nil {
		return err
	}
	if _, err := b.Stream(t.Context(), rejects(b)); err != nil {
		return err
	}
	_, err = b.Bucket(t.Context(), "galleries")
	return err
}
