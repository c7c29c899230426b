package intake_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/broker"
	"github.com/gallerywire/gallerywire/internal/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/intake"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

func TestLostEventsAreCounted(t *testing.T) {
	type sight = intake.Sight
	for name, c := range map[string]struct {
		before *sight
		now    sight
		want   uint64
	}{
		"a stream that is new":              {now: sight{}},
		"a consumer that is new":            {now: sight{Begins: 500, Waiting: 3}},
		"dropped while no node ran":         {now: sight{Begins: 21, Reached: 3, Deliveries: 3, Waiting: 5}, want: 17},
		"a work queue that is empty":        {now: sight{Begins: 8, Reached: 7, Deliveries: 9}},
		"a work queue at work":              {before: &sight{Begins: 8, Reached: 7, Deliveries: 9}, now: sight{Begins: 20, Reached: 25, Deliveries: 27}},
		"nothing happened":                  {before: &sight{Begins: 8, Reached: 3, Deliveries: 3}, now: sight{Begins: 8, Reached: 3, Deliveries: 3}},
		"read ones are dropped":             {before: &sight{Begins: 1, Reached: 30, Deliveries: 30}, now: sight{Begins: 31, Reached: 30, Deliveries: 30}},
		"unread ones are dropped":           {before: &sight{Begins: 1, Reached: 30, Deliveries: 30}, now: sight{Begins: 41, Reached: 30, Deliveries: 30}, want: 10},
		"more of them":                      {before: &sight{Begins: 41, Reached: 30, Deliveries: 30}, now: sight{Begins: 46, Reached: 30, Deliveries: 30}, want: 5},
		"and read on":                       {before: &sight{Begins: 46, Reached: 30, Deliveries: 30}, now: sight{Begins: 46, Reached: 50, Deliveries: 35}},
		"dropped and read on since":         {before: &sight{Begins: 1, Reached: 30, Deliveries: 30}, now: sight{Begins: 41, Reached: 50, Deliveries: 40}, want: 10},
		"handed out again meanwhile":        {before: &sight{Begins: 1, Reached: 30, Deliveries: 30}, now: sight{Begins: 41, Reached: 50, Deliveries: 47}, want: 3},
		"handed out again and no progress":  {before: &sight{Begins: 1, Reached: 30, Deliveries: 30}, now: sight{Begins: 31, Reached: 30, Deliveries: 90}},
		"the stream was made anew":          {before: &sight{Begins: 41, Reached: 60, Deliveries: 60}, now: sight{Begins: 1, Reached: 2, Deliveries: 2}},
		"the consumer was made anew":        {before: &sight{Begins: 41, Reached: 60, Deliveries: 60}, now: sight{Begins: 70, Reached: 0, Deliveries: 0}},
		"shared, the first look":            {now: sight{Begins: 500, Reached: 3, Deliveries: 3, Waiting: 2, Shared: true}},
		"shared, theirs are dropped":        {before: &sight{Begins: 1, Reached: 3, Deliveries: 3}, now: sight{Begins: 500, Reached: 3, Deliveries: 3, Shared: true}},
		"shared, ours are read":             {before: &sight{Begins: 1, Reached: 3, Deliveries: 3, Waiting: 5, Next: 9}, now: sight{Begins: 500, Reached: 600, Deliveries: 8, Shared: true}},
		"shared, ours are dropped":          {before: &sight{Begins: 1, Reached: 3, Deliveries: 3, Waiting: 5, Next: 9}, now: sight{Begins: 500, Reached: 3, Deliveries: 3, Shared: true}, want: 5},
		"shared, ours are dropped and come": {before: &sight{Begins: 1, Reached: 3, Deliveries: 3, Waiting: 5, Next: 9}, now: sight{Begins: 500, Reached: 3, Deliveries: 3, Waiting: 7, Shared: true}, want: 1},
		"shared, ours wait":                 {before: &sight{Begins: 1, Reached: 3, Deliveries: 3, Waiting: 5, Next: 900}, now: sight{Begins: 500, Reached: 3, Deliveries: 3, Waiting: 7, Shared: true}},
		"shared, made anew":                 {before: &sight{Begins: 1, Reached: 3, Deliveries: 3, Waiting: 5, Next: 9}, now: sight{Begins: 1, Shared: true}},
	} {
		if got := intake.Lost(c.before, c.now); got != c.want {
			t.Errorf("%s: %d lost, want %d", name, got, c.want)
		}
	}
}

// foreign is a site whose event stream somebody else made.
func foreign(t *testing.T, subjects ...string) *site {
	t.Helper()
	b := brokertest.Start(t)
	_, err := b.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "CMS", Subjects: subjects, MaxMsgs: 5, Discard: jetstream.DiscardOld, Storage: jetstream.MemoryStorage,
	})
	if err != nil {
		t.Fatal(err)
	}
	return newSite(t, b)
}

