package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// says is what happened, in words: "+a ~b -c", and "!" for something else.
func (s Steps) says() string {
	var words []string
	for _, g := range s.Galleries {
		switch {
		case !g.Is:
			words = append(words, "-"+g.ID)
		case g.Was:
			words = append(words, "~"+g.ID)
		default:
			words = append(words, "+"+g.ID)
		}
	}
	slices.SortFunc(words, func(a, b string) int { return strings.Compare(a[1:], b[1:]) })
	if s.Other {
		words = append(words, "!")
	}
	return strings.Join(words, " ")
}

// scopes are of everything, of a section, and of a gallery.
func scopes() map[string]Scope {
	return map[string]Scope{"all": {}, "travel": {Choice: Choice{Match: Match{Sections: []string{"Travel"}}}}, "a": {Key: "a"}}
}

// position is where a world is, and when each scope was touched there.
func (w *world) position() (Position, map[string]time.Time) {
	touched := map[string]time.Time{}
	for name, sc := range scopes() {
		s := w.Select(sc.Match, ByPublished)
		touched[name] = s.View(0, w.now).Touched
		s.Release()
	}
	return w.Position(w.now), touched
}

func TestSince(t *testing.T) {
	t.Parallel()
	hour := dawn.Add(time.Hour)
	for _, c := range []struct {
		name          string
		before, after func(*world)
		want          map[string]string // by scope; none: nothing happened
		guessed       map[string]string // by a process that started meanwhile, where it is not the same
	}{
		{name: "nothing"},
		{
			name: "published", after: func(w *world) { w.pass(time.Second); w.publish("a", in("Travel")) },
			want: map[string]string{"all": "+a", "travel": "+a", "a": "+a"},
		},
		{
			name:   "published with an old date",
			after:  func(w *world) { w.publish("a", in("Travel"), at(dawn.Add(-time.Hour))) },
			before: func(w *world) { w.publish("b") },
			want:   map[string]string{"all": "+a", "travel": "+a", "a": "+a"}, guessed: map[string]string{"all": "~a", "travel": "~a", "a": "~a"},
		},
		{
			name: "corrected", before: func(w *world) { w.publish("a", in("Travel")) },
			after: func(w *world) { w.pass(time.Minute); w.publish("a", in("Travel"), at(dawn)) },
			want:  map[string]string{"all": "~a", "travel": "~a", "a": "~a"},
		},
		{
			name: "moved away", before: func(w *world) { w.publish("a", in("Travel")) },
			after: func(w *world) { w.pass(time.Minute); w.publish("a", in("Sport"), at(dawn)) },
			want:  map[string]string{"all": "~a", "travel": "-a", "a": "~a"},
		},
		{
			name: "corrected after it had moved away",
			before: func(w *world) {
				w.publish("a", in("Travel"))
				w.pass(time.Minute)
				w.publish("a", in("Sport"), at(dawn))
			},
			after: func(w *world) { w.pass(time.Minute); w.publish("a", in("Sport"), at(dawn)) },
			want:  map[string]string{"all": "~a", "a": "~a"},
		},
		{
			name: "taken down", before: func(w *world) { w.publish("a", in("Travel")) },
			after: func(w *world) { w.pass(time.Minute); w.takeDown("a") },
			want:  map[string]string{"all": "-a", "travel": "-a", "a": "-a"},
		},
		{
			name: "taken down from elsewhere", before: func(w *world) { w.publish("b", in("Sport")) },
			after: func(w *world) { w.pass(time.Minute); w.takeDown("b") },
			want:  map[string]string{"all": "-b"},
		},
		{
			name:  "published and taken down",
			after: func(w *world) { w.publish("a", in("Travel")); w.pass(time.Minute); w.takeDown("a") },
			want:  map[string]string{"all": "-a", "travel": "-a", "a": "-a"},
		},
		{
			name: "taken down and back", before: func(w *world) { w.publish("a", in("Travel")) },
			after: func(w *world) {
				w.pass(time.Minute)
				w.takeDown("a")
				w.pass(time.Minute)
				w.publish("a", in("Travel"), at(dawn))
			},
			want: map[string]string{"all": "~a", "travel": "~a", "a": "~a"},
		},
		{name: "put under embargo", after: func(w *world) { w.publish("a", in("Travel"), at(hour)) }},
		{
			name: "an embargo corrected", before: func(w *world) { w.publish("a", in("Travel"), at(hour)) },
			after: func(w *world) { w.pass(time.Minute); w.publish("a", in("Sport"), at(hour)) },
		},
		{
			name: "taken down under embargo", before: func(w *world) { w.publish("a", in("Travel"), at(hour)) },
			after: func(w *world) { w.pass(time.Minute); w.takeDown("a") },
		},
		{
			name: "an embargo over", before: func(w *world) { w.publish("a", in("Travel"), at(hour)) },
			after: func(w *world) { w.pass(time.Hour) },
			want:  map[string]string{"all": "+a", "travel": "+a", "a": "+a"},
		},
		{
			name: "under embargo again", before: func(w *world) { w.publish("a", in("Travel")) },
			after: func(w *world) { w.pass(time.Minute); w.publish("a", in("Travel"), at(hour)) },
			want:  map[string]string{"all": "-a", "travel": "-a", "a": "-a"},
		},
		{name: "withheld from the first", after: func(w *world) { w.publish("a", in("Travel"), withheld) }},
		{
			name: "withheld", before: func(w *world) { w.publish("a", in("Travel")) },
			after: func(w *world) { w.pass(time.Minute); w.publish("a", in("Travel"), at(dawn), withheld) },
			want:  map[string]string{"all": "-a", "travel": "-a", "a": "-a"},
		},
		{
			name: "expired", before: func(w *world) { w.publish("a", in("Travel"), until(hour)) },
			after: func(w *world) { w.pass(time.Hour) },
			want:  map[string]string{"all": "-a", "travel": "-a", "a": "-a"},
		},
		{
			name: "reported as expired", before: func(w *world) { w.publish("a", in("Travel")) },
			after: func(w *world) {
				w.pass(time.Hour)
				w.publish("a", in("Travel"), at(dawn), until(dawn.Add(time.Minute)))
			},
			want: map[string]string{"all": "-a", "travel": "-a", "a": "-a"},
		},
		{
			name: "a take-down forgotten", before: func(w *world) { w.publish("a", in("Travel")); w.pass(time.Minute); w.takeDown("a") },
			after: func(w *world) { w.pass(24 * time.Hour) },
			want:  map[string]string{"all": "!", "travel": "!", "a": "!"},
		},
		{
			name: "a picture's rights over", before: func(w *world) { w.publish("a", in("Travel"), slideUntil(hour)) },
			after: func(w *world) { w.pass(time.Hour) },
			want:  map[string]string{"all": "~a", "travel": "~a", "a": "~a"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 10)
			w.publish("untouched", in("Travel"), at(dawn.Add(-48*time.Hour)))
			for _, f := range []func(*world){c.before, c.after} {
				if f == nil {
					continue
				}
				f(w)
			}
			// Again, to stop between the two.
			w = newWorld(t, 10)
			w.publish("untouched", in("Travel"), at(dawn.Add(-48*time.Hour)))
			if c.before != nil {
				c.before(w)
			}
			from, touched := w.position()
			if c.after != nil {
				c.after(w)
			}
			again := w.restart()
			for name, sc := range scopes() {
				want, guessed := c.want[name], c.want[name]
				if c.guessed != nil {
					guessed = c.guessed[name]
				}
				got := w.Since(sc, from, touched[name], w.now)
				if got.says() != want || got.Position != w.Position(w.now) {
					t.Errorf("%s: %q up to %+v, want %q", name, got.says(), got.Position, want)
				}
				if got := again.Since(sc, from, touched[name], again.now).says(); got != guessed {
					t.Errorf("%s after a restart: %q, want %q", name, got, guessed)
				}
				for _, w := range []*world{w, again} {
					if got := w.Since(sc, w.Position(w.now), w.now, w.now).says(); got != "" {
						t.Errorf("%s: %q since now", name, got)
					}
				}
			}
		})
	}
}

