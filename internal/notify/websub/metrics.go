package websub

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	verifications *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, subscriptions func() float64) metrics {
	m := metrics{verifications: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_websub_verifications_total",
		Help: "Verifications of intent, by mode (subscribe, unsubscribe) and outcome.",
	}, []string{"mode", "outcome"})}
	for _, mode := range []string{subscribe, unsubscribe} {
		for _, outcome := range []string{verified, refused, unreachable} {
			m.verifications.WithLabelValues(mode, outcome) // there from the start, so that the first counts as an increase
		}
	}
	m.verifications.WithLabelValues(subscribe, denied)
	if r != nil {
		r.MustRegister(m.verifications, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gallerywire_websub_subscriptions",
			Help: "Subscriptions of the hub, on all nodes together.",
		}, subscriptions))
	}
	return m
}
