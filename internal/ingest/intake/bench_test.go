package intake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkEvents takes events of 12 KB through intake into the catalogue,
// while the index follows. It also measures the floor: the least that a program
// must do to have the same bytes safe, which is to consume, put in one bucket
// and acknowledge, as many at once. It reports events per second for both, and
// intake's as a part of the floor's.
func BenchmarkEvents(b *testing.B) {
	for _, disk := range []struct {
		name string
		sync time.Duration
	}{{"fsync", 0}, {"nosync", 2 * time.Minute}} {
		for _, inFlight := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/inflight=%d", disk.name, inFlight), func(b *testing.B) {
				benchmarkEvents(b, disk.sync, inFlight)
			})
		}
	}
}

// BenchmarkMetrics takes events through intake with metrics, that somebody asks
// for every second, and without, by turns. Of each the fastest turn counts:
// whatever else the machine does only slows. The ratio is the time without over
// the time with: 1 is as fast.
func BenchmarkMetrics(b *testing.B) {
	const each = 2000
	var with, without time.Duration
	for b.Loop() {
		with, without = time.Hour, time.Hour
		s := newSite(b, brokertest.Start(b))
		l := s.catalogue()
		for round := range 2 * rounds {
			s.fill(round, each)
			if round%4 == 0 || round%4 == 3 { // either first as often
				with = min(with, s.timeCounted(l, each))
			} else {
				without = min(without, s.timeSubject(l, 8, each))
			}
		}
	}
	b.ReportMetric(each/with.Seconds(), "events/s")
	b.ReportMetric(each/without.Seconds(), "without-events/s")
	b.ReportMetric(float64(without)/float64(with), "ratio")
	b.ReportMetric(0, "ns/op")
}

