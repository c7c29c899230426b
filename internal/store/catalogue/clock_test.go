package catalogue

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/google/go-cmp/cmp"
)

// A clock that was set back is noticed before long, though nobody asks.
func TestClockSetBackIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		back := time.Duration(0)
		now := func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(-back)
		}
		c := New(Options{Bucket: bucket.Options{Now: now, Logger: slog.New(slog.DiscardHandler)}})
		c.index.Fill(map[string]*index.Entry{}, now(), 0, now())
		for id, published := range map[string]time.Time{"a": now(), "soon": now().Add(time.Minute)} {
			c.index.Add(index.Revision{ID: id, Rank: gallery.Rank{Updated: now()}, Gallery: &gallery.Gallery{ID: id, Published: published}}, now())
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		wg.Go(func() { _ = c.KeepTime(ctx) })
		s := c.index.Select(index.Match{}, index.ByPublished)
		shown := func() (ids []string) {
			for _, e := range s.View(9, now()).Entries {
				ids = append(ids, e.ID)
			}
			return ids
		}
		<-time.After(2 * time.Minute)
		if got := shown(); !cmp.Equal(got, []string{"soon", "a"}) {
			t.Fatalf("shows %v", got)
		}
		mu.Lock()
		back = 100 * time.Second
		mu.Unlock()
		<-time.After(clockCheck + time.Second)
		if got := shown(); !cmp.Equal(got, []string{"a"}) {
			t.Errorf("shows %v at %s", got, now())
		}
	})
}
