package edition

import (
	"sync"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxFaults bounds how many faults are remembered as told.
const maxFaults = 10_000

// faults tells of a gallery that is left out once a revision, however many
// feeds and renderings leave it out.
type faults struct {
	tell func(Fault)
	mu   sync.Mutex
	told *simplelru.LRU[faultKey, struct{}]
}

type faultKey struct {
	id   string
	hash gallery.Hash
}

func newFaults(tell func(Fault)) *faults {
	if tell == nil {
		tell = func(Fault) {}
	}
	f := &faults{tell: tell}
	f.told, _ = simplelru.NewLRU[faultKey, struct{}](maxFaults, nil) // the only error is a size below one
	return f
}

// report tells of a gallery that is left out of a feed, or has none.
func (s *Shelf) report(f Fault) {
	if s.faults.news(f) {
		s.metrics.leftOut.Inc()
		s.opts.Logger.Error("a gallery is left out of a feed: publish it again, mended", "feed", f.Feed, "gallery", f.Gallery, "err", f.Reason)
	}
}

// news reports whether the fault was not told yet, and tells it then.
func (f *faults) news(x Fault) bool {
	key := faultKey{x.Gallery, x.Rank.Hash}
	f.mu.Lock()
	known := f.told.Contains(key)
	f.told.Add(key, struct{}{})
	f.mu.Unlock()
	if !known {
		f.tell(x)
	}
	return !known
}
