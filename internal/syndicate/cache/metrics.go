package cache

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Lookups counts lookups in a cache, and how many of them found something. The zero
// value counts nothing.
type Lookups struct{ hit, miss prometheus.Counter }

// NewLookups returns the counter of a cache, under its name. r may be nil.
func NewLookups(r prometheus.Registerer, cache string) Lookups {
	all := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gallerywire_cache_requests_total",
		Help: "Lookups in memory, by cache (current feeds, rendered galleries, feeds of single galleries, pages) and outcome.",
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
