package partner

import "github.com/prometheus/client_golang/prometheus"

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