func slideUntil(at time.Time) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) {
		g.Slides = []gallery.Slide{{ID: "1", Rights: gallery.Rights{Until: at}}, {ID: "2"}}
	}
}

// Nothing was announced before: shown galleries are new, and gone galleries are not named.
func TestSinceTheBeginning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	w.publish("a", in("Travel"))
	w.publish("b", in("Sport"))
	w.publish("soon", at(dawn.Add(time.Hour)))
	w.pass(time.Minute)
	w.takeDown("b")
	if got := w.Since(Scope{}, Position{}, time.Time{}, w.now).says(); got != "+a" {
		t.Errorf("%q", got)
	}
	of := w.Position(w.now)
	of.Epoch = of.Epoch.Add(-time.Second)
	if got := w.Since(Scope{}, of, time.Time{}, w.now).says(); got != "" {
		t.Errorf("since another epoch %q", got)
	}
}

// Whoever hears of every step knows what is shown, also where the process that
// tells restarts now and then, or remembers less than happened. What changes
// no change of what a scope shows or says is missing.
func TestStepsLeadToTheSelection(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, 10)
			knows, from, touched := map[string]map[string]bool{}, map[string]Position{}, map[string]time.Time{}
			documents := map[string]string{}
			for name := range scopes() {
				knows[name] = map[string]bool{}
			}
			for range 150 {
				for range random.IntN(4) {
					w.pass(time.Duration(1+random.IntN(100)) * time.Minute)
					w.stir(random)
				}
				if random.IntN(8) == 0 {
					w = w.restart()
				}
				if random.IntN(10) == 0 { // what is remembered begins later
					x := w.Index
					x.recent, x.floor = nil, progress{x.last, x.passed}
				}
				at, touches := w.position()
				for name, sc := range scopes() {
					if random.IntN(3) == 0 {
						continue // reported later
					}
					moved := w.moved(name, sc, from[name])
					steps := w.Since(sc, from[name], touched[name], w.now)
					if !moved && (len(steps.Galleries) > 0 || steps.Other) {
						t.Fatalf("%s: it has not moved, but %q", name, steps.says())
					}
					document := w.document(sc)
					if quiet := len(steps.Galleries) == 0 && !steps.Other; quiet && sc.Key == "" && document != documents[name] && from[name] != (Position{}) {
						t.Fatalf("%s: no change is reported for the step from\n%s\nto\n%s", name, documents[name], document)
					}
					documents[name] = document
					for _, g := range steps.Galleries {
						delete(knows[name], g.ID)
						if g.Is {
							knows[name][g.ID] = true
						}
					}
					from[name], touched[name] = at, touches[name]
					if diff := cmp.Diff(w.shown(sc), knows[name]); diff != "" {
						t.Fatalf("%s after %q (-shown +known):\n%s", name, steps.says(), diff)
					}
				}
			}
		})
	}
}

