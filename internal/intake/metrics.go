package intake

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	events  *prometheus.CounterVec
	seconds prometheus.Histogram
}

func newMetrics(o Options) metrics {
	m := metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gallerywire_events_total",
			Help: "Events taken in, by outcome.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gallerywire_event_seconds",
			Help:    "Time from the delivery of an event to its acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 4, 9),
		}),
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(m.events, m.seconds, pending(o))
	}
	return m
}

// scrapeTimeout bounds what a scrape of the metrics waits for NATS.
const scrapeTimeout = time.Second

// pending is the consumer's lag, asked of the server at each scrape; NaN while
// it can not be told.
func pending(o Options) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gallerywire_events_pending",
		Help: "Events in the stream that are not taken in yet.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
		defer cancel()
		consumer, err := o.Consumer(ctx)
		if err != nil {
			return math.NaN()
		}
		info, err := consumer.Info(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(info.NumPending) + float64(info.NumAckPending)
	})
}
