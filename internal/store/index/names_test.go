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

// A name is shown in the spelling that most visible galleries use.
// A name that only galleries taken down had is found, with none, as long as
// feeds say that they are gone.
func TestLookupCountsWhatIsVisible(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	w.publish("a", in("Travel"), tagged("Night"))
	w.publish("b", in("travel"), tagged("night", "قوارب"))
	w.publish("c", in("TRAVEL"), tagged("night"))
	w.publish("soon", in("Secret"), tagged("night"), at(w.now.Add(time.Hour)))
	w.publish("ends", in("Sport"), until(w.now.Add(2*time.Hour)))
	w.publish("withheld", in("Hidden"), withheld)
	w.publish("gone", in("Taken"))
	w.takeDown("gone")
	steps := []struct {
		name string
		do   func()
		want map[string]Name // by slug of section or tag; zero: none
	}{
		{"at first", func() {}, map[string]Name{
			"travel": {"TRAVEL", "travel", 3}, "night": {"night", "night", 3}, "قوارب": {"قوارب", "قوارب", 1}, "sport": {"Sport", "sport", 1},
			"secret": {}, "hidden": {}, "taken": {"Taken", "taken", 0}, "Travel": {}, "": {},
		}},
		{"after the embargo", func() { w.pass(time.Hour) }, map[string]Name{"secret": {"Secret", "secret", 1}, "night": {"night", "night", 4}}},
		{"after the expiry", func() { w.pass(time.Hour) }, map[string]Name{"sport": {"Sport", "sport", 0}}},
		{"spelled anew", func() { w.publish("c", in("travel"), at(dawn)) }, map[string]Name{"travel": {"travel", "travel", 3}, "night": {"night", "night", 3}}},
		{"taken down", func() { w.takeDown("b") }, map[string]Name{"travel": {"Travel", "travel", 2}, "قوارب": {"قوارب", "قوارب", 0}}},
		{"when that is forgotten", func() { w.pass(24 * time.Hour) }, map[string]Name{"sport": {}, "taken": {}}},
		{"with the clock set back", func() { w.now = dawn; w.Advance(w.clock) }, map[string]Name{"secret": {}, "sport": {"Sport", "sport", 1}}},
	}
	for _, step := range steps {
		step.do()
		for slug, want := range step.want {
			got, ok := w.Lookup(Section, slug, w.now)
			if !ok {
				got, ok = w.Lookup(Tag, slug, w.now)
			}
			if got != want || ok != (want != Name{}) {
				t.Errorf("%s: %q is %+v, %v, want %+v", step.name, slug, got, ok, want)
			}
		}
	}
}

// Who writes no slug means the name that it is, else what the slug begins with.
func TestSimilarNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	w.publish("a", in("Long reads"), tagged("covid-19", "R&D", "r d!", "!!!"), by("A. Writer"))
	w.publish("b", tagged("Q&A", "q a"))
	w.publish("soon", tagged("r.d."), at(w.now.Add(time.Hour)))
	w.publish("gone", tagged("was-here"))
	w.takeDown("gone")
	for range 50 { // names come and go, and the index is tidied
		w.publish("changed", tagged(fmt.Sprint("covid-", w.sequence)))
	}
	check := func(kind Kind, text string, want ...string) {
		t.Helper()
		var got []string
		for _, n := range w.Similar(kind, text, w.now) {
			got = append(got, n.Name)
			if n.Slug != gallery.Slug(n.Name) {
				t.Errorf("%s is at %s", n.Name, n.Slug)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q means %q, want %q", text, got, want)
		}
	}
	check(Tag, "covid-19", "covid-19")
	check(Tag, "COVID-19", "covid-19")
	check(Tag, "covid 19", "covid-19")
	check(Tag, "covid-1")
	check(Tag, "covid-19~0000000000000000")
	check(Tag, "r-d", "R&D", "r d!")
	check(Tag, "R&D", "R&D")
	check(Tag, "Q-A", "Q&A", "q a")
	check(Tag, "was-here", "was-here")
	check(Tag, "")
	check(Tag, "...")
	check(Author, "a-writer", "A. Writer")
	check(Author, "A. Writer", "A. Writer")
	check(Section, "Long Reads", "Long reads")
	check(Section, "covid-19")
	w.pass(time.Hour)
	check(Tag, "r-d", "R&D", "r d!", "r.d.")
}

func TestNamesAreOrderedAndOfOneKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	w.publish("a", in("Travel"), tagged("Harbours", "!!!"), by("Łucja Ż."))
	w.publish("b", in("Art"), tagged("harbours"), by("Łucja Ż."))
	want := map[Kind][]Name{
		Section: {{"Art", "art", 1}, {"Travel", "travel", 1}},
		Tag:     {{"Harbours", "harbours", 2}, {"!!!", gallery.Slug("!!!"), 1}},
		Author:  {{"Łucja Ż.", gallery.Slug("Łucja Ż."), 2}},
		'x':     nil,
	}
	for kind, names := range want {
		got := w.Names(kind, w.now)
		if kind == Tag && got[0].Slug != "harbours" {
			got[0], got[1] = got[1], got[0]
		}
		if diff := cmp.Diff(names, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", kind, diff)
		}
	}
}

// Whatever happened, names and selections are what a process that starts now
// says of them.
func TestRunningIndexEqualsARestartedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	random := rand.New(rand.NewPCG(3, 9))
	names := []string{"Night", "night", "Day", "Fog", "Été", "ÉTÉ", "夜", "~"}
	matches := []Match{{}, {Tags: []string{"night"}}, {Tags: []string{"fog", "DAY"}}, {Sections: []string{"été"}}, {Authors: []string{"夜"}, Tags: []string{"night"}}, {Languages: []string{"en"}}}
	var running []*Selection
	for _, m := range matches {
		running = append(running, w.Select(m, ByPublished), w.Select(m, ByUpdated))
	}
	pick := func() string { return names[random.IntN(len(names))] }
	for step := range 600 {
		id := fmt.Sprint("g", random.IntN(25))
		switch random.IntN(8) {
		case 0:
			w.takeDown(id)
		case 1:
			w.pass(time.Duration(random.IntN(90)) * time.Minute)
		case 2:
			w.publish(id, tagged(pick()), at(w.now.Add(time.Duration(random.IntN(10))*time.Hour)))
		case 3:
			w.publish(id, in(pick()), until(w.now.Add(time.Duration(random.IntN(10))*time.Hour)))
		default:
			w.pass(time.Minute)
			w.publish(id, in(pick()), tagged(pick(), pick()), by(pick()), func(g *gallery.Gallery) { g.Language = "en-GB" })
		}
		if step%20 != 0 {
			continue
		}
		again := w.restart()
		for _, kind := range []Kind{Section, Tag, Author} {
			if diff := cmp.Diff(again.Names(kind, again.now), w.Names(kind, w.now)); diff != "" {
				t.Fatalf("step %d: names of kind %q (-started +ran):\n%s", step, kind, diff)
			}
		}
		for i, s := range running {
			fresh := again.Select(matches[i/2], s.choice.Order)
			sameView(t, fmt.Sprintf("step %d, selection %d", step, i), fresh.View(50, w.now), s.View(50, w.now))
		}
	}
}

func sameView(t *testing.T, name string, want, got View) {
	t.Helper()
	if diff := cmp.Diff(idsOf(want.Entries), idsOf(got.Entries)); diff != "" {
		t.Fatalf("%s: entries (-started +ran):\n%s", name, diff)
	}
	if diff := cmp.Diff(idsOf(want.Gone), idsOf(got.Gone)); diff != "" {
		t.Fatalf("%s: gone (-started +ran):\n%s", name, diff)
	}
	if !want.Touched.Equal(got.Touched) || !want.Passed.Equal(got.Passed) {
		t.Fatalf("%s: touched %s and %s, passed %s and %s", name, want.Touched, got.Touched, want.Passed, got.Passed)
	}
}

// A gallery that is revised for ever, each time with a new tag, costs the
// memory of a few revisions.
func TestUnusedNamesAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	s := w.Select(Match{Tags: []string{"kept"}}, ByPublished)
	for i := range 10 * slack {
		w.now = w.now.Add(time.Second)
		w.publish("harbour", tagged(fmt.Sprint("tag ", i)))
	}
	if got := w.names.size; got > 3*slack {
		t.Errorf("%d parts are kept for one gallery", got)
	}
	w.publish("other", tagged("Kept"))
	if got := idsOf(s.View(9, w.now).Entries); !cmp.Equal(got, []string{"other"}) {
		t.Errorf("a selection from before shows %v", got)
	}
}