// stir does something to one of a few galleries.
func (w *world) stir(random *rand.Rand) {
	id := string('a' + rune(random.IntN(5)))
	e := w.Record(id)
	if random.IntN(5) == 0 {
		w.takeDown(id)
		return
	}
	changes := []func(*gallery.Gallery){in([]string{"Travel", "Sport"}[random.IntN(2)])}
	if e != nil && !e.Rank.TakeDown {
		changes = append(changes, at(e.Published()))
	}
	switch random.IntN(8) {
	case 0:
		changes = append(changes, at(w.now.Add(time.Duration(random.IntN(200))*time.Minute)))
	case 1:
		changes = append(changes, until(w.now.Add(time.Duration(random.IntN(300)-100)*time.Minute)))
	case 2:
		changes = append(changes, withheld)
	case 3:
		changes = append(changes, slideUntil(w.now.Add(time.Hour)))
	}
	w.publish(id, changes...)
}

// document is all that a feed of the scope with three items is made of.
func (w *world) document(sc Scope) string {
	s := w.Select(sc.Match, ByPublished)
	defer s.Release()
	v := s.View(3, w.now)
	text := fmt.Sprintln(s.LenAt(w.now) > 3)
	for _, e := range slices.Concat(v.Entries, v.Gone) {
		text += fmt.Sprintln(e.ID, e.Revision, e.Phase(w.now), e.GoneAt(w.now))
	}
	return text
}

func (w *world) shown(sc Scope) map[string]bool {
	ids := map[string]bool{}
	for _, e := range w.entries {
		if e.VisibleAt(w.now) && sc.Match.folded().matches(e.Facets) && (sc.Key == "" || sc.Key == e.ID) {
			ids[e.ID] = true
		}
	}
	return ids
}

func (w *world) moved(name string, sc Scope, from Position) bool {
	switch {
	case sc.Key != "":
		return w.GalleryChangedSince(sc.Key, from, w.now)
	case name == "all":
		s := w.Select(sc.Match, ByPublished)
		defer s.Release()
		return s.ChangedSince(from, w.now)
	}
	return w.ChangedSince(Section, name, from, w.now)
}

// What is remembered has bounds, and what is older is guessed.
func TestRecentStepsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	w.publish("old", in("Travel"))
	w.pass(time.Minute)
	from, touched := w.position()
	w.takeDown("old")
	for i := range 3 * maxRecent {
		w.publish(fmt.Sprint("g", i%100))
	}
	if got := len(w.recent); got < maxRecent || got > 2*maxRecent {
		t.Errorf("%d steps are remembered", got)
	}
	if got := w.Since(scopes()["travel"], from, touched["travel"], w.now).says(); got != "-old" {
		t.Errorf("%q", got)
	}
}
