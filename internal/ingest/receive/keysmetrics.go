package receive

import (
	"github.com/prometheus/client_golang/prometheus"
)

// What stands in place of the name of a key, which no key can have.
const (
	nobodysLabel  = "(unknown)"  // requests without a right key
	loopbackLabel = "(loopback)" // those that need none
)

// result is how a request was judged.
type result int

const (
	admitted result = iota
	missingKey
	wrongKey
	tooMany  // wrong keys from that network
	noBody   // it could not be read, so the signature could not be verified
	overRate // of events of an admitted sender
	results  // how many there are
)

// String names the result in metrics.
func (r result) String() string {
	return [results]string{"admitted", "missing_key", "wrong_key", "too_many", "no_body", "over_rate"}[r]
}

func requestsCounter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_intake_requests_total",
		Help: "Requests with events, by key and result: admitted, missing_key, wrong_key, too_many, no_body; and over_rate, of those that were admitted.",
	}, []string{"key", "result"})
}

var (
	byKey           = []string{"key"}
	lastRequestDesc = prometheus.NewDesc("gallerywire_intake_key_last_request_timestamp_seconds",
		"When this node last admitted a request with the key; when it started, before the first one.", byKey, nil)
	problemDesc = prometheus.NewDesc("gallerywire_intake_key_unreadable",
		"1 while the file of the key is wrong or cannot be read; the status says why.", byKey, nil)
)

// gauges collects what is known of each key.
type gauges struct{ *Keys }

// Describe implements [prometheus.Collector].
func (gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- lastRequestDesc
	ch <- problemDesc
}

// Collect implements [prometheus.Collector].
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	for _, s := range g.States() {
		last, problem := g.started, 0.0
		if !s.Used.IsZero() {
			last = s.Used
		}
		if s.Problem != "" {
			problem = 1
		}
		ch <- prometheus.MustNewConstMetric(lastRequestDesc, prometheus.GaugeValue, float64(last.Unix()), s.Name)
		ch <- prometheus.MustNewConstMetric(problemDesc, prometheus.GaugeValue, problem, s.Name)
	}
}
