package catalogue

import (
	"testing"
	"time"
)

// A gallery that is revised any number of times long before it expires costs
// the memory of a few revisions.
func TestTimelineForgetsWhatWasReplaced(t *testing.T) {
	x := newIndex(Options{Changed: func(Change) {}, ArchivePage: 100})
	now := time.Now().UnixNano()
	end := now + int64(time.Hour)
	for revision := range uint64(10 * slack) {
		x.apply("harbour", &Entry{ID: "harbour", Revision: revision + 1, end: end}, now)
	}
	if got := len(x.upcoming); got > slack+2 {
		t.Errorf("%d moments are kept for one gallery", got)
	}
	if at, ok := x.next(); !ok || at.UnixNano() != end {
		t.Errorf("next instant %s", at)
	}
}
