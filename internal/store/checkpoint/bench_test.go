package checkpoint_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/checkpoint"
	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkRead compares 100,000 records with what is noted of them, the reading of
// the journal included. It reports what that is for each.
func BenchmarkRead(b *testing.B) {
	const records = 100_000
	keys := make([]string, records)
	for i := range keys {
		keys[i] = fmt.Sprintf("$KV.gallerywire_galleries.gallery-%d", i)
	}
	points, err := checkpoint.Open(checkpoint.Options{Dir: b.TempDir(), Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	bucket := points.Bucket("galleries", false)
	for b.Loop() {
		bucket.Begin()
		for i, key := range keys {
			bucket.Take(key, uint64(i+1), false)
		}
		if !bucket.Whole() {
			b.Fatal(points.Damage())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}

// BenchmarkNote notes one record.
func BenchmarkNote(b *testing.B) {
	points, err := checkpoint.Open(checkpoint.Options{Dir: b.TempDir(), Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = points.Run(b.Context())
	}()
	bucket := points.Bucket("galleries", false)
	bucket.Begin()
	bucket.Whole()
	b.ReportAllocs()
	for sequence := uint64(1); b.Loop(); sequence++ {
		bucket.Take("$KV.gallerywire_galleries.harbour-lights", sequence, false)
	}
}
