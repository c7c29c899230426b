package index

import (
	"slices"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// gone is what feeds say is gone, in the process that ran and in one that
// starts now.
func gone(t *testing.T, w *world, m Match) []string {
	t.Helper()
	ran := idsOf(w.Select(m, ByPublished).View(9, w.now).Gone)
	if diff := cmp.Diff(idsOf(w.restart().Select(m, ByPublished).View(9, w.now).Gone), ran); diff != "" {
		t.Errorf("gone (-restarted +ran):\n%s", diff)
	}
	return ran
}

func TestTakeDownIsForgottenAfterTombstoneAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	s := w.Select(Match{}, ByPublished)
	w.publish("a", func(g *gallery.Gallery) { g.GUID = "https://old.example.com/?p=17" })
	w.publish("b")
	w.pass(time.Minute)
	w.takeDown("a")
	w.pass(time.Minute)
	w.takeDown("b")
	v := s.View(9, w.now)
	if !cmp.Equal(idsOf(v.Gone), []string{"b", "a"}) || len(v.Entries) != 0 || len(s.View(1, w.now).Gone) != 1 {
		t.Fatalf("gone are %v", idsOf(v.Gone))
	}
	a := v.Gone[1]
	if a.GUID() != "https://old.example.com/?p=17" || a.Reason() != "asked for" || !a.Withdrawn().Equal(dawn.Add(time.Minute)) {
		t.Errorf("remembers %q, %q, %s", a.GUID(), a.Reason(), a.Withdrawn())
	}
	ends := dawn.Add(time.Minute + 24*time.Hour)
	if !s.Fresh(v.Generation, ends.Add(-1)) || s.Fresh(v.Generation, ends) {
		t.Error("the view does not turn stale when the first is forgotten")
	}
	w.now = ends
	v = s.View(9, w.now)
	if !cmp.Equal(idsOf(v.Gone), []string{"b"}) || !v.Touched.Equal(ends) {
		t.Errorf("then gone are %v, touched at %s", idsOf(v.Gone), v.Touched)
	}
	if got := w.restart().Select(Match{}, ByPublished).View(9, w.now).Touched; !got.Equal(ends) {
		t.Errorf("after a restart touched at %s", got)
	}
	w.pass(time.Hour)
	if got := gone(t, w, Match{}); len(got) != 0 {
		t.Errorf("for ever gone are %v", got)
	}
	if e := w.Find("a"); e == nil || !e.Rank.TakeDown || e.Reason() != "asked for" {
		t.Error("the take-down itself is forgotten")
	}
}

// A take-down may be dated like the revision that it takes down, years ago.
func TestTombstoneOfAnOldTakeDownBeginsWhenStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	old := gallery.Rank{Updated: dawn.AddDate(-3, 0, 0)}
	w.apply(Revision{ID: "a", Rank: old, Gallery: &gallery.Gallery{ID: "a", Published: old.Updated}})
	old.TakeDown = true
	w.apply(Revision{ID: "a", Rank: old})
	w.pass(24*time.Hour - 1)
	if got := gone(t, w, Match{}); !cmp.Equal(got, []string{"a"}) {
		t.Errorf("gone are %v", got)
	}
	w.pass(1)
	if got := gone(t, w, Match{}); len(got) != 0 {
		t.Errorf("a day later gone are %v", got)
	}
}

func TestWithdrawalsShowWhereTheGalleryWas(t *testing.T) {
	t.Parallel()
	travel, sport := Match{Sections: []string{"Travel"}}, Match{Sections: []string{"Sport"}}
	for _, c := range []struct {
		name          string
		do            func(w *world)
		travel, sport []string
	}{
		{"taken down", func(w *world) { w.publish("a", in("Travel")); w.takeDown("a") }, []string{"a"}, nil},
		{"taken down twice", func(w *world) { w.publish("a", in("Travel")); w.takeDown("a"); w.pass(1); w.takeDown("a") }, []string{"a"}, nil},
		{"published again", func(w *world) { w.publish("a", in("Travel")); w.takeDown("a"); w.pass(1); w.publish("a", in("Travel")) }, nil, nil},
		{"moved, then taken down", func(w *world) { w.publish("a", in("Travel")); w.publish("a", in("Sport")); w.takeDown("a") }, nil, []string{"a"}},
		{"taken down from one, then from the other", func(w *world) {
			w.publish("a", in("Travel"))
			w.takeDown("a")
			w.pass(1)
			w.publish("a", in("Sport"))
			w.takeDown("a")
		}, nil, []string{"a"}}, // in another order the first would not be known
		{"never there", func(w *world) { w.takeDown("a") }, nil, nil},
		{"under embargo", func(w *world) { w.publish("a", in("Travel"), at(w.now.Add(time.Hour))); w.takeDown("a") }, nil, nil},
		{"withheld", func(w *world) { w.publish("a", in("Travel"), withheld); w.takeDown("a") }, nil, nil},
		{"expired before", func(w *world) {
			w.publish("a", in("Travel"), until(w.now.Add(time.Hour)))
			w.pass(2 * time.Hour)
			w.takeDown("a")
		}, []string{"a"}, nil},
		{"moved on and on before", func(w *world) {
			for _, s := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "Travel"} {
				w.publish("a", in(s))
			}
			w.takeDown("a")
		}, []string{"a"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 100)
			// Those that watch all the time, and those that begin to look now.
			watching := []*Selection{w.Select(travel, ByPublished), w.Select(sport, ByUpdated)}
			c.do(w)
			for i, want := range [][]string{c.travel, c.sport} {
				got := [][]string{gone(t, w, []Match{travel, sport}[i]), idsOf(watching[i].View(9, w.now).Gone)}
				for _, got := range got {
					if len(got) != len(want) || len(got) > 0 && !cmp.Equal(got, want) {
						t.Errorf("gone from %s: %v, want %v", []string{"Travel", "Sport"}[i], got, want)
					}
				}
			}
		})
	}
}

