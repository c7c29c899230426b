package edition_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

func TestDateIsTheEndOfTheSecond(t *testing.T) {
	t.Parallel()
	second := time.Date(2026, 11, 23, 12, 0, 1, 0, time.UTC)
	for _, c := range []struct{ touched, want time.Time }{
		{second, second},
		{second.Add(1), second.Add(time.Second)},
		{second.Add(999 * time.Millisecond), second.Add(time.Second)},
		{second.In(time.FixedZone("", 3600)), second},
	} {
		if got := edition.Date(c.touched); got != c.want {
			t.Errorf("%v is dated %v, want %v", c.touched, got, c.want)
		}
	}
}

// Two changes come into one second. Whatever date a node gave out for the first, by a
// clock that is ahead, another node that knows only the second does not give out.
func TestNoDateOfTwoEditionsOnNodesWhoseClocksDiffer(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return time.Date(2026, 11, 23, 12, 0, 0, ms*1e6, time.UTC) }
	first, second := &edition.Edition{Touched: at(200)}, &edition.Edition{Touched: at(800)}
	for ahead := time.Duration(0); ahead <= edition.Skew; ahead += 100 * time.Millisecond {
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

// Whatever is served has a date once it is settled, and bytes that changed have
// another one, or none where the node received the change late.
func TestEveryKindOfFeedIsDated(t *testing.T) {
	t.Parallel()
	now := time.Now()
	n := startNode(t, func(o *options) {
		o.now = now
		o.feeds = []edition.Definition{
			{Name: "all", Title: "All", Items: 2},
			{Name: "none", Title: "None", Match: index.Match{Tags: []string{"nobody has this"}}},
		}
	})
	refs := []edition.Ref{
		{Kind: edition.Feed, Name: "all"}, {Kind: edition.Feed, Name: "all", Page: "newest"}, {Kind: edition.Feed, Name: "none"},
		{Kind: edition.Tag, Name: "night"}, {Kind: edition.Gallery, Name: "g0"},
	}
	revision := func(i, of int) *gallery.Gallery {
		return photo(fmt.Sprint("g", of), tags("night"), func(g *gallery.Gallery) {
			g.Title, g.Published, g.Updated = fmt.Sprint("Revision ", i), now.Add(-time.Hour), now.Add(time.Duration(i-10)*time.Minute)
		})
	}
	n.Publish(revision(0, 0), revision(0, 1), revision(0, 2))
	dates := func() (list []time.Time) {
		for _, ref := range refs {
			list = append(list, n.edition(ref).LastModified(n.Clock.Now()))
		}
		return list
	}
	if got := dates(); !slices.ContainsFunc(got[:2], time.Time.IsZero) {
		t.Errorf("dated %v at once", got)
	}
	n.Clock.Set(time.Now().Add(edition.Skew + 3*time.Second))
	settled := dates()
	if slices.ContainsFunc(settled, time.Time.IsZero) || !settled[2].Before(settled[0].Add(time.Second)) {
		t.Fatalf("dated %v, %s after the last change", settled, edition.Skew)
	}
	n.Publish(revision(1, 0)) // received late: the clock is ahead
	for i, got := range dates() {
		if changed := i != 2; got.IsZero() != changed {
			t.Errorf("%v is dated %v, its bytes changed: %t", refs[i], got, changed)
		}
	}
	n.Clock.Set(time.Now()) // the next is received at once
	n.Publish(revision(2, 0))
	n.Clock.Set(time.Now().Add(edition.Skew + 3*time.Second))
	for i, got := range dates() {
		if i != 2 && !got.IsZero() && !got.After(settled[i]) {
			t.Errorf("%v is dated %v as before, though its bytes changed", refs[i], got)
		}
	}
}
