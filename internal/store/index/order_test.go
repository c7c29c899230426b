package index

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// revision is one of the gallery that was last updated so long after dawn; without
// changes it is a take-down.
func revision(id string, after time.Duration, change ...func(*gallery.Gallery)) Revision {
	g := &gallery.Gallery{ID: id, Title: id, Published: dawn}
	for _, f := range change {
		f(g)
	}
	r := Revision{ID: id, Rank: gallery.Rank{Updated: dawn.Add(after), Version: g.Version, Hash: gallery.HashOf(fmt.Append(nil, g))}, Gallery: g}
	if len(change) == 0 {
		r.Rank.TakeDown, r.Gallery, r.Reason = true, nil, fmt.Sprint("after ", after)
	}
	return r
}

// inEveryOrder adds the revisions to an index of its own for each order, the first of
// them twice, and calls check with it, and with one that was read anew.
func inEveryOrder(t *testing.T, revisions []Revision, check func(t *testing.T, order []int, w *world)) {
	for _, order := range orders(len(revisions)) {
		w := newWorld(t, 100)
		for _, i := range append(order, order[0]) {
			w.Add(revisions[i], w.now)
		}
		w.sequence = w.Revision()
		check(t, order, w)
		check(t, order, w.restart())
	}
}

// orders returns every order of the numbers below n.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, shorter := range orders(n - 1) {
		for i := range n {
			longer := append(append(append([]int{}, shorter[:i]...), n-1), shorter[i:]...)
			all = append(all, longer)
		}
	}
	return all
}

// Every order of the same events, one coming twice, ends in the same view and the same
// entries, but for what they left.
func TestEveryOrderEndsTheSame(t *testing.T) {
	t.Parallel()
	version := func(n int64) func(*gallery.Gallery) { return func(g *gallery.Gallery) { g.Version = n } }
	const equal = time.Hour
	for name, revisions := range map[string][]Revision{
		"publications": {
			revision("a", 0, in("")), revision("a", equal, version(1)), revision("a", equal, version(2), in("Sport")),
			revision("a", equal, version(2), in("Travel")), revision("b", 0, in("")),
		},
		"a take-down in the middle": {
			revision("a", 0, in("")), revision("a", equal, in("Sport")), revision("a", equal), revision("a", equal+1, in("")),
		},
		"a take-down that stays": {
			revision("a", 0, in("")), revision("a", equal, in("")), revision("a", equal), revision("b", 0), revision("b", 0, in("")),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := ""
			inEveryOrder(t, revisions, func(t *testing.T, order []int, w *world) {
				var got strings.Builder
				fmt.Fprintln(&got, idsOf(w.Select(Match{}, ByPublished).View(9, w.now).Entries))
				for _, key := range []string{"a", "b"} {
					if e := w.Record(key); e != nil {
						c := *e
						c.extra = extraOf(e.GUID(), e.Reason(), 0, nil, nil)
						line, err := c.Line()
						if err != nil {
							t.Fatal(err)
						}
						got.Write(append(line, '\n'))
					}
				}
				if want == "" {
					want = got.String()
				}
				if got.String() != want {
					t.Errorf("order %v ends in\n%s\nwant\n%s", order, &got, want)
				}
			})
		})
	}
}

// In whatever order revisions come, feeds say the same of what is gone.
func TestWithdrawalsInEveryOrder(t *testing.T) {
	t.Parallel()
	guid := func(text string) func(*gallery.Gallery) { return func(g *gallery.Gallery) { g.GUID = text } }
	type withdrawals struct{ All, Travel, Sport []string }
	for name, c := range map[string]struct {
		revisions []Revision
		want      withdrawals
	}{
		"taken down": {
			[]Revision{revision("a", 0, in("Travel"), guid("g")), revision("a", 1)},
			withdrawals{All: []string{"g after 1ns 1ns"}, Travel: []string{"g after 1ns 1ns"}},
		},
		"moved before": {
			[]Revision{revision("a", 0, in("Travel"), guid("g")), revision("a", 1, in("Sport"), guid("h")), revision("a", 2)},
			withdrawals{All: []string{"h after 2ns 2ns"}, Sport: []string{"h after 2ns 2ns"}},
		},
		"twice": {
			[]Revision{revision("a", 0, in("Travel")), revision("a", 1), revision("a", 2, in("Sport"), guid("h")), revision("a", 3)},
			withdrawals{All: []string{"h after 3ns 3ns"}, Sport: []string{"h after 3ns 3ns"}},
		},
		"under embargo": {
			[]Revision{revision("a", 0, in("Travel"), at(dawn.Add(time.Hour))), revision("a", 1)}, withdrawals{},
		},
		"under embargo, and once more after it": {
			[]Revision{revision("a", 0, in("Travel"), at(dawn.Add(2))), revision("a", 1), revision("a", 3)},
			withdrawals{All: []string{" after 3ns 3ns"}, Travel: []string{" after 3ns 3ns"}}, // in another order the first would not be known
		},
		"withheld at last": {
			[]Revision{revision("a", 0, in("Travel")), revision("a", 1, in("Travel"), withheld), revision("a", 2)}, withdrawals{},
		},
		"published again": {
			[]Revision{revision("a", 0, in("Travel")), revision("a", 1), revision("a", 2, in("Travel"))}, withdrawals{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEveryOrder(t, c.revisions, func(t *testing.T, order []int, w *world) {
				gone := func(m Match) (list []string) {
					for _, e := range w.Select(m, ByPublished).View(9, w.now.Add(time.Minute)).Gone {
						list = append(list, fmt.Sprint(e.GUID(), " ", e.Reason(), " ", e.Withdrawn().Sub(dawn)))
					}
					return list
				}
				got := withdrawals{gone(Match{}), gone(Match{Sections: []string{"Travel"}}), gone(Match{Sections: []string{"Sport"}})}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("order %v (-want +got):\n%s", order, diff)
				}
			})
		})
	}
}
