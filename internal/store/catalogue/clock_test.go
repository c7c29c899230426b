package catalogue

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Who reads the clock and is not scheduled for a while does not look like a clock
// that was set back, however far others have gone on meanwhile.
func TestTimeThatPassedMeanwhileIsNoClockSetBack(t *testing.T) {
	w := newWorld(t, 100)
	s := w.catalogue.Select(Match{})
	w.publish("a")
	before := len(w.told)
	w.catalogue.index.tick(func() time.Time {
		s.View(9, w.now.Add(time.Minute))
		w.catalogue.index.apply("b", &Entry{ID: "b", Revision: 9, end: w.now.Add(72 * time.Hour).UnixNano()}, w.now.Add(time.Minute).UnixNano())
		return w.now
	})
	if v := s.View(9, w.now); !v.At.Equal(w.now.Add(time.Minute)) {
		t.Errorf("a view is as of %s", v.At)
	}
	for _, change := range w.told[before:] {
		if change == (Change{}) {
			t.Error("everything is said to have changed")
		}
	}
}

// A clock that was set back is noticed before long, though nobody asks.
func TestAClockSetBackIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100)
		var mu sync.Mutex
		back := time.Duration(0)
		w.catalogue.opts.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(-back)
		}
		w.now = time.Now()
		w.catalogue.index.fill(map[string]*Entry{}, dawn, 0, w.now.UnixNano())
		s := w.catalogue.Select(Match{})
		w.publish("a")
		w.publish("soon", at(w.now.Add(time.Minute)))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		wg.Go(func() { w.catalogue.keepTime(ctx) })
		<-time.After(2 * time.Minute)
		if got := idsOf(s.View(9, time.Now()).Entries); !cmp.Equal(got, []string{"soon", "a"}) {
			t.Fatalf("shows %v", got)
		}
		mu.Lock()
		back = 100 * time.Second
		mu.Unlock()
		<-time.After(clockCheck + time.Second)
		if got := idsOf(s.View(9, w.catalogue.opts.Now()).Entries); !cmp.Equal(got, []string{"a"}) {
			t.Errorf("shows %v at %s", got, w.catalogue.opts.Now())
		}
	})
}

// A view from before an expiry is at no moment fresh after it.
func TestAViewIsNeverFreshAfterAnInstant(t *testing.T) {
	for range 2000 {
		w := newWorld(t, 100)
		s := w.catalogue.Select(Match{})
		end := w.now.Add(time.Second)
		w.publish("a", until(end))
		generation := s.View(9, w.now).Generation
		var wg sync.WaitGroup
		begin := make(chan struct{})
		wg.Go(func() {
			<-begin
			s.View(9, end)
		})
		wg.Go(func() {
			<-begin
			for range 50 {
				if s.Fresh(generation, end) {
					t.Error("it is")
				}
			}
		})
		close(begin)
		wg.Wait()
	}
}
