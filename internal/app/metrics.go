package app

import "github.com/prometheus/client_golang/prometheus"

// registerMetrics registers /readyz as a metric, the connection to NATS, and how much the
// embedded server stores. NATS servers elsewhere have metrics of their own.
func (a *App) registerMetrics() {
	gauge := func(name, help string, value func() float64) {
		a.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	oneIf := func(is bool) float64 {
		if is {
			return 1
		}
		return 0
	}
	gauge("gallerywire_ready", "1 while the node is ready as /readyz has it, else 0.",
		func() float64 { return oneIf(len(a.unready()) == 0) })
	gauge("gallerywire_nats_connected", "1 while the node is connected to NATS, else 0.",
		func() float64 { return oneIf(a.broker.Status() == nil) })
	if a.broker.Embedded() {
		gauge("gallerywire_store_writable", "1 while the embedded NATS server can write to its disk, else 0.",
			func() float64 { return oneIf(a.broker.Storage() == nil) })
		a.metrics.MustRegister(storage{a.broker.Stored})
	}
}

var (
	storeDesc      = prometheus.NewDesc("gallerywire_store_bytes", "Bytes that the embedded NATS server stores.", nil, nil)
	storeLimitDesc = prometheus.NewDesc("gallerywire_store_limit_bytes", "Bytes that the embedded NATS server may store: what it had when it started, and three quarters of what was free.", nil, nil)
)

// storage collects how much the embedded server stores, and nothing while it does not say.
type storage struct {
	stored func() (used, limit int64)
}

// Describe implements [prometheus.Collector].
func (storage) Describe(ch chan<- *prometheus.Desc) {
	ch <- storeDesc
	ch <- storeLimitDesc
}

// Collect implements [prometheus.Collector].
func (s storage) Collect(ch chan<- prometheus.Metric) {
	if used, limit := s.stored(); limit > 0 {
		ch <- prometheus.MustNewConstMetric(storeDesc, prometheus.GaugeValue, float64(used))
		ch <- prometheus.MustNewConstMetric(storeLimitDesc, prometheus.GaugeValue, float64(limit))
	}
}
