package app

import "github.com/prometheus/client_golang/prometheus"

// readiness is /readyz as a metric, and whether the node is connected to NATS.
func (a *App) readiness() []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gallerywire_ready",
			Help: "1 while the node is ready as /readyz has it, else 0.",
		}, func() float64 { return oneIf(len(a.unready()) == 0) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gallerywire_nats_connected",
			Help: "1 while the node is connected to NATS, else 0.",
		}, func() float64 { return oneIf(a.broker.Status() == nil) }),
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
