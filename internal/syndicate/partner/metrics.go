package partner

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// unknownPartner is in place of the name of a partner that there is not: clients choose those
// names. No partner can have it.
const unknownPartner = "(unknown)"

// result is how a request was judged.
type result int

const (
	admitted result = iota
	missingKey
	wrongKey
	endedKey // or one that is not good yet
	wrongNetwork
	tooMany
	results // how many there are
)

// String names the result in metrics.
func (r result) String() string {
	return [results]string{"admitted", "missing_key", "wrong_key", "ended_key", "network", "too_many"}[r]
}

func requestsCounter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_partner_requests_total",
		Help: "Requests to addresses of partners, by partner and result: admitted, missing_key, wrong_key, ended_key, network, too_many.",
	}, []string{"partner", "result"})
}

var (
	byPartner       = []string{"partner"}
	lastRequestDesc = prometheus.NewDesc("gallerywire_partner_last_request_timestamp_seconds",
		"When this node last admitted a request of the partner; when it started, before the first one.", byPartner, nil)
	pollEveryDesc = prometheus.NewDesc("gallerywire_partner_poll_every_seconds",
		"How often the partner is expected to ask, where poll_every says so.", byPartner, nil)
	keysEndDesc = prometheus.NewDesc("gallerywire_partner_keys_end_timestamp_seconds",
		"When the partner will have no good key, if none is added; 0 if it has none now, +Inf if one never ends.", byPartner, nil)
)

// gauges collects what is known of each partner.
type gauges struct{ *Access }

// Describe implements [prometheus.Collector].
func (gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- lastRequestDesc
	ch <- pollEveryDesc
	ch <- keysEndDesc
}

// Collect implements [prometheus.Collector].
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	send := func(desc *prometheus.Desc, value float64, partner string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, partner)
	}
	for name, one := range g.accounts {
		send(lastRequestDesc, float64(max(one.lastUse(), g.started.Unix())), name)
		if one.PollEvery > 0 {
			send(pollEveryDesc, one.PollEvery.Seconds(), name)
		}
		send(keysEndDesc, one.keysEnd(time.Now()), name)
	}
}

// keysEnd is the first instant at which none of the keys is good, in Unix seconds; 0: none
// is good now. The mutex of Access is held.
func (one *account) keysEnd(now time.Time) float64 {
	at := now
	for {
		var next time.Time
		for _, k := range one.keys[:len(one.Keys)] {
			switch {
			case k.file.Problem != nil || !k.goodAt(at):
			case k.Until.IsZero():
				return math.Inf(1)
			case k.Until.After(next):
				next = k.Until
			}
		}
		if next.IsZero() {
			break
		}
		at = next
	}
	if at.Equal(now) {
		return 0
	}
	return float64(at.Unix())
}
