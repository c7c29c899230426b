package websub

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/go-json-experiment/json"
)

// BenchmarkMemory is what a node keeps of 10,000 subscriptions, with callbacks of
// some 70 bytes on hosts of their own and secrets of 40. Its floor, measured in the
// same run, is a map of bare strings: the callback, the topic that all share, and
// the secret.
func BenchmarkMemory(b *testing.B) {
	const count = 10_000
	records := make([]bucket.Record, count)
	for n := range records {
		sub := record{
			Format: plainFormat, Topic: Topic{Feed: "all", Document: "atom"}, Address: "https://wire.example.com/feeds/all.atom",
			Callback: fmt.Sprintf("https://reader-%05d.example.com/websub/callback?id=0123456789abcdef%05d", n, n),
			Secret:   fmt.Appendf(nil, "%040d", n), Expires: time.Now().Add(24 * time.Hour),
		}
		value, err := json.Marshal(sub)
		if err != nil {
			b.Fatal(err)
		}
		records[n] = bucket.Record{Key: idOf(sub.Topic, sub.Callback).String(), Value: value, Revision: uint64(n + 1)}
	}
	var held []*Hub
	before := heap()
	for b.Loop() {
		h, err := NewForTest(Options{})
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range records {
			h.apply(r)
		}
		held = append(held, h)
	}
	grown := heap() - before
	floor := bareMemory(records)
	b.ReportMetric(float64(grown)/float64(len(held))/count, "B/subscription")
	b.ReportMetric(float64(floor)/count, "floor-B/subscription")
	b.ReportMetric(float64(grown)/float64(len(held))/float64(floor), "ratio")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/subscription")
	runtime.KeepAlive(held)
	runtime.KeepAlive(records)
}

// bareMemory is what a map of the subscriptions' strings takes.
func bareMemory(records []bucket.Record) int64 {
	type bare struct{ topic, secret string }
	topic := "https://wire.example.com/feeds/all.atom"
	before := heap()
	held := map[string]bare{}
	for _, r := range records {
		var sub record
		if err := json.Unmarshal(r.Value, &sub); err != nil {
			panic(err)
		}
		held[sub.Callback] = bare{topic: topic, secret: string(sub.Secret)}
	}
	grown := heap() - before
	runtime.KeepAlive(held)
	return grown
}

// BenchmarkTargets names the 10,000 targets of a notice.
func BenchmarkTargets(b *testing.B) {
	h, err := NewForTest(Options{})
	if err != nil {
		b.Fatal(err)
	}
	for n := range 10_000 {
		h.add(record{Topic: Topic{Feed: "all", Document: "atom"}, Callback: fmt.Sprintf("https://reader-%05d.example.com/callback?id=1", n), Expires: time.Now().Add(24 * time.Hour)}, uint64(n+1))
	}
	for b.Loop() {
		count := 0
		h.Deliveries().Targets(outbox.Notice{About: "all"}, func(outbox.Target) bool {
			count++
			return true
		})
		if count != 10_000 {
			b.Fatal(count)
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
