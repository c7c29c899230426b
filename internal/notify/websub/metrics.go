package websub

import "github.com/prometheus/client_golang/prometheus"

// register adds the hub's metrics to r and returns the counter of verifications by mode
// and outcome.
func register(r prometheus.Registerer, subscriptions func() float64) *prometheus.CounterVec {
	verifications := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_websub_verifications_total",
		Help: "Verifications of intent, by mode (subscribe, unsubscribe) and outcome.",
	}, []string{"mode", "outcome"})
	for _, mode := range []string{subscribe, unsubscribe} {
		for _, outcome := range []string{verified, refused, unreachable} {
			verifications.WithLabelValues(mode, outcome) // there from the start, so that the first counts as an increase
		}
	}
	verifications.WithLabelValues(subscribe, denied)
	r.MustRegister(verifications, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gallerywire_websub_subscriptions",
		Help: "Subscriptions of the hub, on all nodes together.",
	}, subscriptions))
	return verifications
}
