package app

import "github.com/prometheus/client_golang/prometheus"

var (
	storeDesc      = prometheus.NewDesc("gallerywire_store_bytes", "Bytes that the embedded NATS server stores.", nil, nil)
	storeWellDesc  = prometheus.NewDesc("gallerywire_store_writable", "1 while the embedded NATS server can write to its disk, else 0.", nil, nil)
	storeLimitDesc = prometheus.NewDesc("gallerywire_store_limit_bytes", "Bytes that the embedded NATS server may store: three quarters of what was free when it started, beside what it had.", nil, nil)
)

// storage has how much the embedded server stores. NATS servers elsewhere have metrics
// of their own.
type storage struct {
	stored  func() (used, limit int64)
	trouble func() error
}

// Describe implements [prometheus.Collector].
func (storage) Describe(ch chan<- *prometheus.Desc) {
	ch <- storeWellDesc
	ch <- storeDesc
	ch <- storeLimitDesc
}

// Collect implements [prometheus.Collector].
func (s storage) Collect(ch chan<- prometheus.Metric) {
	writable := 1.0
	if s.trouble() != nil {
		writable = 0
	}
	ch <- prometheus.MustNewConstMetric(storeWellDesc, prometheus.GaugeValue, writable)
	used, limit := s.stored()
	if limit == 0 {
		return
	}
	ch <- prometheus.MustNewConstMetric(storeDesc, prometheus.GaugeValue, float64(used))
	ch <- prometheus.MustNewConstMetric(storeLimitDesc, prometheus.GaugeValue, float64(limit))
}
