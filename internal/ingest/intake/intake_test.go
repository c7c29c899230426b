package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

var subjects = []string{string(event.Published), string(event.Unpublished)}

// site is a broker with an event stream, and what intake makes of it.
type site struct {
	*storetest.World
	t        testing.TB
	rejects  *intake.Rejects
	notified log[notification]
	reports  log[intake.Report]
}

// notification is one call of Notify.
type notification struct {
	id string
	e  event.Refusal
}

// log collects what is reported. It is safe for concurrent use.
type log[T any] struct {
	mu   sync.Mutex
	list []T
}

func (l *log[T]) add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, v)
}

func (l *log[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

func newSite(t testing.TB, b *broker.Broker) *site {
	t.Helper()
	s := &site{World: storetest.WorldOn(t, b), t: t}
	s.rejects = intake.NewRejects(s.rejectsOptions())
	if _, _, err := s.consumer(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) rejectsOptions() intake.RejectsOptions {
	subject := s.Broker.Name("rejects")
	return intake.RejectsOptions{
		JetStream: s.Broker.JetStream(),
		SubjectOf: broker.SubjectOf,
		Open: func(ctx context.Context) (jetstream.Stream, error) {
			return s.Broker.Stream(ctx, jetstream.StreamConfig{Name: subject, Subjects: []string{subject + ".>"}, AllowDirect: true})
		},
		Subject:    subject,
		MaxPayload: s.Broker.MaxPayload,
		Notify: func(_ context.Context, id string, e event.Refusal) error {
			s.notified.add(notification{id, e})
			return nil
		},
	}
}

// consumer makes the stream and the consumer where they are missing.
func (s *site) consumer(ctx context.Context) (jetstream.Consumer, bool, error) {
	return s.consume(ctx, "intake", subjects)
}

// consume makes a consumer of some of the subjects.
func (s *site) consume(ctx context.Context, name string, of []string) (jetstream.Consumer, bool, error) {
	stream, foreign, err := s.Broker.Events(ctx, broker.EventStream{Name: "ARTICLES", Subjects: subjects, MaxBytes: 1 << 30})
	if err != nil {
		return nil, false, err
	}
	consumer, err := s.Broker.Consumer(ctx, stream, broker.Consumer{
		Name: name, FilterSubjects: of, AckWait: storetest.WaitLimit, MaxAckPending: 1024,
	})
	return consumer, foreign, err
}

func (s *site) intake(store intake.Store, change ...func(*intake.Options)) *intake.Intake {
	o := intake.Options{
		Consumers: only(s.consumer), PublisherOf: broker.PublisherOf, Store: store, Rejects: s.rejects, Decode: anybody(event.Reader{MaxBytes: 1 << 20}),
		Observe: s.reports.add, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	return intake.New(o)
}

// only is where all events come from.
func only(consumers ...intake.Consumer) func(context.Context) ([]intake.Consumer, error) {
	return func(context.Context) ([]intake.Consumer, error) { return consumers, nil }
}

// anybody reads events of any publisher.
func anybody(r event.Reader) func(string, event.Message) (*event.Event, error) {
	return func(_ string, m event.Message) (*event.Event, error) { return r.Decode(m) }
}

// run runs an intake until the returned function is called, at the latest when
// the test ends.
func (s *site) run(in *intake.Intake) (stop func()) {
	s.t.Helper()
	return storetest.Run(s.t, in.Run)
}

// publish sends an event as a CMS would and waits until the stream has it.
func (s *site) publish(msg *nats.Msg) uint64 {
	s.t.Helper()
	ack, err := s.Broker.JetStream().PublishMsg(s.t.Context(), msg)
	if err != nil {
		s.t.Fatal(err)
	}
	return ack.Sequence
}

func (s *site) send(body string) uint64 {
	s.t.Helper()
	return s.publish(&nats.Msg{Subject: string(event.Published), Data: []byte(body)})
}

// drained waits until no event is left in the stream.
func (s *site) drained() {
	s.t.Helper()
	storetest.Eventually(s.t, "the event stream is empty", func() bool {
		stream, err := s.Broker.JetStream().Stream(s.t.Context(), "ARTICLES")
		return err == nil && stream.CachedInfo().State.Msgs == 0
	})
}

func (s *site) outcomes() []string {
	var list []string
	for _, r := range s.reports.all() {
		list = append(list, r.Outcome)
	}
	return list
}

// article is a gallery as a CMS would send it.
func article(id string, updated time.Time) string {
	body, err := json.Marshal(map[string]any{"id": id, "title": "Title of " + id, "published": noon, "updated": updated})
	if err != nil {
		return err.Error() // strings and times always marshal
	}
	return string(body)
}

// storeFunc is a store that is a function.
type storeFunc func(context.Context, *event.Event, event.Message) (string, error)

func (f storeFunc) Put(ctx context.Context, e *event.Event, m event.Message) (string, error) {
	return f(ctx, e, m)
}

// memoryStore is a store that remembers what it was given.
type memoryStore struct{ log[string] }

func (s *memoryStore) Put(_ context.Context, e *event.Event, _ event.Message) (string, error) {
	s.add(e.GalleryID())
	return "stored", nil
}

// catalogueStore is a real catalogue as a store.
type catalogueStore struct{ *catalogue.Catalogue }

func (l catalogueStore) Put(ctx context.Context, e *event.Event, m event.Message) (string, error) {
	outcome, err := l.Catalogue.Put(ctx, catalogue.Revision{
		ID: e.GalleryID(), Rank: e.Rank, Gallery: e.Gallery, Body: m.Data, Event: e.Attributes(m.Subject),
	})
	return string(outcome), err
}

// catalogue follows the galleries until the test ends.
func (s *site) catalogue(change ...func(*catalogue.Options)) catalogueStore {
	s.t.Helper()
	c := s.Catalogue(append([]func(*catalogue.Options){func(o *catalogue.Options) { o.Decode = event.Reader{}.Gallery }}, change...)...)
	c.Start()
	return catalogueStore{c.Catalogue}
}

func TestEventIsStoredAndLeavesTheStream(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	l := s.catalogue()
	s.run(s.intake(l))
	sequence := s.send(article("harbour", noon))
	s.drained()
	storetest.Eventually(t, fmt.Sprint("the index receives event ", sequence), func() bool {
		e := l.Index().Find("harbour")
		return e != nil && e.Rank.Updated.Equal(noon)
	})
	s.publish(&nats.Msg{Subject: string(event.Unpublished), Data: []byte(`{"id":"harbour"}`)})
	s.drained()
	storetest.Eventually(t, "the index receives the take-down", func() bool { return l.Index().Find("harbour").Rank.TakeDown })
	s.taken(2)
	reports := s.reports.all()
	if len(reports) != 2 || reports[0].Outcome != "stored" || reports[0].Gallery != "harbour" || reports[0].Event == nil || reports[0].Stored.IsZero() {
		t.Errorf("reported %+v", reports)
	}
}

// A store that fails keeps the event where it is, and nothing is acknowledged
// before it is stored; the delay grows.
func TestEventIsRetriedUntilItIsStored(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	const failures = 2
	var times log[time.Time]
	s.run(s.intake(storeFunc(func(context.Context, *event.Event, event.Message) (string, error) {
		times.add(time.Now())
		if stream, err := s.Broker.JetStream().Stream(t.Context(), "ARTICLES"); err != nil || stream.CachedInfo().State.Msgs != 1 {
			t.Errorf("the event left the stream before it was stored: %v", err)
		}
		if len(times.all()) <= failures {
			return "", errors.New("disk full")
		}
		return "stored", nil
	})))
	s.send(article("harbour", noon))
	s.taken(failures + 1) // outcomes are reported after the acknowledgement
	if got := s.outcomes(); !slices.Equal(got, []string{"retried", "retried", "stored"}) {
		t.Errorf("outcomes %v", got)
	}
	tried := times.all()
	first, second := tried[1].Sub(tried[0]), tried[2].Sub(tried[1])
	if first < 200*time.Millisecond || second < 400*time.Millisecond {
		t.Errorf("tried again after %s and %s", first, second)
	}
}

// Events wait for nobody: one that cannot be stored does not hold up others.
func TestFailingEventHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	var stored memoryStore
	s.run(s.intake(storeFunc(func(ctx context.Context, e *event.Event, m event.Message) (string, error) {
		if e.GalleryID() == "bad" {
			return "", errors.New("bucket refuses")
		}
		return stored.Put(ctx, e, m)
	})))
	s.send(article("bad", noon))
	for i := range 50 {
		s.send(article(fmt.Sprint(i), noon))
	}
	storetest.Eventually(t, "the others are stored", func() bool { return len(stored.all()) == 50 })
}

func TestSeveralEventsAreInFlightAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	const inFlight = 4
	arrived, release := make(chan string, 100), make(chan struct{})
	s.run(s.intake(storeFunc(func(_ context.Context, e *event.Event, _ event.Message) (string, error) {
		arrived <- e.GalleryID()
		<-release
		return "stored", nil
	}), func(o *intake.Options) { o.InFlight = inFlight }))
	for i := range 10 {
		s.send(article(fmt.Sprint(i), noon))
	}
	for range inFlight {
		select {
		case <-arrived:
		case <-time.After(storetest.WaitLimit):
			t.Fatal("fewer events are in hand than may be")
		}
	}
	select {
	case id := <-arrived:
		t.Errorf("%s is in hand beside %d others", id, inFlight)
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	s.drained()
}

// Revisions of the same galleries in any order, many in hand at once on two
// nodes: the highest rank is there in the end.
func TestNoLowerRankWins(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	libraries := []catalogueStore{s.catalogue(), s.catalogue()}
	for _, l := range libraries {
		s.run(s.intake(l))
	}
	const galleries, revisions = 5, 60
	for i := range revisions {
		for g := range galleries {
			s.send(article(fmt.Sprint("gallery-", g), noon.Add(time.Duration((i*37)%revisions)*time.Minute)))
		}
	}
	s.drained()
	want := noon.Add((revisions - 1) * time.Minute)
	for g := range galleries {
		storetest.Eventually(t, "both nodes know the highest rank", func() bool {
			return !slices.ContainsFunc(libraries, func(l catalogueStore) bool {
				e := l.Index().Find(fmt.Sprint("gallery-", g))
				return e == nil || !e.Rank.Updated.Equal(want)
			})
		})
	}
}

// Run ends only when what is in hand is finished, and what it does not take up
// any more is there for the next.
func TestRunFinishesEventsInFlight(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	var stored memoryStore
	stop := s.run(s.intake(storeFunc(func(ctx context.Context, e *event.Event, m event.Message) (string, error) {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
			return "", ctx.Err()
		}
		return stored.Put(ctx, e, m)
	}), func(o *intake.Options) { o.InFlight = 2 }))
	for i := range 100 {
		s.send(article(fmt.Sprint(i), noon))
	}
	<-arrived
	ended := make(chan struct{})
	go func() { defer close(ended); stop() }()
	select {
	case <-ended:
		t.Fatal("ended with an event in hand")
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	<-ended
	first := len(stored.all())
	if first == 0 {
		t.Error("nothing that was in hand is stored")
	}
	s.run(s.intake(&stored))
	s.drained()
	got := stored.all()
	slices.Sort(got)
	if got = slices.Compact(got); len(got) != 100 {
		t.Errorf("%d of 100 events were stored, %d of them before the end", len(got), first)
	}
}

// A store that hangs does not keep Run from ending, and the event comes again.
func TestRunEndsAfterItsGrace(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	arrived := make(chan struct{}, 10)
	stop := s.run(s.intake(storeFunc(func(ctx context.Context, _ *event.Event, _ event.Message) (string, error) {
		arrived <- struct{}{}
		<-ctx.Done()
		return "", ctx.Err()
	}), func(o *intake.Options) { o.Grace = 50 * time.Millisecond }))
	s.send(article("harbour", noon))
	<-arrived
	stop()
	var stored memoryStore
	s.run(s.intake(&stored))
	s.drained()
	if got := stored.all(); !slices.Equal(got, []string{"harbour"}) {
		t.Errorf("stored %v", got)
	}
}

func TestIntakeContinuesAfterAnOutage(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	cases := map[string]func(s *site) error{
		"after its consumer was deleted": func(s *site) error {
			return s.Broker.JetStream().DeleteConsumer(t.Context(), "ARTICLES", s.Broker.Name("intake"))
		},
		"after its stream was deleted": func(s *site) error {
			return s.Broker.JetStream().DeleteStream(t.Context(), "ARTICLES")
		},
		"after the server restarted": func(*site) error { server.Restart(); return nil },
		"after the server was replaced": func(*site) error {
			server.Wipe()
			server.Start()
			return nil
		},
	}
	for name, disturb := range cases {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, brokertest.Connect(t, server.URL()))
			var stored memoryStore
			s.run(s.intake(&stored))
			s.send(article("before", noon))
			s.drained()
			if err := disturb(s); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			storetest.Eventually(t, "an event is stored afterwards", func() bool {
				_, err := s.Broker.JetStream().Publish(t.Context(), string(event.Published), []byte(article("after", noon)))
				return err == nil || slices.Contains(stored.all(), "after")
			})
			storetest.Eventually(t, "it is taken in", func() bool { return slices.Contains(stored.all(), "after") })
			t.Logf("took %s", time.Since(began))
		})
	}
}

func TestIntakeStartsWithoutServer(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	s := newSite(t, brokertest.Connect(t, server.URL()))
	s.send(article("harbour", noon))
	server.Stop()
	var stored memoryStore
	s.run(s.intake(&stored))
	server.Start()
	s.drained()
	if got := stored.all(); !slices.Contains(got, "harbour") {
		t.Errorf("stored %v", got)
	}
}
