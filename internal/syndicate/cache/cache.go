package cache

import (
	"cmp"
	"context"
	"math"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Cache keeps values of one kind on a shared budget. A value that is larger than the
// whole budget is not kept. It is safe for concurrent use.
type Cache[K, V comparable] struct {
	budget  *Budget
	size    func(V) int
	dropped func(V)
	kept    *simplelru.LRU[K, *item[V]]
	loading map[K]*loading[V]
}

type item[V any] struct {
	value V
	size  int
	used  uint64
}

// loading is a load under way.
type loading[V any] struct {
	done  chan struct{}
	value V
	err   error
}

// Options make a cache.
type Options[V any] struct {
	Size    func(V) int // bytes that a value holds now; it must take no lock
	Dropped func(V)     // called with each value that is not kept any more; it must not use a cache; may be nil
	Most    int         // values; 0: only bytes count
}

// New returns an empty cache on that budget, for as long as the budget lasts.
func New[K, V comparable](b *Budget, o Options[V]) *Cache[K, V] {
	c := &Cache[K, V]{budget: b, size: o.Size, dropped: o.Dropped, loading: map[K]*loading[V]{}}
	// The only error is a size below one.
	c.kept, _ = simplelru.NewLRU(cmp.Or(o.Most, math.MaxInt), func(_ K, it *item[V]) {
		b.used -= it.size
		if c.dropped != nil {
			c.dropped(it.value)
		}
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.caches = append(b.caches, c)
	return c
}

// Get returns the value of key, if it is kept.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	return c.get(key)
}

func (c *Cache[K, V]) get(key K) (value V, ok bool) {
	it, ok := c.kept.Get(key)
	if ok {
		it.used = c.budget.tick()
		value = it.value
	}
	return value, ok
}

// Load returns the value of key. Where it is not kept, load makes it, once for
// all callers who ask meanwhile: they wait, each until its own ctx ends. load runs to
// its end even if all callers give up; its context has no end and no deadline. An error
// goes to all who waited, and is not kept.
func (c *Cache[K, V]) Load(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	c.budget.mu.Lock()
	if value, ok := c.get(key); ok {
		c.budget.mu.Unlock()
		return value, nil
	}
	l, others := c.loading[key]
	if !others {
		l = &loading[V]{done: make(chan struct{}), err: errPanicked}
		c.loading[key] = l
	}
	c.budget.mu.Unlock()
	if others {
		select {
		case <-l.done:
			return l.value, l.err
		case <-ctx.Done():
			var none V
			return none, context.Cause(ctx)
		}
	}
	defer func() {
		c.budget.mu.Lock()
		defer c.budget.mu.Unlock()
		delete(c.loading, key)
		if l.err == nil {
			c.put(key, l.value)
		}
		close(l.done)
	}()
	l.value, l.err = load(context.WithoutCancel(ctx))
	return l.value, l.err
}

// Put keeps value in place of what is kept under key.
func (c *Cache[K, V]) Put(key K, value V) {
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	c.put(key, value)
}

func (c *Cache[K, V]) put(key K, value V) {
	c.kept.Remove(key)
	size := c.size(value)
	if size > c.budget.most {
		if c.dropped != nil {
			c.dropped(value)
		}
		return
	}
	c.kept.Add(key, &item[V]{value: value, size: size, used: c.budget.tick()})
	c.budget.add(size)
}

// Resize asks anew how many bytes a value holds, if it is still the one that is
// kept under key.
func (c *Cache[K, V]) Resize(key K, value V) {
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	it, ok := c.kept.Peek(key)
	if !ok || it.value != value {
		return
	}
	size := c.size(value)
	if size > c.budget.most {
		c.kept.Remove(key)
		return
	}
	n := size - it.size
	it.size = size
	c.budget.add(n)
}

// Remove drops the value that is kept under key.
func (c *Cache[K, V]) Remove(key K) {
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	c.kept.Remove(key)
}

// Len is how many values are kept.
func (c *Cache[K, V]) Len() int {
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	return c.kept.Len()
}

func (c *Cache[K, V]) oldest() (used uint64, ok bool) {
	_, it, ok := c.kept.GetOldest()
	if ok {
		used = it.used
	}
	return used, ok
}

func (c *Cache[K, V]) evict() { c.kept.RemoveOldest() }
