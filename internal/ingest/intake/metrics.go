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
	lost    prometheus.Counter
}

// register makes the metrics and registers them, if r is not nil.
func (in *Intake) register(r prometheus.Registerer) {
	in.metrics = metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gallerywire_events_total",
			Help: "Events taken in, by outcome.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gallerywire_event_seconds",
			Help:    "Time from the delivery of an event to its acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 4, 9),
		}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gallerywire_events_lost_total",
			Help: "Events, at least, that the stream dropped before any node had taken them in.",
		}),
	}
	for _, outcome := range []string{outcomeRejected, outcomeRetried} {
		in.metrics.events.WithLabelValues(outcome) // there from the start, so that the first counts as an increase
	}
	stuck := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gallerywire_intake_stuck",
		Help: "1 while events cannot be read or stored and wait in the stream, else 0.",
	}, func() float64 {
		if in.Trouble() != nil {
			return 1
		}
		return 0
	})
	if r != nil {
		r.MustRegister(in.metrics.events, in.metrics.seconds, in.metrics.lost, progress{in}, stuck)
	}
}

// progress exports how far intake is in the stream. The server is asked at each
// scrape.
type progress struct{ intake *Intake }

var (
	pendingDesc = prometheus.NewDesc("gallerywire_events_pending", "Events in the stream that are not taken in yet; NaN while NATS does not say.", nil, nil)
	newestDesc  = prometheus.NewDesc("gallerywire_newest_event_timestamp_seconds", "When the newest event was stored, in Unix time; 0 while it is not known.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (progress) Describe(ch chan<- *prometheus.Desc) {
	ch <- pendingDesc
	ch <- newestDesc
}

// Collect implements [prometheus.Collector].
func (p progress) Collect(ch chan<- prometheus.Metric) {
	pending, sources := 0.0, *p.intake.sources.Load()
	if len(sources) == 0 {
		pending = math.NaN()
	}
	for _, s := range sources {
		n, last, err := s.pending(context.Background())
		if err != nil {
			pending = math.NaN()
			break
		}
		pending += float64(n)
		p.intake.newest.note(last)
	}
	seconds := 0.0
	if at := p.intake.newest.note(time.Time{}); !at.IsZero() {
		seconds = float64(at.UnixMilli()) / 1000
	}
	ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, pending)
	ch <- prometheus.MustNewConstMetric(newestDesc, prometheus.GaugeValue, seconds)
}