// timeCounted is how long intake takes while its metrics are asked for.
func (s *site) timeCounted(l catalogueStore, n int) time.Duration {
	metrics := prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(s.t.Context())
	var scrapes sync.WaitGroup
	scrapes.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for ctx.Err() == nil {
			if _, err := metrics.Gather(); err != nil {
				s.t.Error(err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	took := s.timeSubject(l, 8, n, func(o *intake.Options) { o.Registerer = metrics })
	cancel()
	scrapes.Wait()
	return took
}

// rounds is how often subject and floor take turns: a machine is not equally
// fast all the time.
const rounds = 4

func benchmarkEvents(b *testing.B, sync time.Duration, inFlight int) {
	each := 400
	if sync > 0 {
		each = 2000
	}
	var subject, floor time.Duration
	for b.Loop() {
		subject, floor = 0, 0
		s := newSite(b, brokertest.Start(b, func(o *broker.Options) { o.Embedded.SyncInterval = sync }))
		l := s.catalogue()
		for round := range rounds {
			s.fill(round, each)
			subject += s.timeSubject(l, inFlight, each)
			s.fill(round, each)
			floor += s.timeFloor(inFlight, each)
		}
	}
	rate := func(d time.Duration) float64 { return float64(rounds*each) / d.Seconds() }
	b.ReportMetric(rate(subject), "events/s")
	b.ReportMetric(rate(floor), "floor-events/s")
	b.ReportMetric(rate(subject)/rate(floor), "ratio")
	b.ReportMetric(0, "ns/op")
}

// fill publishes n galleries of a round to the stream.
func (s *site) fill(round, n int) {
	s.t.Helper()
	for i := range n {
		id := fmt.Sprintf("gallery-%d-%d", round, i)
		if _, err := s.Broker.JetStream().PublishAsync(string(event.Published), []byte(long(s.t, id))); err != nil {
			s.t.Fatal(err)
		}
	}
	<-s.Broker.JetStream().PublishAsyncComplete()
}

// long is a gallery of about 12 KB.
func long(t testing.TB, id string) string {
	g := gallery.Gallery{
		ID: id, URL: "https://news.example.com/galleries/" + id, Title: "Harbour lights of " + id, Language: "en",
		Summary: "What the harbours look like when the ships have gone.", Section: "Travel", Tags: []string{"harbours", "night", "ships"},
		Body:    "<p>" + strings.Repeat("The pilots say that one never gets used to it. ", 20) + "</p>",
		Authors: []gallery.Author{{Name: "A. Writer", Email: "a@example.com"}}, Published: noon, Updated: noon.Add(time.Hour), Version: 3,
	}
	for i := range 20 {
		g.Slides = append(g.Slides, gallery.Slide{
			ID: fmt.Sprint(i), Title: fmt.Sprintf("Dusk, number %d", i), Credit: "Agency One",
			Caption: "<p>" + strings.Repeat("Boats at dusk, before the <em>night ferry</em> leaves. ", 4) + "</p>",
			Image: gallery.Image{
				URL: fmt.Sprintf("https://img.example.com/%s/%d.jpg", id, i), Type: "image/jpeg", Width: 1600, Height: 900, Bytes: 245113,
				Alt: "Boats at dusk", Thumbnail: fmt.Sprintf("https://img.example.com/%s/%d-s.jpg", id, i),
			},
		})
	}
	body, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// timeSubject is how long intake takes for what is in the stream.
func (s *site) timeSubject(l catalogueStore, inFlight, n int, change ...func(*intake.Options)) time.Duration {
	return s.timeOutcome("stored", l, inFlight, n, change...)
}

// timeOutcome is how long intake takes until n events have the outcome, which
// all in the stream will have.
func (s *site) timeOutcome(outcome string, l catalogueStore, inFlight, n int, change ...func(*intake.Options)) time.Duration {
	var done sync.WaitGroup
	done.Add(n)
	in := s.intake(l, append(change, func(o *intake.Options) {
		o.InFlight = inFlight
		o.Observe = func(r intake.Report) {
			if r.Outcome == outcome {
				done.Done()
			}
		}
	})...)
	began := time.Now()
	stop := s.run(in)
	done.Wait()
	took := time.Since(began)
	s.drained()
	stop()
	return took
}

// timeFloor is how long the bare loop takes for what is in the stream.
func (s *site) timeFloor(inFlight, n int) time.Duration {
	ctx := s.t.Context()
	kv, err := s.Broker.JetStream().CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "floor"})
	if err != nil {
		s.t.Fatal(err)
	}
	began := time.Now()
	consumer, _, err := s.consumer(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(max(64, 8*inFlight)))
	if err != nil {
		s.t.Fatal(err)
	}
	var workers sync.WaitGroup
	free := make(chan struct{}, inFlight)
	for range n {
		msg, err := messages.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			s.t.Fatal(err)
		}
		free <- struct{}{}
		workers.Go(func() {
			defer func() { <-free }()
			if _, err := kv.Put(ctx, fmt.Sprint("gallery-", meta.Sequence.Stream), msg.Data()); err != nil {
				s.t.Error(err)
			}
			if err := msg.Ack(); err != nil {
				s.t.Error(err)
			}
		})
	}
	workers.Wait()
	took := time.Since(began)
	s.drained()
	messages.Drain()
	for _, err = messages.Next(); err == nil; {
		_, err = messages.Next()
	}
	return took
}

// BenchmarkRejects rejects events of 12 KB and takes as many good ones in, by
// turns, with fsync. The ratio is the time for good ones over the time for bad
// ones: 1 is as fast.
func BenchmarkRejects(b *testing.B) {
	const each = 500
	var good, bad time.Duration
	for b.Loop() {
		good, bad = 0, 0
		s := newSite(b, brokertest.Start(b, func(o *broker.Options) { o.Embedded.SyncInterval = 0 }))
		l := s.catalogue()
		for round := range rounds {
			s.fill(round, each)
			good += s.timeSubject(l, 8, each)
			s.spoil(each)
			bad += s.timeOutcome("rejected", l, 8, each)
		}
	}
	b.ReportMetric(rounds*each/good.Seconds(), "good-events/s")
	b.ReportMetric(rounds*each/bad.Seconds(), "bad-events/s")
	b.ReportMetric(float64(good)/float64(bad), "ratio")
	b.ReportMetric(0, "ns/op")
}

// spoil publishes n galleries without a title to the stream.
func (s *site) spoil(n int) {
	s.t.Helper()
	for i := range n {
		body := strings.Replace(long(s.t, fmt.Sprint("bad-", i)), `"title":"Harbour`, `"heading":"Harbour`, 1)
		if _, err := s.Broker.JetStream().PublishAsync(string(event.Published), []byte(body)); err != nil {
			s.t.Fatal(err)
		}
	}
	<-s.Broker.JetStream().PublishAsyncComplete()
}
