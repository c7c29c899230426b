package edition

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// logged remembers which revisions of galleries were logged as left out: each is
// logged once, however many feeds and renderings leave it out.
type logged struct {
	mu        sync.Mutex
	revisions *simplelru.LRU[itemKey, struct{}]
}

// report logs and counts a gallery that is left out of a feed, or has none, unless
// that was done for this revision.
func (s *Set) report(l LeftOut) {
	key := itemKey{id: l.Gallery, hash: l.Rank.Hash}
	s.logged.mu.Lock()
	known := s.logged.revisions.Contains(key)
	s.logged.revisions.Add(key, struct{}{})
	s.logged.mu.Unlock()
	if !known {
		s.metrics.leftOut.Inc()
		s.opts.Logger.Error("a gallery is left out of a feed: correct it and publish it again", "feed", l.Feed, "gallery", l.Gallery, "err", l.Reason)
	}
}
