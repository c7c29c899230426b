package cache

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Lookups counts what was looked for in memory and whether it was there. The zero
// value counts nothing.
type Lookups struct{ hit, miss prometheus.Counter }

// NewLookups returns the counter of a cache, under its name. r may be nil.
func NewLookups(r prometheus.Registerer, cache string) Lookups {
	all := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_cache_requests_total",
		Help: "What was looked for in memory, by cache and outcome: feeds that are current, rendered galleries, feeds of single galleries, and pages.",
	}, []string{"cache", "outcome"})
	if r != nil {
		err := r.Register(all)
		if before, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
			all = before.ExistingCollector.(*prometheus.CounterVec)
		} else if err != nil {
			panic(err) // two metrics of one name are a mistake in the program
		}
	}
	return Lookups{hit: all.WithLabelValues(cache, "hit"), miss: all.WithLabelValues(cache, "miss")}
}

// Count notes a lookup.
func (l Lookups) Count(hit bool) {
	switch {
	case l.hit == nil:
	case hit:
		l.hit.Inc()
	default:
		l.miss.Inc()
	}
}
