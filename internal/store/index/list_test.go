package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// Whatever happened, the way down meets every visible gallery once, and the way up
// from the end leads to the newest.
func TestListsLeadThroughTheWholeSelection(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		w := newWorld(t, 4)
		s := w.Select(Match{}, ByPublished)
		random := rand.New(rand.NewPCG(seed, 2))
		for step := range 200 {
			act(w, random)
			all := idsOf(s.View(1000, w.now).Entries)
			var down []string
			last := ""
			for place, end := "", false; !end; {
				l, ok := s.List(place, 7, w.now)
				if !ok || l.Place != place || l.All != len(all) || len(l.Entries) == 0 && len(all) > 0 {
					t.Fatalf("seed %d, step %d: below %q: %v, %+v", seed, step, place, ok, l)
				}
				down, last = append(down, idsOf(l.Entries)...), l.Place
				place, end = l.Older, l.Older == ""
			}
			if diff := cmp.Diff(all, append([]string{}, down...)); diff != "" {
				t.Fatalf("seed %d, step %d (-all +lists):\n%s", seed, step, diff)
			}
			for place := last; place != ""; {
				l, _ := s.List(place, 7, w.now)
				above, _ := s.List(l.Newer, 7, w.now)
				first, lowest := slices.Index(all, l.Entries[0].ID), slices.Index(all, above.Entries[len(above.Entries)-1].ID)
				if l.Newer != "" && lowest != first-1 || lowest < first-1 {
					t.Fatalf("seed %d, step %d: above the %dth the list ends with the %dth", seed, step, first, lowest)
				}
				place = l.Newer
			}
		}
	}
}

// A place holds when the gallery that it is named after goes, and what comes late
// is found where it belongs.
func TestPlaceStaysValid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	s := w.Select(Match{}, ByPublished)
	hour := func(n int) time.Time { return dawn.Add(time.Duration(n-10) * time.Hour) }
	for i := range 9 {
		w.publish(fmt.Sprint("g", i), at(hour(i)))
	}
	first, _ := s.List("", 3, w.now)
	w.takeDown("g6")
	w.publish("late", at(hour(4).Add(time.Minute)))
	w.publish("embargoed", at(w.now.Add(time.Hour)))
	l, ok := s.List(first.Older, 3, w.now)
	if want := []string{"g5", "late", "g4"}; !ok || !cmp.Equal(idsOf(l.Entries), want) {
		t.Errorf("below what is gone: %v, want %v", idsOf(l.Entries), want)
	}
	if want := pageName(&Entry{ID: "g7", published: hour(7).UnixNano()}); l.Place != want {
		t.Errorf("the same list is called %q and %q", want, l.Place)
	}
	if l.Newer != "" || l.All != 9 {
		t.Errorf("above are two, and it leads to %q; of %d", l.Newer, l.All)
	}
}

func TestPlacesOfLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	s := w.Select(Match{}, ByPublished)
	w.publish("a")
	for name, want := range map[string][]string{
		pageName(&Entry{ID: "a", published: dawn.UnixNano()}):                 {},
		pageName(&Entry{ID: "b", published: dawn.UnixNano()}):                 {"a"}, // never seen
		pageName(&Entry{ID: "b", published: w.now.Add(time.Hour).UnixNano()}): {"a"}, // in the future
		pageName(&Entry{ID: "b", published: dawn.Add(-time.Hour).UnixNano()}): {},
		pageName(&Entry{ID: "no/plain", published: w.now.Add(1).UnixNano()}):  {"a"},
		pageName(&Entry{ID: "b", published: -1}):                              {},
	} {
		if l, ok := s.List(name, 5, w.now); !ok || !cmp.Equal(idsOf(l.Entries), want) {
			t.Errorf("%s: %t, %v, want %v", name, ok, idsOf(l.Entries), want)
		}
	}
	for _, name := range []string{"~", "0", "~a", "00~a", "A~a", "1~a b", "1~=", "-", "newest", "zzzzzzzzzzzzzzzz~a", "1~%00", "../.."} {
		if _, ok := s.List(name, 5, w.now); ok {
			t.Errorf("%q is a place", name)
		}
	}
	if l, ok := w.Select(Match{Tags: []string{"none"}}, ByPublished).List("", 5, w.now); !ok || len(l.Entries) != 0 || l.Older != "" || l.Newer != "" {
		t.Errorf("of nothing: %+v", l)
	}
}

// A record says whether the gallery's page here is its address; one of before says
// nothing.
func TestHomeIsOfAGalleryWithoutURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	elsewhere := func(g *gallery.Gallery) { g.URL = "https://paper.example.com/b" }
	if w.publish("a"); !w.Find("a").Home {
		t.Error("a gallery without another address has none here")
	}
	if w.publish("b", elsewhere); w.Find("b").Home {
		t.Error("a gallery with another address has one here")
	}
	if w.takeDown("a"); w.Find("a").Home {
		t.Error("a gallery that was taken down has an address here")
	}
	if e, err := ParseLine(`{"id":"c","h":"0123456789abcdef0123456789abcdef"}`, 1, dawn); err != nil || e.Home {
		t.Error("a record that does not say so has its address here")
	}
}
