package app

import "github.com/prometheus/client_golang/prometheus"

// readiness tells alerts what /readyz tells whoever sends readers.
func (a *App) readiness() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gallerywire_ready",
		Help: "1 while the node is ready as /readyz has it, else 0.",
	}, func() float64 {
		if len(a.unready()) == 0 {
			return 1
		}
		return 0
	})
}
