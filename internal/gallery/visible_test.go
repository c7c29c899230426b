package gallery

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func day(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }

func syndicate(yes bool) *bool { return &yes }

func TestVisibleAt(t *testing.T) {
	year9999 := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	tests := []struct {
		name    string
		gallery Gallery
		at      time.Time
		want    bool
	}{
		{"before publication", Gallery{Published: day(10)}, day(10).Add(-1), false},
		{"at publication", Gallery{Published: day(10)}, day(10), true},
		{"long after publication", Gallery{Published: day(10)}, day(10).AddDate(80, 0, 0), true},
		{"published in another zone", Gallery{Published: day(10).In(time.FixedZone("", -3600))}, day(10), true},
		{"before expiry", Gallery{Published: day(10), Expires: day(20)}, day(20).Add(-1), true},
		{"at expiry", Gallery{Published: day(10), Expires: day(20)}, day(20), false},
		{"expires before it is published", Gallery{Published: day(10), Expires: day(5)}, day(7), false},
		{"expires in the year 9999", Gallery{Published: day(10), Expires: year9999}, day(20), true},
		{"rights run", Gallery{Published: day(10), Rights: Rights{Until: day(20)}}, day(20).Add(-1), true},
		{"rights ran out", Gallery{Published: day(10), Rights: Rights{Until: day(20)}}, day(20), false},
		{"rights end before expiry", Gallery{Published: day(10), Expires: day(25), Rights: Rights{Until: day(20)}}, day(22), false},
		{"may not be syndicated", Gallery{Published: day(10), Rights: Rights{Syndicate: syndicate(false)}}, day(11), false},
		{"may be syndicated", Gallery{Published: day(10), Rights: Rights{Syndicate: syndicate(true)}}, day(11), true},
		{"may not be syndicated, whatever until says", Gallery{Published: day(10),
			Rights: Rights{Syndicate: syndicate(false), Until: day(20)}}, day(11), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.gallery.VisibleAt(tt.at); got != tt.want {
				t.Errorf("VisibleAt(%v) = %t", tt.at, got)
			}
		})
	}
}

