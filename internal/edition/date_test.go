package edition

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/feed"
)

func TestDateIsTheEndOfTheSecond(t *testing.T) {
	second := time.Date(2026, 11, 23, 12, 0, 1, 0, time.UTC)
	for _, c := range []struct{ touched, want time.Time }{
		{second, second},
		{second.Add(1), second.Add(time.Second)},
		{second.Add(999 * time.Millisecond), second.Add(time.Second)},
		{second.In(time.FixedZone("", 3600)), second},
	} {
		if got := Date(c.touched); got != c.want {
			t.Errorf("%v is dated %v, want %v", c.touched, got, c.want)
		}
	}
}

// An index that lagged may have let an edition be served with the date that the
// next one would have.
func TestUndated(t *testing.T) {
	at := func(ms int) time.Time { return time.Date(2026, 11, 23, 12, 0, 0, ms*1e6, time.UTC) }
	made := func(etag string, ms int, undated bool) *Edition {
		return &Edition{Touched: at(ms), Undated: undated, Documents: []*feed.Document{{ETag: etag}}}
	}
	for _, c := range []struct {
		name      string
		before    *Edition
		etag      string
		touched   int
		now       int
		isUndated bool
	}{
		{"the first", nil, "a", 300, 400, false},
		{"in another second", made("a", 300, false), "b", 1500, 9000, false},
		{"in the same, before the other had a date", made("a", 300, false), "b", 900, 950, false},
		{"in the same, heard of before any clock had a date", made("a", 300, false), "b", 900, 6299, false},
		{"in the same, heard of too late", made("a", 300, false), "b", 900, 6300, true},
		{"the same bytes", made("a", 300, false), "a", 900, 9000, false},
		{"the same bytes of an undated one", made("a", 300, true), "a", 300, 9000, true},
		{"in the same second as an undated one", made("a", 300, true), "b", 900, 950, true},
		{"in the second after an undated one", made("a", 300, true), "b", 1900, 9000, false},
	} {
		if got := undated(made(c.etag, c.touched, false), c.before, at(c.now)); got != c.isUndated {
			t.Errorf("%s: %v, want %v", c.name, got, c.isUndated)
		}
	}
}

// Two changes come into one second. Whatever date a node gave out for the first, by a
// clock that is ahead, another node that knows only the second does not give out.
func TestNoDateOfTwoEditionsOnNodesWhoseClocksDiffer(t *testing.T) {
	at := func(ms int) time.Time { return time.Date(2026, 11, 23, 12, 0, 0, ms*1e6, time.UTC) }
	first, second := &Edition{Touched: at(200)}, &Edition{Touched: at(800)}
	for ahead := time.Duration(0); ahead <= Skew; ahead += 100 * time.Millisecond {
		for real := 200; real < 800; real += 50 {
			if got := first.LastModified(at(real).Add(ahead)); !got.IsZero() {
				t.Errorf("a node that is %s ahead gives out %s at %d ms", ahead, got, real)
			}
		}
	}
	for ms, want := range map[int]time.Time{800 + 5999: {}, 800 + 6000: at(1000), 1e6: at(1000)} {
		if got := second.LastModified(at(ms)); !got.Equal(want) {
			t.Errorf("at %d ms it is %s, want %s", ms, got, want)
		}
	}
}
