package edition

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	rendered prometheus.Histogram
	failed   prometheus.Counter
	leftOut  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		rendered: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gallerywire_render_seconds",
			Help:    "Time to render a feed in its three formats.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gallerywire_render_failures_total",
			Help: "Renderings that failed, so that the last good edition was kept.",
		}),
		leftOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gallerywire_galleries_left_out_total",
			Help: "Galleries left out of a rendering because they could not be rendered.",
		}),
	}
	if r != nil {
		r.MustRegister(m.rendered, m.failed, m.leftOut)
	}
	return m
}
