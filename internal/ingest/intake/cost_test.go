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
	r := Report{Outcome: "stored", Stored: time.Now(), Duration: time.Millisecond}
	for b.Loop() {
		in.newest.note(r.Stored)
		in.storing.note(nil)
		in.metrics.events.WithLabelValues(r.Outcome).Inc()
		in.metrics.seconds.Observe(r.Duration.Seconds())
	}
}
