package outbox

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// meter counts what becomes of notices, by channel.
type meter struct {
	outcomes *prometheus.CounterVec
	delay    *prometheus.HistogramVec
	box      *Outbox
}

func newMeter(b *Outbox, r prometheus.Registerer) meter {
	if r != nil {
		r.MustRegister(owing{b})
	}
	m := meter{box: b, outcomes: Outcomes(r), delay: Delays(r)}
	for channel := range b.opts.Routes {
		for _, outcome := range []string{outcomeSent, outcomeRetried, outcomeDead} {
			m.outcomes.WithLabelValues(channel, outcome) // there from the start, so that the first counts as an increase
		}
	}
	return m
}

// Outcomes of a notice.
const (
	outcomeSent    = "sent"
	outcomeRetried = "retried"
	outcomeDead    = "dead"
)

// Outcomes returns r's counter of notices by channel and outcome, in which those
// count too who tell of changes in another way. Without a registry it is a new
// one.
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

func (m meter) sent(n Notice) {
	m.outcomes.WithLabelValues(n.Channel, outcomeSent).Inc()
	if !n.At.IsZero() {
		m.delay.WithLabelValues(n.Channel).Observe(max(m.box.opts.Now().Sub(n.At), 0).Seconds())
	}
}

func (m meter) retried(n Notice) { m.outcomes.WithLabelValues(n.Channel, outcomeRetried).Inc() }

func (m meter) dead(n Notice) { m.outcomes.WithLabelValues(n.Channel, outcomeDead).Inc() }

// owing tells how much is owed when it is asked.
type owing struct{ box *Outbox }

var owedDesc = prometheus.NewDesc("gallerywire_notices_owed",
	"What is owed: notices in shards that are not told yet, and targets that are tried again, by channel.", []string{"channel"}, nil)

var deadDesc = prometheus.NewDesc("gallerywire_notices_dead", "Dead letters kept, by channel.", []string{"channel"}, nil)

// Describe implements [prometheus.Collector].
func (owing) Describe(ch chan<- *prometheus.Desc) {
	ch <- owedDesc
	ch <- deadDesc
}

// Collect implements [prometheus.Collector].
func (o owing) Collect(ch chan<- prometheus.Metric) {
	owed, dead := o.box.owing()
	for channel, n := range owed {
		ch <- prometheus.MustNewConstMetric(owedDesc, prometheus.GaugeValue, float64(n), channel)
	}
	for channel, n := range dead {
		ch <- prometheus.MustNewConstMetric(deadDesc, prometheus.GaugeValue, float64(n), channel)
	}
}

// Pending returns by channel how much is owed: notices in shards that are not told
// yet, and targets that are tried again. It reads memory only.
func (b *Outbox) Pending() map[string]int {
	owed, _ := b.owing()
	return owed
}

// EachOwed calls f with what Owed counts of a channel. It reads memory only, and f
// must not call the outbox.
func (b *Outbox) EachOwed(channel string, f func(Notice)) {
	b.book.read(func(shards []part, _ map[string]*late) {
		for _, part := range shards {
			for _, o := range part.owed {
				if o.Notice.Channel == channel {
					f(o.Notice)
				}
			}
			for _, l := range part.late {
				if l.Notice.Channel == channel {
					f(l.Notice)
				}
			}
		}
	})
}

// owing counts what is owed, and the dead letters, by channel: also of channels
// of which nothing is.
func (b *Outbox) owing() (owed, dead map[string]int) {
	owed, dead = map[string]int{}, map[string]int{}
	for channel := range b.opts.Routes {
		owed[channel], dead[channel] = 0, 0
	}
	b.book.read(func(shards []part, letters map[string]*late) {
		for _, part := range shards {
			for _, o := range part.owed {
				owed[o.Notice.Channel]++
			}
			for _, l := range part.late {
				owed[l.Notice.Channel]++
			}
		}
		for _, l := range letters {
			dead[l.Notice.Channel]++
		}
	})
	return owed, dead
}
