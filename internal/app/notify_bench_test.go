package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go/jetstream"
)

// paired is the median of the ratios of what was measured one after the other,
// before either is sorted: on a machine that others use too, a ratio of medians
// compares a busy moment with a quiet one.
func paired(subjects, floors []time.Duration) float64 {
	ratios := make([]float64, len(subjects))
	for i := range subjects {
		ratios[i] = float64(subjects[i]) / float64(floors[i])
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// BenchmarkFanOut measures how fast 10,000 subscribers receive a change of a
// feed of 100 KB, from publishing it until the last of them has it: of a node
// with a server of its own, and of one on a cluster of three. Its floor, measured
// in the same run, is a bare loop that posts the same bytes, signed, to the same
// subscribers, as many at once. The ratio is the median of those of pairs.
func BenchmarkFanOut(b *testing.B) {
	for name, servers := range map[string]func(*testing.B) []string{"embedded": onEmbedded, "cluster": onCluster} {
		b.Run(name, func(b *testing.B) { fanOut(b, servers(b)) })
	}
}

func fanOut(b *testing.B, servers []string) {
	c := newCrowd(b, 10_000, false)
	w := newWire(b, c, servers, 9, 30)
	client := bareClient(b)
	c.post(b, client, w.document(b)) // everyone has a connection
	var floors, subjects []time.Duration
	for b.Loop() {
		began := time.Now()
		sent := w.change(b)
		sent.wait(b)
		subjects = append(subjects, time.Since(began))
		w.settle(b)
		sent.check(b)

		document := w.document(b)
		bare := c.begin(string(sent.marker))
		began = time.Now()
		c.post(b, client, document)
		floors = append(floors, time.Since(began))
		bare.wait(b)
	}
	report := func(name string, d time.Duration) { b.ReportMetric(float64(c.count)/d.Seconds(), name) }
	b.ReportMetric(1/paired(subjects, floors), "ratio")
	report("deliveries/s", median(subjects))
	report("floor-deliveries/s", median(floors))
	b.ReportMetric(float64(len(w.document(b)))/1024, "KB/delivery")
}

// BenchmarkFromPublishToSubscribers measures from publishing a change on NATS
// until the last of 100 subscribers has the feed: of a node with a server of its own,
// and of one on a cluster of three. Its floor, measured in the same run, is to put the
// event in a bucket of one server, receive it by a watch, and post the same bytes,
// signed, to the same subscribers. All flush to the disk on every write. The feed is one
// of 100 KB, or of 10 KB. The quiet period is a millisecond. The ratio is the median of
// those of pairs.
func BenchmarkFromPublishToSubscribers(b *testing.B) {
	for _, c := range []struct {
		name      string
		galleries int
		servers   func(*testing.B) []string
	}{{"100KB", 9, onEmbedded}, {"10KB", 1, onEmbedded}, {"cluster", 1, onCluster}} {
		b.Run(c.name, func(b *testing.B) {
			subscribers := newCrowd(b, 100, false)
			w := newWire(b, subscribers, c.servers(b), c.galleries, 30)
			floor := newTellingFloor(b, subscribers)
			floor(w)
			var floors, subjects []time.Duration
			for b.Loop() {
				began := time.Now()
				sent := w.change(b)
				sent.wait(b)
				subjects = append(subjects, time.Since(began))
				w.settle(b)
				sent.check(b)
				floors = append(floors, floor(w))
			}
			b.ReportMetric(paired(subjects, floors), "ratio")
			b.ReportMetric(float64(median(subjects).Microseconds()), "µs/change")
			b.ReportMetric(float64(median(floors).Microseconds()), "floor-µs/change")
		})
	}
}

// newTellingFloor returns how long it takes from putting an event in a bucket
// until everyone in the crowd was posted what the feed is.
func newTellingFloor(b *testing.B, c *crowd) func(*wire) time.Duration {
	br := brokertest.Start(b, func(o *broker.Options) { o.Embedded.SyncInterval = 0 })
	bucket, err := br.JetStream().CreateKeyValue(b.Context(), jetstream.KeyValueConfig{Bucket: "floor"})
	if err != nil {
		b.Fatal(err)
	}
	watch, err := bucket.WatchAll(b.Context(), jetstream.UpdatesOnly())
	if err != nil {
		b.Fatal(err)
	}
	client := bareClient(b)
	return func(w *wire) time.Duration {
		document := w.document(b)
		bare := c.begin("<feed")
		data := []byte(w.gallery(0, "Floor"))
		began := time.Now()
		if _, err := bucket.Put(b.Context(), "key", data); err != nil {
			b.Fatal(err)
		}
		<-watch.Updates()
		c.post(b, client, document)
		took := time.Since(began)
		bare.wait(b)
		return took
	}
}

// BenchmarkSilentSubscriber measures how fast 1,000 subscribers receive a
// change while one more never answers. Its floor, measured in the same run, is
// how fast another node tells 1,000 subscribers who all answer. The ratio is the
// median of those of pairs.
func BenchmarkSilentSubscriber(b *testing.B) {
	type side struct {
		wire *wire
		took []time.Duration
	}
	var with, without side
	with.wire = newWire(b, newCrowd(b, 1_000, true), onEmbedded(b), 9, 30)
	without.wire = newWire(b, newCrowd(b, 1_000, false), onEmbedded(b), 9, 30)
	for b.Loop() {
		for _, s := range []*side{&without, &with} {
			began := time.Now()
			sent := s.wire.change(b)
			sent.wait(b)
			s.took = append(s.took, time.Since(began))
			s.wire.settle(b)
			sent.check(b)
		}
	}
	b.ReportMetric(1/paired(with.took, without.took), "ratio")
	b.ReportMetric(1_000/median(with.took).Seconds(), "deliveries/s")
	b.ReportMetric(1_000/median(without.took).Seconds(), "floor-deliveries/s")
}
