package edition

import (
	"sync"

	"github.com/gallerywire/gallerywire/internal/feed"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cache keeps values, the least recently used of which go when they are too
// many or too many bytes together. The newest stays, however large it is.
type cache[K, V comparable] struct {
	mu    sync.Mutex
	kept  *simplelru.LRU[K, weighed[V]]
	bytes int
	most  int
}

type weighed[V any] struct {
	value V
	size  int // in bytes
}

// newCache returns a cache of so many values and bytes. It tells gone, which
// may be nil, of each value that goes; gone must not use the cache.
func newCache[K, V comparable](values, bytes int, gone func(V)) *cache[K, V] {
	c := &cache[K, V]{most: bytes}
	// The only error is a size below one.
	c.kept, _ = simplelru.NewLRU(values, func(_ K, w weighed[V]) {
		c.bytes -= w.size
		if gone != nil {
			gone(w.value)
		}
	})
	return c
}

// get returns the zero value where there is none.
func (c *cache[K, V]) get(key K) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	w, _ := c.kept.Get(key)
	return w.value
}

// add keeps the value unless there is one.
func (c *cache[K, V]) add(key K, value V, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.kept.Contains(key) {
		c.put(key, weighed[V]{value, size})
	}
}

// getOrMake returns the value that fits, making one where there is none. While
// it does, all others wait.
func (c *cache[K, V]) getOrMake(key K, fits func(V) bool, make func() V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.kept.Get(key); ok && fits(w.value) {
		return w.value
	}
	c.kept.Remove(key)
	value := make()
	c.put(key, weighed[V]{value: value})
	return value
}

// weigh says how large a value has become, if it is still kept.
func (c *cache[K, V]) weigh(key K, value V, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.kept.Peek(key); ok && w.value == value {
		c.bytes -= w.size
		c.put(key, weighed[V]{value, size})
	}
}

func (c *cache[K, V]) put(key K, w weighed[V]) {
	c.kept.Add(key, w)
	c.bytes += w.size
	for c.bytes > c.most && c.kept.Len() > 1 {
		c.kept.RemoveOldest()
	}
}

// itemKey names what a rendered gallery is a function of.
type itemKey struct {
	id      string
	hash    gallery.Hash
	phase   int
	content feed.Content
}

// maxItems bounds the rendered galleries that are kept. It is their bytes that
// count.
const maxItems = 1 << 20

func newItemCache(bytes int) *cache[itemKey, *feed.Item] {
	return newCache[itemKey, *feed.Item](maxItems, bytes, nil)
}
