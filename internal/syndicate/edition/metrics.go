package edition

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	rendered prometheus.Histogram
	failed   prometheus.Counter
	leftOut  prometheus.Counter
	seconds  []prometheus.Observer // by feed.Format
	bytes    []prometheus.Observer // by feed.Format
	editions cache.Lookups
	items    cache.Lookups
	slides   cache.Lookups
}

func newMetrics(r prometheus.Registerer) metrics {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "gallerywire_document_seconds",
		Help:    "Time to put a document together from its rendered galleries, by format.",
		Buckets: prometheus.ExponentialBuckets(0.00005, 4, 8),
	}, []string{"format"})
	bytes := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "gallerywire_document_bytes",
		Help:    "Bytes of a document that was put together, not compressed, by format.",
		Buckets: prometheus.ExponentialBuckets(1024, 4, 8),
	}, []string{"format"})
	m := metrics{
		rendered: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "gallerywire_render_seconds",
			Help:    "Time to render a feed in its three formats.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gallerywire_render_failures_total",
			Help: "Renderings that failed, so that the feed fell back to its last good edition.",
		}),
		leftOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gallerywire_galleries_left_out_total",
			Help: "Galleries left out of a rendering because they could not be rendered.",
		}),
		editions: cache.NewLookups(r, "feeds"),
		items:    cache.NewLookups(r, "galleries"),
		slides:   cache.NewLookups(r, "slides"),
	}
	for _, f := range feed.Formats() {
		m.seconds = append(m.seconds, seconds.WithLabelValues(f.String()))
		m.bytes = append(m.bytes, bytes.WithLabelValues(f.String()))
	}
	if r != nil {
		r.MustRegister(m.rendered, m.failed, m.leftOut, seconds, bytes)
	}
	return m
}

// made notes a document that was put together since began.
func (m metrics) made(d *feed.Document, began time.Time) {
	m.seconds[d.Format].Observe(time.Since(began).Seconds())
	m.bytes[d.Format].Observe(float64(d.Size()))
}
