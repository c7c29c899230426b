package index

import (
	"sync"
	"testing"
	"time"
)

// Who reads the clock and is not scheduled for a while does not look like a clock
// that was set back, however far others have gone on meanwhile.
func TestOldTimeOfAReaderIsNoClockSetBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	s := w.Select(Match{}, ByPublished)
	w.publish("a")
	before := len(w.changes)
	w.Advance(func() time.Time {
		s.View(9, w.now.Add(time.Minute))
		w.Apply("b", &Entry{ID: "b", Revision: 9, end: w.now.Add(72 * time.Hour).UnixNano()}, w.now.Add(time.Minute))
		return w.now
	})
	if v := s.View(9, w.now); !v.At.Equal(w.now.Add(time.Minute)) {
		t.Errorf("a view is as of %s", v.At)
	}
	for _, change := range w.changes[before:] {
		if change == (Change{}) {
			t.Error("everything is reported as changed")
		}
	}
}

// A view from before an expiry is at no moment fresh after it.
func TestNoViewIsFreshAfterAnInstant(t *testing.T) {
	t.Parallel()
	for range 500 {
		w := newWorld(t, 100)
		s := w.Select(Match{}, ByPublished)
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
