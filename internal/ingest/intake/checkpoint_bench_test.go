package intake_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/checkpoint"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkCheckpoint takes events through intake, with fsync, while each record is
// noted in a checkpoint, and while none is, by turns. Of each the fastest turn
// counts. The ratio is the time without over the time with: 1 is as fast.
func BenchmarkCheckpoint(b *testing.B) {
	const each = 400
	var with, without time.Duration
	for b.Loop() {
		with, without = time.Hour, time.Hour
		points, err := checkpoint.Open(checkpoint.Options{Dir: b.TempDir(), Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		storetest.Run(b, points.Run)
		noting, plain := newSite(b, brokertest.Start(b)), newSite(b, brokertest.Start(b))
		noted := noting.catalogue(func(o *catalogue.Options) { o.Bucket.Verifier = points.Bucket("galleries", false) })
		bare := plain.catalogue()
		for round := range 4 * rounds {
			if round%4 == 0 || round%4 == 3 { // either first as often
				noting.fill(round, each)
				with = min(with, noting.timeSubject(noted, 8, each))
			} else {
				plain.fill(round, each)
				without = min(without, plain.timeSubject(bare, 8, each))
			}
		}
	}
	b.ReportMetric(each/with.Seconds(), "events/s")
	b.ReportMetric(each/without.Seconds(), "without-events/s")
	b.ReportMetric(float64(without)/float64(with), "ratio")
	b.ReportMetric(0, "ns/op")
}
