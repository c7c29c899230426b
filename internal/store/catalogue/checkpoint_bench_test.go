package catalogue_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/checkpoint"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkLoadVerified reads an archive into an index, compared with what must be
// there, and not compared, by turns. Of each the fastest turn counts. The ratio is the
// time with over the time without.
func BenchmarkLoadVerified(b *testing.B) {
	node := brokertest.Start(b)
	store(b, node, archive)
	dir := b.TempDir()
	load := func(change ...func(*catalogue.Options)) time.Duration {
		began := time.Now()
		c := catalogue.New(options(node, change...))
		stop := storetest.Run(b, c.Run)
		awaitReady(b, c)
		took := time.Since(began)
		stop()
		return took
	}
	verified := func() time.Duration {
		points, err := checkpoint.Open(checkpoint.Options{Dir: dir, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		took := load(func(o *catalogue.Options) { o.Bucket.Verifier = points.Bucket("galleries", false) })
		ended, end := context.WithCancel(b.Context())
		end()
		if err := points.Run(ended); err != nil { // writes the rest
			b.Fatal(err)
		}
		return took
	}
	verified() // notes everything
	with, without := time.Hour, time.Hour
	for b.Loop() {
		with, without = min(with, verified()), min(without, load())
		without, with = min(without, load()), min(with, verified())
	}
	b.ReportMetric(with.Seconds(), "load-s")
	b.ReportMetric(without.Seconds(), "without-s")
	b.ReportMetric(with.Seconds()/without.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}