// A change looks only at the selections that it may touch, however many there
// are, and still finds each of them.
func TestThousandsOfSelections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	var all []*Selection
	for i := range 5000 {
		all = append(all, w.Select(Match{Tags: []string{fmt.Sprint("tag ", i)}}, ByPublished))
	}
	w.publish("a", tagged("Tag 7", "TAG 4999"))
	old := w.Find("a")
	w.now = w.now.Add(time.Second)
	w.publish("a", tagged("tag 8"))
	if got := len(w.affected(old, w.Find("a"))); got != 3 {
		t.Errorf("%d selections are looked at, want 3", got)
	}
	for i, s := range all {
		v := s.View(9, w.now)
		if shown := len(v.Entries) == 1; shown != (i == 8) {
			t.Errorf("tag %d shows %v", i, idsOf(v.Entries))
		}
		if touched := !v.Touched.IsZero(); touched != (i == 7 || i == 8 || i == 4999) {
			t.Errorf("tag %d was touched at %s", i, v.Touched)
		}
		s.Release()
	}
	if got := len(w.selections); got != 0 {
		t.Errorf("%d selections are kept", got)
	}
}

// Who still holds a selection that was released sees what is.
func TestReleasedSelectionIsRecomputed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	s := w.Select(Match{Tags: []string{"night"}}, ByPublished)
	w.publish("a", tagged("night"))
	v := s.View(9, w.now)
	s.Release()
	w.publish("b", tagged("night"))
	w.takeDown("a")
	if s.Fresh(v.Generation, w.now) {
		t.Error("a view from before is fresh")
	}
	v = s.View(9, w.now)
	if !cmp.Equal(idsOf(v.Entries), []string{"b"}) || !cmp.Equal(idsOf(v.Gone), []string{"a"}) {
		t.Errorf("shows %v, gone %v", idsOf(v.Entries), idsOf(v.Gone))
	}
	if page, ok := s.Page(NewestPage, w.now); !ok || len(page.Entries) != 1 {
		t.Errorf("its archive shows %v, %v", idsOf(page.Entries), ok)
	}
}

func TestUsualNameCountsTheGivenGalleries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	a, b, c := w.publish("a", tagged("Night")), w.publish("b", tagged("night")), w.publish("c", tagged("NIGHT"), in("night"))
	for _, test := range []struct {
		among []*Entry
		want  string
	}{{nil, ""}, {[]*Entry{a}, "Night"}, {[]*Entry{b, a}, "Night"}, {[]*Entry{a, b, b}, "night"}, {[]*Entry{c}, "NIGHT"}} {
		if got := UsualName(Tag, "night", test.among); got != test.want {
			t.Errorf("of %v: %q, want %q", idsOf(test.among), got, test.want)
		}
	}
}

// A name is remembered as long as a gallery's record remembers it, and a process
// that starts later remembers the same.
func TestSpellingOfAnUnusedName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	w.publish("left", in("New  York"), tagged("Night"))
	w.publish("left", in("Travel"))
	w.publish("ended", in("Long Past"), until(w.now.Add(time.Hour)))
	w.publish("down", in("taken"))
	w.publish("down too", in("TAKEN"))
	w.takeDown("down")
	w.takeDown("down too")
	w.publish("withheld", in("Hidden"), withheld)
	w.pass(365 * 24 * time.Hour)
	for _, w := range []*world{w, w.restart()} {
		got := map[string]string{}
		for _, slug := range []string{"new-york", "travel", "long-past", "taken", "hidden", "none", "night", "", "Travel"} {
			got[slug] = w.Spelling(Section, slug)
		}
		want := map[string]string{
			"new-york": "New  York", "travel": "Travel", "long-past": "Long Past", "taken": "TAKEN", "hidden": "Hidden",
			"none": "", "night": "", "": "", "Travel": "",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for i := range maxDepartures + 1 {
		w.publish("left", in(string(rune('A'+i))))
	}
	if got := w.Spelling(Section, "new-york"); got != "" {
		t.Errorf("what is summed up is remembered as %q", got)
	}
}
