package page

import (
	"sync"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxCached bounds what a cache holds when it is all small.
const maxCached = 1 << 16

// cacheKey names what is shown of a gallery: its revision, and how many rights
// of its slides have run out.
type cacheKey struct {
	id    string
	hash  gallery.Hash
	phase int
}

func keyOf(e *catalogue.Entry, phase int) cacheKey {
	return cacheKey{id: e.ID, hash: e.Rank.Hash, phase: phase}
}

// cache keeps what was made of galleries; the least recently used goes when all
// is more than so many bytes.
type cache[V any] struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[cacheKey, V]
	size  func(V) int
	bytes int
	most  int
}

func newCache[V any](most int, size func(V) int) *cache[V] {
	c := &cache[V]{size: size, most: most}
	// The only error is a size below one.
	c.lru, _ = simplelru.NewLRU(maxCached, func(_ cacheKey, v V) { c.bytes -= size(v) })
	return c
}

func (c *cache[V]) get(key cacheKey) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(key)
}

// add keeps v unless it is there, or alone more than the cache may hold.
func (c *cache[V]) add(key cacheKey, v V) {
	size := c.size(v)
	if size > c.most {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lru.Contains(key) {
		return
	}
	c.lru.Add(key, v)
	c.bytes += size
	for c.bytes > c.most {
		c.lru.RemoveOldest()
	}
}
