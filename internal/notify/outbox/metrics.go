package outbox

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count the outcomes of deliveries, by channel.
type metrics struct {
	outcomes *prometheus.CounterVec
	delay    *prometheus.HistogramVec
	box      *Outbox
}

func newMetrics(b *Outbox, r prometheus.Registerer) metrics {
	if r != nil {
		r.MustRegister(prometheus.CollectorFunc(b.collect))
	}
	m := metrics{box: b, outcomes: Outcomes(r), delay: Delays(r)}
	for channel := range b.opts.Channels {
		for _, outcome := range []string{outcomeSent, outcomeRetried, outcomeDead} {
			m.outcomes.WithLabelValues(channel, outcome) // so that the first counts as an increase
		}
	}
	return m
}

// Outcomes of a delivery.
const (
	outcomeSent    = "sent"
	outcomeRetried = "retried"
	outcomeDead    = "dead"
)

// Outcomes returns r's counter of notices by channel and outcome, in which notices count
// too that are sent in another way. Without a registry it is a new one.
func Outcomes(r prometheus.Registerer) *prometheus.CounterVec {
	return registered(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_notices_total",
		Help: "Notices, by channel and outcome.",
	}, []string{"channel", "outcome"}))
}

// Delays returns r's histogram of how long notices take, by channel. Without a
// registry it is a new one.
func Delays(r prometheus.Registerer) *prometheus.HistogramVec {
	return registered(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "gallerywire_notice_delay_seconds",
		Help:    "From the change to the target's answer, by channel; on NATS to the server's.",
		Buckets: prometheus.ExponentialBuckets(0.01, 4, 10),
	}, []string{"channel"}))
}

// registered registers c, or returns the collector that was registered as such
// before.
func registered[C prometheus.Collector](r prometheus.Registerer, c C) C {
	if r == nil {
		return c
	}
	err := r.Register(c)
	if before, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		return before.ExistingCollector.(C)
	}
	if err != nil {
		panic(err) // two metrics of one name are a mistake in the program
	}
	return c
}

// count counts the outcome of a delivery.
func (m metrics) count(n Notice, outcome string) {
	m.outcomes.WithLabelValues(n.Channel, outcome).Inc()
	if outcome == outcomeSent && !n.At.IsZero() {
		m.delay.WithLabelValues(n.Channel).Observe(max(m.box.opts.Now().Sub(n.At), 0).Seconds())
	}
}

var pendingDesc = prometheus.NewDesc("gallerywire_notices_owed",
	"Pending notices in shards, and targets that are retried, by channel.", []string{"channel"}, nil)

var deadDesc = prometheus.NewDesc("gallerywire_notices_dead", "Dead letters, by channel.", []string{"channel"}, nil)

// collect counts pending notices and dead letters when metrics are collected.
func (b *Outbox) collect(ch chan<- prometheus.Metric) {
	pending, dead := b.counts()
	for channel, n := range pending {
		ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(n), channel)
	}
	for channel, n := range dead {
		ch <- prometheus.MustNewConstMetric(deadDesc, prometheus.GaugeValue, float64(n), channel)
	}
}
