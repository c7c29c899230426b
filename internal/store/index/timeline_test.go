package index

import (
	"testing"
	"time"
)

// A gallery that is revised any number of times long before it expires costs
// the memory of a few revisions.
func TestTimelineForgetsReplacedEntries(t *testing.T) {
	t.Parallel()
	x := New(Options{})
	end := dawn.Add(time.Hour)
	for revision := range uint64(10 * slack) {
		x.Apply("harbour", &Entry{ID: "harbour", Revision: revision + 1, end: end.Add(time.Duration(revision % 7)).UnixNano()}, dawn)
	}
	if got := len(x.upcoming.moments); got > slack+2 {
		t.Errorf("%d moments are kept for one gallery", got)
	}
	x.Apply("harbour", &Entry{ID: "harbour", Revision: 10*slack + 1, end: end.UnixNano()}, dawn)
	if at, ok := x.Next(); !ok || !at.Equal(end) {
		t.Errorf("next instant %s", at)
	}
}

func TestPositionIsThatOfAView(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	same := func(when string) {
		t.Helper()
		v := w.Select(Match{}, ByPublished).View(0, w.now)
		if got, want := w.Position(w.now), (Position{v.Epoch, v.Revision, v.Passed}); got != want {
			t.Errorf("%s it is %+v, of a view %+v", when, got, want)
		}
	}
	same("at first")
	w.publish("a", until(w.now.Add(time.Hour)))
	same("with a gallery")
	if got := w.Position(w.now).Revision; got != 1 {
		t.Errorf("revision %d", got)
	}
	w.now = w.now.Add(time.Hour)
	if got := w.Position(w.now).Passed; !got.Equal(w.now) {
		t.Errorf("an instant has come and %v has passed", got)
	}
	same("after it ended")
}