func TestTakeDownsWithoutTombstone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	w.opts.Tombstones = 0
	w.publish("a")
	rank := gallery.Rank{Updated: w.now.Add(time.Hour), TakeDown: true}
	w.apply(Revision{ID: "a", Rank: rank})
	if got := gone(t, w, Match{}); len(got) != 0 {
		t.Errorf("gone are %v", got)
	}
}

// By update, a corrected gallery moves to the top; by publication it stays.
func TestOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	published, updated := w.Select(Match{}, ByPublished), w.Select(Match{}, ByUpdated)
	for _, id := range []string{"a", "b", "c"} {
		w.pass(time.Hour)
		w.publish(id)
	}
	w.pass(time.Hour)
	w.publish("a", at(dawn.Add(time.Hour)))
	w.publish("soon", at(w.now.Add(time.Hour)))
	w.pass(time.Minute)
	w.publish("late", at(dawn))
	check := func(when string, byPublished, byUpdated []string) {
		t.Helper()
		for _, x := range []*world{w, w.restart()} {
			p, u := published, updated
			if x != w {
				p, u = x.Select(Match{}, ByPublished), x.Select(Match{}, ByUpdated)
			}
			if diff := cmp.Diff(byPublished, idsOf(p.View(9, w.now).Entries)); diff != "" {
				t.Errorf("%s, by publication (-want +got):\n%s", when, diff)
			}
			if diff := cmp.Diff(byUpdated, idsOf(u.View(9, w.now).Entries)); diff != "" {
				t.Errorf("%s, by update (-want +got):\n%s", when, diff)
			}
			if p.LenAt(w.now) != len(byPublished) || u.LenAt(w.now) != len(byUpdated) {
				t.Errorf("%s: counts %d and %d", when, p.LenAt(w.now), u.LenAt(w.now))
			}
		}
	}
	check("under embargo", []string{"c", "b", "a", "late"}, []string{"late", "a", "c", "b"})
	w.pass(time.Hour)
	check("after it", []string{"soon", "c", "b", "a", "late"}, []string{"soon", "late", "a", "c", "b"})
	w.takeDown("late")
	check("after a take-down", []string{"soon", "c", "b", "a"}, []string{"soon", "a", "c", "b"})
}

func TestGoneAtIsWhatFeedsSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	w.publish("a", in("Travel"))
	w.publish("ended", until(w.now.Add(time.Hour)))
	w.publish("soon", at(w.now.Add(time.Hour)))
	w.takeDown("a")
	w.takeDown("soon")
	w.takeDown("none")
	w.pass(2 * time.Hour)
	for id, want := range map[string]bool{"a": true, "ended": true, "soon": false, "none": false} {
		if got := w.Find(id).GoneAt(w.now); got != want {
			t.Errorf("%s is reported as gone: %v", id, got)
		}
	}
	w.pass(24 * time.Hour)
	if w.Find("a").GoneAt(w.now) {
		t.Error("it is reported for ever")
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	over := dawn.Add(time.Hour)
	for id, want := range map[string]time.Time{"none": {}, "ends": over, "withheld": {}, "down": {}} {
		end := func(g *gallery.Gallery) {
			if id != "none" {
				g.Expires = over
			}
		}
		hide := func(g *gallery.Gallery) {
			if id == "withheld" {
				withheld(g)
			}
		}
		w.publish(id, end, hide)
		if id == "down" {
			w.takeDown(id)
		}
		if got := w.Find(id).End(); !got.Equal(want) {
			t.Errorf("%s ends at %v, want %v", id, got, want)
		}
	}
}

// A change tells of all that its gallery was chosen by, also where the index
// did not know the gallery before.
func TestFacetsOfAChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	w.publish("a", in("Travel"), tagged("night"), by("A"))
	w.publish("a", in("Sport"), tagged("night"))
	w.takeDown("a")
	names := func(c Change) (list []string) {
		for f := range c.Facets {
			if p := f.Value(); !slices.Contains(list, string(p.Kind)+p.Name) {
				list = append(list, string(p.Kind)+p.Name)
			}
		}
		slices.Sort(list)
		return list
	}
	everything := []string{"aA", "sSport", "sTravel", "tnight"}
	for i, want := range [][]string{{"aA", "sTravel", "tnight"}, everything, everything} {
		if got := names(w.changes[i]); !cmp.Equal(got, want) {
			t.Errorf("change %d: %v, want %v", i, got, want)
		}
	}
	if got := names(Change{New: w.Find("a")}); !cmp.Equal(got, everything) {
		t.Errorf("the take-down alone: %v", got)
	}
	if got := names(Change{}); got != nil {
		t.Errorf("of nothing: %v", got)
	}
	for range w.changes[1].Facets {
		break // a caller that has enough
	}
}

func TestChangeToALostRecordNamesTheGallery(t *testing.T) {
	t.Parallel()
	old := &Entry{ID: "a"}
	for name, c := range map[string]Change{"deleted": {Old: old}, "foreign": {Old: old, New: NewerFormat(1, dawn)}, "new": {New: old}} {
		if c.ID() != "a" {
			t.Errorf("%s: %q", name, c.ID())
		}
	}
	if got := (Change{New: NewerFormat(1, dawn)}).ID(); got != "" || !NewerFormat(1, dawn).NewerFormat() || old.NewerFormat() {
		t.Errorf("of an unknown gallery: %q", got)
	}
}
