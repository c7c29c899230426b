package catalogue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/google/go-cmp/cmp"
)

func remember(o *catalogue.Options) { o.Index.Tombstones = 24 * time.Hour }

// told is what feeds say is gone.
type told struct{ All, Travel, Sport []string }

func toldBy(c *catalogue.Catalogue) told {
	gone := func(m index.Match) (list []string) {
		for _, e := range c.Index().Select(m, index.ByPublished).View(9, time.Now()).Gone {
			list = append(list, fmt.Sprint(e.GUID(), " ", e.Reason(), " ", e.Withdrawn().Sub(noon)))
		}
		return list
	}
	section := func(name string) index.Match { return index.Match{Sections: []string{name}} }
	return told{gone(index.Match{}), gone(section("Travel")), gone(section("Sport"))}
}

// In whatever order revisions come, feeds say the same of what is gone.
func TestWhatIsGoneInAnyOrder(t *testing.T) {
	down := func(at time.Duration, reason string) func(string) catalogue.Revision {
		return func(id string) catalogue.Revision {
			r := takeDown(id, noon.Add(at))
			r.Reason = reason
			return r
		}
	}
	up := func(at time.Duration, change ...func(*gallery.Gallery)) func(string) catalogue.Revision {
		return func(id string) catalogue.Revision { return revision(t, id, noon.Add(at), change...) }
	}
	for name, c := range map[string]struct {
		events []func(string) catalogue.Revision
		want   told
	}{
		"taken down": {
			[]func(string) catalogue.Revision{up(0, section("Travel"), guid("g")), down(1, "legal")},
			told{All: []string{"g legal 1ns"}, Travel: []string{"g legal 1ns"}},
		},
		"moved before": {
			[]func(string) catalogue.Revision{up(0, section("Travel"), guid("g")), up(1, section("Sport"), guid("h")), down(2, "legal")},
			told{All: []string{"h legal 2ns"}, Sport: []string{"h legal 2ns"}},
		},
		"twice": {
			[]func(string) catalogue.Revision{up(0, section("Travel")), down(1, "early"), up(2, section("Sport"), guid("h")), down(3, "legal")},
			told{All: []string{"h legal 3ns"}, Sport: []string{"h legal 3ns"}},
		},
		"under embargo": {
			[]func(string) catalogue.Revision{up(0, section("Travel"), published(noon.Add(time.Hour))), down(1, "legal")}, told{},
		},
		"under embargo, and once more after it": {
			[]func(string) catalogue.Revision{up(0, section("Travel"), published(noon.Add(2))), down(1, "early"), down(3, "legal")},
			told{All: []string{" legal 3ns"}, Travel: []string{" legal 3ns"}}, // in another order the first would not be known
		},
		"withheld at last": {
			[]func(string) catalogue.Revision{up(0, section("Travel")), up(1, section("Travel"), withheld), down(2, "legal")}, told{},
		},
		"published again": {
			[]func(string) catalogue.Revision{up(0, section("Travel")), down(1, "early"), up(2, section("Travel"))}, told{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, order := range orders(len(c.events)) {
				b := brokertest.Start(t)
				one := start(t, b, remember)
				for _, i := range append(order, order[0]) {
					if _, err := one.Put(t.Context(), c.events[i]("harbour")); err != nil {
						t.Fatal(err)
					}
				}
				again := start(t, b, remember)
				if err := one.Wait(t.Context(), again.Index().Revision()); err != nil {
					t.Fatal(err)
				}
				for _, c2 := range []*catalogue.Catalogue{one, again} {
					if diff := cmp.Diff(c.want, toldBy(c2)); diff != "" {
						t.Errorf("order %v (-want +got):\n%s", order, diff)
					}
				}
			}
		})
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

// What a take-down knows is not written again and again.
func TestALatePublicationIsLearntFromOnce(t *testing.T) {
	b := brokertest.Start(t)
	c := start(t, b, remember)
	down := takeDown("harbour", noon.Add(time.Hour))
	down.Event = []byte(`{"kind":"article.unpublished"}`)
	put(t, c, down)
	before := record(t, b, "harbour")
	for range 3 {
		for _, at := range []time.Duration{2, 1} {
			if outcome, err := c.Put(t.Context(), revision(t, "harbour", noon.Add(at), section("Travel"))); err != nil || outcome != catalogue.Superseded {
				t.Fatalf("%q, %v", outcome, err)
			}
		}
	}
	after := record(t, b, "harbour")
	if after.Sequence != before.Sequence+1 {
		t.Errorf("written %d times", after.Sequence-before.Sequence)
	}
	if string(after.Data) != string(before.Data) || after.Header.Get("Gallerywire-Event") != string(down.Event) {
		t.Error("the take-down itself was changed")
	}
	if outcome, err := c.Put(t.Context(), down); err != nil || outcome != catalogue.Unchanged {
		t.Errorf("the take-down again: %q, %v", outcome, err)
	}
}