func TestUpdatedAtIsTheLatestVisibleChange(t *testing.T) {
	ends := []Slide{{Rights: Rights{Until: day(12)}}, {Rights: Rights{Until: day(14)}}, {Rights: Rights{Until: day(13), Syndicate: syndicate(false)}}}
	for _, tt := range []struct {
		name     string
		gallery  Gallery
		at, want time.Time
	}{
		{"no slide ends", Gallery{Published: day(10), Updated: day(11)}, day(20), day(11)},
		{"no update", Gallery{Published: day(10)}, day(20), day(10)},
		{"under embargo after the update", Gallery{Published: day(10), Updated: day(5)}, day(20), day(10)},
		{"before a slide ends", Gallery{Published: day(10), Slides: ends}, day(12).Add(-1), day(10)},
		{"when a slide ends", Gallery{Published: day(10), Slides: ends}, day(12), day(12)},
		{"when a slide ends that was never shown", Gallery{Published: day(10), Slides: ends}, day(13), day(12)},
		{"when all ended", Gallery{Published: day(10), Slides: ends}, day(20), day(14)},
		{"slides ended before the update", Gallery{Published: day(10), Updated: day(15), Slides: ends}, day(20), day(15)},
	} {
		if got := tt.gallery.UpdatedAt(tt.at); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestSlideWithdrawn(t *testing.T) {
	for _, tt := range []struct {
		name               string
		published, updated time.Time
		rights             Rights
		at, want           time.Time // zero: it is not
	}{
		{"for good", day(10), day(10), Rights{}, day(20), time.Time{}},
		{"not yet", day(10), day(10), Rights{Until: day(12)}, day(12).Add(-1), time.Time{}},
		{"by the time", day(10), day(10), Rights{Until: day(12)}, day(12), day(12)},
		{"by a revision", day(10), day(15), Rights{Until: day(12)}, day(20), day(15)},
		{"before it was published", day(10), day(10), Rights{Until: day(10)}, day(20), time.Time{}},
		{"never shown", day(10), day(10), Rights{Until: day(12), Syndicate: syndicate(false)}, day(20), time.Time{}},
	} {
		g := Gallery{Published: tt.published, Updated: tt.updated, Slides: []Slide{{Rights: tt.rights}}}
		if got, ok := g.SlideWithdrawn(0, tt.at); !got.Equal(tt.want) || ok != !tt.want.IsZero() {
			t.Errorf("%s: %v, %t, want %v", tt.name, got, ok, tt.want)
		}
	}
}

func TestEndIsTheEarlierOfExpiryAndRights(t *testing.T) {
	never := time.Time{}
	for _, tt := range []struct{ expires, until, want time.Time }{
		{never, never, never},
		{day(5), never, day(5)},
		{never, day(5), day(5)},
		{day(5), day(6), day(5)},
		{day(6), day(5), day(5)},
		{day(5), day(5), day(5)},
	} {
		g := Gallery{Expires: tt.expires, Rights: Rights{Until: tt.until}}
		if got := g.End(); !got.Equal(tt.want) {
			t.Errorf("expires %v, rights until %v: End = %v, want %v", tt.expires, tt.until, got, tt.want)
		}
	}
}

// An index knows of a gallery only when it begins and ends.
func TestVisibleAtAgreesWithPublishedAndEnd(t *testing.T) {
	instants := []time.Time{{}, day(1), day(2), day(3)}
	for _, expires := range instants {
		for _, until := range instants {
			g := Gallery{Published: day(2), Expires: expires, Rights: Rights{Until: until}}
			for n := range 5 {
				at := day(n)
				want := !at.Before(g.Published) && (g.End().IsZero() || at.Before(g.End()))
				if got := g.VisibleAt(at); got != want {
					t.Errorf("expires %v, until %v, at %v: VisibleAt = %t, want %t", expires, until, at, got, want)
				}
			}
		}
	}
}

func rightsOf(yes *bool, until time.Time) Slide {
	return Slide{Rights: Rights{Syndicate: yes, Until: until}}
}

func TestSlidesAtLeavesOutSlidesWithoutRights(t *testing.T) {
	free, withheld := rightsOf(nil, time.Time{}), rightsOf(syndicate(false), time.Time{})
	short, long := rightsOf(syndicate(true), day(5)), rightsOf(nil, day(9))
	g := Gallery{Slides: []Slide{free, short, withheld, long, free}}
	for _, tt := range []struct {
		at   time.Time
		want []Slide
	}{
		{day(5).Add(-1), []Slide{free, short, long, free}},
		{day(5), []Slide{free, long, free}},
		{day(9), []Slide{free, free}},
	} {
		if diff := cmp.Diff(tt.want, g.SlidesAt(tt.at)); diff != "" {
			t.Errorf("at %v (-want +got):\n%s", tt.at, diff)
		}
	}
	if len(g.Slides) != 5 || g.Slides[1].Rights != short.Rights || g.Slides[2].Rights != withheld.Rights {
		t.Errorf("the gallery itself was changed: %v", g.Slides)
	}
}

func TestSlidesAtOfNoSlidesIsEmpty(t *testing.T) {
	if got := new(Gallery).SlidesAt(day(1)); len(got) != 0 {
		t.Errorf("SlidesAt = %v", got)
	}
}

func TestSlideEndsAreSortedUniqueAndOfSyndicatedSlides(t *testing.T) {
	elsewhere := day(5).In(time.FixedZone("", 7200))
	g := Gallery{Slides: []Slide{
		rightsOf(nil, day(9)), rightsOf(nil, day(5)), rightsOf(nil, time.Time{}), rightsOf(syndicate(false), day(3)),
		rightsOf(syndicate(true), day(7)), rightsOf(nil, elsewhere),
	}}
	want := []time.Time{day(5), day(7), day(9)}
	if diff := cmp.Diff(want, g.SlideEnds()); diff != "" {
		t.Errorf("SlideEnds (-want +got):\n%s", diff)
	}
	for _, end := range want {
		before, after := g.SlidesAt(end.Add(-1)), g.SlidesAt(end)
		if len(after) >= len(before) {
			t.Errorf("%d slides before %v and %d at it", len(before), end, len(after))
		}
	}
}
