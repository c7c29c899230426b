// Package cache bounds, in bytes, what a node keeps in memory and what it renders at
// once. A key and a loader come in; the value goes out, loaded once for all callers who
// ask together. A caller who gives up cancels nothing for the others.
//
// All caches of a node share one [Budget]: together they never hold more than it
// allows, and the least recently used value of all caches goes first. A [Limiter] admits
// renderings as long as they and the responses that readers have not taken yet fit. The
// owner of a value reports how many bytes it holds.
package cache

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// errPanicked is the error for callers who waited for a load that panicked.
var errPanicked = errors.New("loading panicked")

// Budget is the number of bytes that caches may hold together. It is safe for
// concurrent use.
type Budget struct {
	mu     sync.Mutex
	most   int
	used   int    // of what is kept and what is pinned
	clock  uint64 // counts uses
	caches []evictor
}

// evictor is a cache as its budget needs it; the budget's lock is held.
type evictor interface {
	oldest() (used uint64, ok bool)
	evict()
}

// NewBudget returns a budget of so many bytes.
func NewBudget(bytes int) *Budget { return &Budget{most: bytes} }

// Most is how many bytes may be held.
func (b *Budget) Most() int { return b.most }

// Used is how many bytes are held, the pinned ones among them.
func (b *Budget) Used() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Collectors are Used and Most as metrics.
func (b *Budget) Collectors() []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gallerywire_cache_bytes",
			Help: "Bytes of documents, pages and rendered galleries kept in memory.",
		}, func() float64 { return float64(b.Used()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gallerywire_cache_limit_bytes",
			Help: "Bytes of documents, pages and rendered galleries that may be kept in memory.",
		}, func() float64 { return float64(b.Most()) }),
	}
}

// add counts n bytes and evicts what is too much. The lock is held.
func (b *Budget) add(n int) {
	b.used += n
	for b.used > b.most {
		var victim evictor
		var least uint64
		for _, c := range b.caches {
			if used, ok := c.oldest(); ok && (victim == nil || used < least) {
				victim, least = c, used
			}
		}
		if victim == nil {
			return // all of it is pinned
		}
		victim.evict()
	}
}

// tick returns the instant of a use. The lock is held.
func (b *Budget) tick() uint64 {
	b.clock++
	return b.clock
}

// Pin counts bytes that are kept whatever else is needed, such as the documents
// of configured feeds. They leave so much less for the caches. The zero value is
// not ready, see [Budget.NewPin].
type Pin struct {
	budget *Budget
	size   func() int
	last   int
}

// NewPin returns an empty pin. size returns how many bytes it holds; it must take no
// lock.
func (b *Budget) NewPin(size func() int) *Pin { return &Pin{budget: b, size: size} }

// Resize asks anew how many bytes it is.
func (p *Pin) Resize() {
	p.budget.mu.Lock()
	defer p.budget.mu.Unlock()
	n := p.size() - p.last
	p.last += n
	p.budget.add(n)
}
