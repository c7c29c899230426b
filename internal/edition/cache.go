package edition

import (
	"sync"

	"github.com/gallerywire/gallerywire/internal/feed"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// itemKey names what a rendered gallery is a function of.
type itemKey struct {
	id      string
	hash    gallery.Hash
	phase   int
	content feed.Content
}

// itemCache keeps rendered galleries, the least recently used of which go when
// they are more than so many bytes together.
type itemCache struct {
	mu    sync.Mutex
	items *simplelru.LRU[itemKey, *feed.Item]
	bytes int
	most  int
}

func newItemCache(most int) *itemCache {
	c := &itemCache{most: most}
	// The only error is a size below one. The bytes are the bound that counts.
	c.items, _ = simplelru.NewLRU(1<<20, func(_ itemKey, item *feed.Item) { c.bytes -= item.Size() })
	return c
}

func (c *itemCache) get(key itemKey) *feed.Item {
	c.mu.Lock()
	defer c.mu.Unlock()
	item, _ := c.items.Get(key)
	return item
}

func (c *itemCache) add(key itemKey, item *feed.Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items.Contains(key) {
		return
	}
	c.items.Add(key, item)
	c.bytes += item.Size()
	for c.bytes > c.most && c.items.Len() > 1 {
		c.items.RemoveOldest()
	}
}
