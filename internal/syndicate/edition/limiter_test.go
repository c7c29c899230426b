package edition_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// Of many feeds on demand that are asked for at once a few are rendered at a time.
// Configured feeds and those that are announced do not wait for them.
func TestFewFeedsAreMadeAtATime(t *testing.T) {
	t.Parallel()
	const many = 100
	var under, most atomic.Int64
	release := make(chan struct{})
	n := startNode(t, func(o *options) {
		o.feeds = append(o.feeds, edition.Definition{Name: "free", Items: 50, Match: index.Match{Sections: []string{"Free"}}})
		o.onLoad = func(g *gallery.Gallery) {
			if g.Section == "Free" {
				return
			}
			now := under.Add(1)
			defer under.Add(-1)
			for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
			}
			<-release
		}
	})
	n.Publish(photo("free", section("Free"), tags("free"), author("Somebody")))
	for i := range many {
		n.Publish(photo(fmt.Sprint("g", i), tags(fmt.Sprint("tag ", i))))
	}
	var asking sync.WaitGroup
	var made, busy atomic.Int64
	for i := range many {
		asking.Go(func() {
			ref := edition.Ref{Kind: edition.Tag, Name: fmt.Sprint("tag-", i)}
			if i%2 == 0 {
				ref = edition.Ref{Kind: edition.Gallery, Name: fmt.Sprint("g", i)}
			}
			switch _, err := n.editions.Edition(t.Context(), ref); {
			case err == nil:
				made.Add(1)
			case errors.Is(err, edition.ErrUnavailable):
				busy.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	limit := int64(max(2*runtime.GOMAXPROCS(0), 4))
	storetest.Eventually(t, "the limiter is full", func() bool { return under.Load() == limit })

	n.edition(edition.Ref{Kind: edition.Feed, Name: "free"})
	if _, err := n.editions.Announce(t.Context(), edition.Ref{Kind: edition.Tag, Name: "free"}); err != nil {
		t.Errorf("a feed that is announced: %v", err)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, err := n.editions.Edition(left, edition.Ref{Kind: edition.Section, Name: "free"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a reader who left: %v", err)
	}
	// However many ask for the same feed, none waits for longer than one would.
	began := time.Now()
	for range 4 {
		asking.Go(func() {
			if _, err := n.editions.Edition(t.Context(), edition.Ref{Kind: edition.Author, Name: "somebody"}); !errors.Is(err, edition.ErrUnavailable) {
				t.Errorf("one of several readers: %v", err)
			}
			busy.Add(1)
		})
	}
	storetest.Eventually(t, "the others are refused", func() bool { return busy.Load() == many-limit+4 })
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("four readers of one feed waited %s", took)
	}
	close(release)
	asking.Wait()
	if most.Load() != limit || made.Load() != limit {
		t.Errorf("%d at a time, %d made, want %d", most.Load(), made.Load(), limit)
	}
	n.Clock.Set(noon.Add(2 * time.Second)) // readers who were refused come again a moment later
	n.edition(edition.Ref{Kind: edition.Tag, Name: "tag-1"})
}
