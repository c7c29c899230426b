package index

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

func TestMatchChooses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	e := w.publish("harbour", in("Travel"), tagged("Night", " night ", "harbours"), func(g *gallery.Gallery) {
		g.Language, g.Authors = "pt-BR", []gallery.Author{{Name: "A. Writer"}, {Email: "a@example.com"}}
	})
	for _, test := range []struct {
		name  string
		match Match
		want  bool
	}{
		{"everything", Match{}, true},
		{"section", Match{Sections: []string{"Sport", "travel"}}, true},
		{"other section", Match{Sections: []string{"Sport"}}, false},
		{"a tag is no section", Match{Sections: []string{"harbours"}}, false},
		{"tag without regard to case and blanks", Match{Tags: []string{"NIGHT"}}, true},
		{"author", Match{Authors: []string{"a. writer"}}, true},
		{"language", Match{Languages: []string{"pt-br"}}, true},
		{"language of a region", Match{Languages: []string{"pt"}}, true},
		{"region of another", Match{Languages: []string{"pt-PT"}}, false},
		{"beginning of a language", Match{Languages: []string{"p"}}, false},
		{"both", Match{Sections: []string{"Travel"}, Tags: []string{"night"}}, true},
		{"one of both", Match{Sections: []string{"Travel"}, Tags: []string{"day"}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := w.Select(test.match, ByPublished)
			defer s.Release()
			if got := s.LenAt(w.now) == 1; got != test.want || s.Holds("harbour", w.now) != test.want || s.Concerns(Change{New: e}) != test.want {
				t.Errorf("chosen: %t, want %t", got, test.want)
			}
		})
	}
}

// Galleries are ordered by publication, newest first, then by id, and an entry
// that moves is in the selection once.
func TestOrderIsTotal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	running := w.Select(Match{}, ByPublished)
	for _, id := range []string{"b", "d", "a", "c"} {
		w.publish(id)
	}
	w.publish("late", at(dawn.Add(-time.Hour)))
	w.publish("e", at(dawn.Add(time.Hour)))
	w.publish("e", at(dawn.Add(-2*time.Hour)))
	want := []string{"d", "c", "b", "a", "late", "e"}
	for name, s := range map[string]*Selection{"running": running, "made later": w.Select(Match{}, ByPublished), "restarted": w.restart().Select(Match{}, ByPublished)} {
		if diff := cmp.Diff(want, idsOf(s.View(10, w.now).Entries)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		if diff := cmp.Diff(want[:2], idsOf(s.View(2, w.now).Entries)); diff != "" {
			t.Errorf("%s, two of them: (-want +got)\n%s", name, diff)
		}
	}
}

// A change that has nothing to do with a selection leaves its views fresh.
func TestViewStaysFreshThroughOtherChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	sport := w.Select(Match{Sections: []string{"Sport"}}, ByPublished)
	w.publish("stadium", in("Sport"))
	v := sport.View(10, w.now)
	w.publish("harbour", in("Travel"))
	if last := w.changes[len(w.changes)-1]; sport.Concerns(last) || last.ID() != "harbour" || last.Old != nil {
		t.Errorf("reported %v", last)
	}
	if !sport.Fresh(v.Generation, w.now) {
		t.Error("stale after a change elsewhere")
	}
	w.publish("harbour", in("Sport"))
	if sport.Fresh(v.Generation, w.now) {
		t.Error("fresh after a gallery came in")
	}
}

// sameTouch compares the instants at which the sections' selections were touched with
// those of a process that starts now.
func sameTouch(t *testing.T, w *world, all, sport *Selection) {
	t.Helper()
	again := w.restart()
	for s, m := range map[*Selection]Match{all: {}, sport: {Sections: []string{"Sport"}}} {
		if running, restarted := s.View(0, w.now).Touched, again.Select(m, ByPublished).View(0, w.now).Touched; !running.Equal(restarted) {
			t.Errorf("%v was touched at %s, after a restart at %s", m.Sections, running, restarted)
		}
	}
}

func TestSelectionIsTouchedByCorrectionsOutOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	all, sport := w.Select(Match{}, ByPublished), w.Select(Match{Sections: []string{"Sport"}}, ByPublished)
	for _, step := range []struct {
		name    string
		id      string
		change  []func(*gallery.Gallery) // nil: taken down
		touches bool                     // the section Sport
	}{
		{"published in it", "a", []func(*gallery.Gallery){in("Sport")}, true},
		{"another one elsewhere", "b", []func(*gallery.Gallery){in("Travel")}, false},
		{"corrected out of it", "a", []func(*gallery.Gallery){in("Travel")}, true},
		{"corrected elsewhere", "a", []func(*gallery.Gallery){in("Food")}, false},
		{"taken down elsewhere", "a", nil, false},
		{"back in it", "a", []func(*gallery.Gallery){in("Sport")}, true},
		{"taken down", "a", nil, true},
		{"taken down again", "a", nil, false},
		{"back elsewhere, which ends its tombstone", "a", []func(*gallery.Gallery){in("Food")}, true},
		{"withheld in it", "b", []func(*gallery.Gallery){in("Sport"), withheld}, false},
		{"out of it, withheld", "b", []func(*gallery.Gallery){in("Food"), withheld}, false}, // it was never shown there
	} {
		w.pass(time.Second)
		before := sport.View(10, w.now).Touched
		var e *Entry
		if step.change == nil {
			e = w.takeDown(step.id)
		} else {
			e = w.publish(step.id, append(step.change, at(dawn))...)
		}
		after := sport.View(10, w.now).Touched
		if step.touches && !after.Equal(e.Stored()) {
			t.Errorf("%s: touched at %s, stored at %s", step.name, after, e.Stored())
		}
		if !step.touches && !after.Equal(before) {
			t.Errorf("%s: touched at %s, before at %s", step.name, after, before)
		}
		sameTouch(t, w, all, sport)
	}
}

// Whatever happens to galleries, no selection's time goes back, and a process
// that starts later says the same as one that ran all the time.
func TestTouchedNeverGoesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	all, sport := w.Select(Match{}, ByPublished), w.Select(Match{Sections: []string{"Sport"}}, ByPublished)
	random := rand.New(rand.NewPCG(7, 7))
	sections := []string{"Sport", "Travel", "Food", "Art"}
	var last time.Time
	for step := range 1000 {
		w.pass(time.Second)
		if id := fmt.Sprintf("gallery-%d", random.IntN(4)); random.IntN(5) == 0 {
			w.takeDown(id)
		} else {
			w.publish(id, in(sections[random.IntN(4)]), tagged(fmt.Sprint(random.IntN(3))))
		}
		touched := sport.View(0, w.now).Touched
		if touched.Before(last) {
			t.Fatalf("step %d: touched at %s, before at %s", step, touched, last)
		}
		last = touched
		if step%16 == 0 {
			sameTouch(t, w, all, sport)
		}
	}
}
