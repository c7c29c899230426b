package intake_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

func TestDroppedEventsAreCounted(t *testing.T) {
	t.Parallel()
	type at = intake.StreamState
	for name, c := range map[string]struct {
		before, now at
		shared      bool // messages of others are between ours, or they leave when they are taken in
		want        uint64
	}{
		"a stream that is new":             {},
		"a consumer that is new":           {before: at{First: 500}, now: at{First: 500, Waiting: 3}},
		"dropped while no node ran":        {before: at{Reached: 3, Delivered: 3}, now: at{First: 21, Reached: 3, Delivered: 3, Waiting: 5}, want: 17},
		"and read on":                      {before: at{Reached: 3, Delivered: 3}, now: at{First: 21, Reached: 25, Delivered: 8}, want: 17},
		"nothing happened":                 {before: at{First: 8, Reached: 3, Delivered: 3}, now: at{First: 8, Reached: 3, Delivered: 3}},
		"read ones are dropped":            {before: at{1, 30, 30, 0}, now: at{31, 30, 30, 0}},
		"unread ones are dropped":          {before: at{1, 30, 30, 0}, now: at{41, 30, 30, 0}, want: 10},
		"more of them":                     {before: at{41, 30, 30, 0}, now: at{46, 30, 30, 0}, want: 5},
		"all are read":                     {before: at{46, 30, 30, 0}, now: at{46, 50, 35, 0}},
		"dropped and read on since":        {before: at{1, 30, 30, 0}, now: at{41, 50, 40, 0}, want: 10},
		"handed out again meanwhile":       {before: at{1, 30, 30, 0}, now: at{41, 50, 47, 0}, want: 3},
		"handed out again and no progress": {before: at{1, 30, 30, 0}, now: at{31, 30, 90, 0}},
		"the stream was made anew":         {before: at{41, 60, 60, 0}, now: at{1, 2, 2, 0}},
		"the consumer was made anew":       {before: at{41, 60, 60, 0}, now: at{70, 0, 0, 0}},
		"the consumer knows less":          {before: at{41, 60, 60, 0}, now: at{61, 55, 55, 0}},
		"shared, at work":                  {shared: true, before: at{8, 7, 9, 0}, now: at{20, 25, 27, 0}},
		"shared, theirs are dropped":       {shared: true, before: at{1, 3, 3, 0}, now: at{500, 3, 3, 0}},
		"shared, ours are read":            {shared: true, before: at{1, 3, 3, 5}, now: at{500, 600, 8, 0}},
		"shared, ours are dropped":         {shared: true, before: at{1, 3, 3, 5}, now: at{500, 3, 3, 0}, want: 5},
		"shared, some are read":            {shared: true, before: at{1, 3, 3, 5}, now: at{500, 600, 6, 0}, want: 2},
		"shared, ours wait":                {shared: true, before: at{1, 3, 3, 5}, now: at{500, 3, 3, 7}},
		"shared, made anew":                {shared: true, before: at{1, 3, 3, 5}, now: at{1, 0, 0, 0}},
	} {
		if got := intake.Dropped(c.before, c.now, !c.shared); got != c.want {
			t.Errorf("%s: %d dropped, want %d", name, got, c.want)
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
	o.PollEvery = time.Hour // but for the first
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
	storetest.Eventually(s.t, fmt.Sprintf("%d events are taken in", n), func() bool { return len(s.reports.all()) == n })
}

func TestOurOwnStreamDropsNothing(t *testing.T) {
	t.Parallel()
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
	stop := s.run(s.intake(&memoryStore{}, w.options))
	before := time.Now().Add(-time.Second)
	for i := range 10 {
		s.send(article(fmt.Sprint(i), noon))
		w.value("gallerywire_events_lost_total")
	}
	s.taken(10)
	s.drained()
	storetest.Eventually(t, "nothing is pending", func() bool { return w.value("gallerywire_events_pending") == 0 })
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
	s.run(s.intake(&memoryStore{}, w.options))
	storetest.Eventually(t, "a node that starts knows when the newest event came", func() bool {
		return w.value("gallerywire_newest_event_timestamp_seconds") == newest
	})
}

func TestUnreadEventsThatAStreamDropsRaiseTheAlarm(t *testing.T) {
	t.Parallel()
	s, w := foreign(t, subjects...), &watched{t: t}
	stop := s.run(s.intake(&memoryStore{}))
	for i := range 3 {
		s.send(article(fmt.Sprint(i), noon))
	}
	s.taken(3)
	stop() // which has the server know of all that was taken in
	for i := range 20 {
		s.send(article(fmt.Sprint("later-", i), noon))
	}
	s.run(s.intake(&memoryStore{}, w.options, func(o *intake.Options) { o.PollEvery = time.Millisecond }))
	storetest.Eventually(t, "it is logged", func() bool { return strings.Contains(w.logged(), "stream=CMS events=15 first_kept=19") })
	s.taken(3 + 5)
	storetest.Eventually(t, "all are counted", func() bool { return w.value("gallerywire_events_lost_total") >= 15 })
	if got := w.value("gallerywire_events_lost_total"); got != 15 {
		t.Errorf("%f lost, want 15:\n%s", got, w.logged())
	}
}

// One look is no verdict: on a cluster, a stream may have dropped an event that
// was taken in before its consumer says so.
func TestOnePollIsNoAlarm(t *testing.T) {
	t.Parallel()
	s, w := foreign(t, subjects...), &watched{t: t}
	stop := s.run(s.intake(&memoryStore{}))
	s.send(article("first", noon))
	s.taken(1)
	stop()
	for i := range 20 {
		s.send(article(fmt.Sprint("later-", i), noon))
	}
	s.run(s.intake(&memoryStore{}, w.options)) // which looks once
	s.taken(1 + 5)
	if got := w.value("gallerywire_events_lost_total"); got != 0 || strings.Contains(w.logged(), "dropped") {
		t.Errorf("%f lost:\n%s", got, w.logged())
	}
}

// A server that is killed may have forgotten that events were taken in that have
// left its work queue. That queue is ours and refuses when it is full.
func TestConsumerBehindItsStreamIsNoAlarm(t *testing.T) {
	t.Parallel()
	s, w := newSite(t, brokertest.Start(t)), &watched{t: t}
	stop := s.run(s.intake(&memoryStore{}))
	for i := range 10 {
		s.send(article(fmt.Sprint(i), noon))
	}
	s.taken(10)
	s.drained()
	stop()
	stream, err := s.Broker.JetStream().Stream(t.Context(), "ARTICLES")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 { // events that are gone, and were never handed out
		if err := stream.DeleteMsg(t.Context(), s.send(article("gone", noon))); err != nil {
			t.Fatal(err)
		}
	}
	s.run(s.intake(&memoryStore{}, w.options, func(o *intake.Options) { o.PollEvery = time.Millisecond }))
	s.send(article("last", noon))
	s.taken(11)
	if got := w.value("gallerywire_events_lost_total"); got != 0 || strings.Contains(w.logged(), "dropped") {
		t.Errorf("%f lost:\n%s", got, w.logged())
	}
}

func TestSharedStreamMayDropOtherMessages(t *testing.T) {
	t.Parallel()
	s, w := foreign(t, "article.>"), &watched{t: t}
	started, release := make(chan struct{}, 1), make(chan struct{})
	slow := storeFunc(func(context.Context, *event.Event, event.Message) (string, error) {
		started <- struct{}{}
		<-release
		return "stored", nil
	})
	s.send(article("first", noon))
	s.run(s.intake(slow, w.options, func(o *intake.Options) { o.PollEvery = time.Millisecond }))
	<-started // from here on the stream may drop it
	if w.value("gallerywire_newest_event_timestamp_seconds") == 0 {
		t.Error("the age of the newest event is not known")
	}
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
