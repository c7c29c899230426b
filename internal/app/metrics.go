package app

import "github.com/prometheus/client_golang/prometheus"

var (
	storeDesc      = prometheus.NewDesc("gallerywire_store_bytes", "Bytes that the embedded NATS server stores.", nil, nil)
	storeLimitDesc = prometheus.NewDesc("gallerywire_store_limit_bytes", "Bytes that the embedded NATS server may store: three quarters of what was free when it started, beside what it had.", nil, nil)
)

// storage tells how much the embedded server stores. Servers elsewhere tell it
// themselves.
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
	used, limit := s.stored()
	if limit == 0 {
		return
	}
	ch <- prometheus.MustNewConstMetric(storeDesc, prometheus.GaugeValue, float64(used))
	ch <- prometheus.MustNewConstMetric(storeLimitDesc, prometheus.GaugeValue, float64(limit))
}