// watched is an intake with what it logs and counts.
type watched struct {
	t       *testing.T
	metrics *prometheus.Registry
	mu      sync.Mutex
	log     strings.Builder
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *watched) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

func (w *watched) options(o *intake.Options) {
	w.metrics = prometheus.NewRegistry()
	o.Registerer, o.Logger = w.metrics, slog.New(slog.NewTextHandler(w, nil))
	o.Look = time.Hour // but for when the metrics are asked for
}

// value is that of a metric without labels.
func (w *watched) value(name string) float64 {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue() + f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	w.t.Fatalf("no metric %s", name)
	return 0
}

func (s *site) taken(n int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%d events are taken in", n), func() bool { return len(s.reports.all()) == n })
}

func TestOurOwnStreamLosesNothing(t *testing.T) {
	options := brokertest.Options(t)
	open := func() *broker.Broker {
		b, err := broker.Open(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := open()
	s, w := newSite(t, b), &watched{t: t}
	stop := s.run(s.intake(&shelf{}, w.options))
	before := time.Now().Add(-time.Second)
	for i := range 10 {
		s.send(article(fmt.Sprint(i), noon))
		w.value("gallerywire_events_lost_total")
	}
	s.taken(10)
	s.drained()
	eventually(t, "nothing is pending", func() bool { return w.value("gallerywire_events_pending") == 0 })
	newest := w.value("gallerywire_newest_event_timestamp_seconds")
	if newest < float64(before.Unix()) || newest > float64(time.Now().Unix()+1) {
		t.Errorf("the newest event came at %f", newest)
	}
	if n := w.value("gallerywire_events_lost_total"); n != 0 {
		t.Errorf("%f lost:\n%s", n, w.logged())
	}
	stop()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b = open()
	t.Cleanup(func() { b.Close() })
	s = newSite(t, b)
	s.run(s.intake(&shelf{}, w.options))
	eventually(t, "a node that starts knows when the newest event came", func() bool {
		return w.value("gallerywire_newest_event_timestamp_seconds") == newest
	})
}

func TestAStreamThatDropsUnreadEventsIsAnAlarm(t *testing.T) {
	s, w := foreign(t, subjects...), &watched{t: t}
	stop := s.run(s.intake(&shelf{}))
	for i := range 3 {
		s.send(article(fmt.Sprint(i), noon))
	}
	s.taken(3)
	stop() // which has the server know of all that was taken in
	for i := range 20 {
		s.send(article(fmt.Sprint("later-", i), noon))
	}
	s.run(s.intake(&shelf{}, w.options, func(o *intake.Options) { o.Look = time.Millisecond }))
	eventually(t, "it is logged", func() bool { return strings.Contains(w.logged(), "stream=CMS events=15 first_kept=19") })
	s.taken(3 + 5)
	eventually(t, "all are counted", func() bool { return w.value("gallerywire_events_lost_total") >= 15 })
	if got := w.value("gallerywire_events_lost_total"); got != 15 {
		t.Errorf("%f lost, want 15:\n%s", got, w.logged())
	}
}

func TestAStreamThatDropsWhatWasGivenBackIsAnAlarm(t *testing.T) {
	s, w := foreign(t, "article.>"), &watched{t: t}
	away := storeFunc(func(context.Context, *event.Event, event.Message) (string, error) {
		return "", errors.New("storage is away")
	})
	s.run(s.intake(away, w.options))
	s.send(article("harbour", noon))
	s.taken(1)
	for range 5 {
		s.publish(&nats.Msg{Subject: "article.drafted"})
	}
	eventually(t, "it is counted", func() bool { return w.value("gallerywire_events_lost_total") == 1 })
	eventually(t, "it is logged", func() bool { return strings.Contains(w.logged(), "gallery=harbour sequence=1") })
}

func TestASharedStreamMayDropWhatIsNotOurs(t *testing.T) {
	s, w := foreign(t, "article.>"), &watched{t: t}
	release := make(chan struct{})
	slow := storeFunc(func(context.Context, *event.Event, event.Message) (string, error) {
		<-release
		return "stored", nil
	})
	s.send(article("first", noon))
	s.run(s.intake(slow, w.options))
	eventually(t, "the age of the newest event is known", func() bool { return w.value("gallerywire_newest_event_timestamp_seconds") > 0 })
	for range 20 {
		s.publish(&nats.Msg{Subject: "article.drafted"})
		w.value("gallerywire_events_pending")
	}
	close(release)
	s.taken(1)
	if got := w.value("gallerywire_events_lost_total"); got != 0 {
		t.Errorf("%f lost:\n%s", got, w.logged())
	}
}
