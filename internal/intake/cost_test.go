package intake

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkCounting is what is counted and noted of one event.
func BenchmarkCounting(b *testing.B) {
	in := New(Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	r := Report{Outcome: "stored", Stored: time.Now(), Took: time.Millisecond}
	for sequence := uint64(0); b.Loop(); sequence++ {
		in.watch.take(sequence)
		in.watch.settle(sequence, r, nil)
		in.metrics.count(r)
	}
}
