package edition

import (
	"sync"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxFaults bounds how many faults are remembered as logged.
const maxFaults = 10_000

// faults remembers which revisions of galleries were logged as left out: each is
// logged once, however many feeds and renderings leave it out.
type faults struct {
	mu     sync.Mutex
	logged *simplelru.LRU[faultKey, struct{}]
}

type faultKey struct {
	id   string
	hash gallery.Hash
}

func newFaults() *faults {
	logged, _ := simplelru.NewLRU[faultKey, struct{}](maxFaults, nil) // the only error is a size below one
	return &faults{logged: logged}
}

// report logs and counts a gallery that is left out of a feed, or has none.
func (s *Set) report(f Fault) {
	if s.faults.news(f) {
		s.metrics.leftOut.Inc()
		s.opts.Logger.Error("a gallery is left out of a feed: publish it again, mended", "feed", f.Feed, "gallery", f.Gallery, "err", f.Reason)
	}
}

// news reports whether this is the first fault of that revision.
func (f *faults) news(x Fault) bool {
	key := faultKey{x.Gallery, x.Rank.Hash}
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.logged.Contains(key)
	f.logged.Add(key, struct{}{})
	return !known
}
