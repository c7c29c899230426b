package index

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

func allow(names ...string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Rights.Allow = names }
}

func deny(names ...string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Rights.Deny = names }
}

func from(t time.Time) func(*gallery.Gallery) { return func(g *gallery.Gallery) { g.Rights.From = t } }

func source(name string) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Sources = []string{name} }
}

func timedPicture(credit string, r gallery.Rights) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Slides = append(g.Slides, gallery.Slide{Credit: credit, Rights: r}) }
}

// withRules has the index judge by the rules of a configuration.
func withRules(t *testing.T) *world {
	w := newWorld(t, 1) // every gallery ends a page of an archive
	w.opts.Public = &gallery.Audience{Rules: []gallery.Rule{
		gallery.NewRule(nil, []string{"AP"}, []string{"msn"}, nil, ""), gallery.NewRule([]string{"Getty"}, nil, nil, []string{"public"}, ""),
	}}
	return w
}

// A gallery that the public may not see leaves no trace: no entry, no count, no name, no
// page of an archive, no date, no step, and when it is taken down no tombstone.
func TestWhatThePublicMayNotSeeLeavesNoTrace(t *testing.T) {
	for name, hide := range map[string]func(*gallery.Gallery){
		"denied": deny("public"), "for others only": allow("msn"), "by its source": source("ap"),
		"allowed for nobody": allow(""), "for a name that is none": allow("\u00a0", "pub\u0001lic"),
	} {
		t.Run(name, func(t *testing.T) {
			with, without := withRules(t), withRules(t)
			both := func(do func(w *world)) { do(with); do(without) }
			selections := map[*world]*Selection{}
			both(func(w *world) { selections[w] = w.Select(Match{}, ByPublished) })
			both(func(w *world) { w.publish("before", in("Travel")) })
			same := func(step string) {
				t.Helper()
				for _, again := range []bool{false, true} {
					a, b := with, without
					s, u := selections[a], selections[b]
					if again {
						a, b = a.restart(), b.restart()
						s, u = a.Select(Match{}, ByPublished), b.Select(Match{}, ByPublished)
					}
					v, want := s.View(9, a.now), u.View(9, b.now)
					got := []any{idsOf(v.Entries), idsOf(v.Gone), v.Touched, s.LenAt(a.now), newestPage(s, a.now), a.Names(Section, a.now), a.Names(Tag, a.now)}
					wanted := []any{idsOf(want.Entries), idsOf(want.Gone), want.Touched, u.LenAt(b.now), newestPage(u, b.now), b.Names(Section, b.now), b.Names(Tag, b.now)}
					if diff := cmp.Diff(wanted, got); diff != "" {
						t.Errorf("%s, restarted: %t (-without it +with it)\n%s", step, again, diff)
					}
				}
			}
			position, touched := with.Position(with.now), selections[with].View(1, with.now).Touched
			both(func(w *world) { w.pass(time.Second) })
			with.publish("hidden", in("Secret"), tagged("secret"), hide)
			same("published")
			both(func(w *world) { w.pass(time.Hour) })
			with.publish("hidden", in("Secret"), tagged("other"), hide)
			same("corrected")
			both(func(w *world) { w.pass(time.Hour) })
			with.takeDown("hidden")
			same("taken down")
			if steps := with.Since(Scope{}, position, touched, with.now); len(steps.Galleries) > 0 || steps.Other {
				t.Errorf("steps: %+v", steps)
			}
		})
	}
}

func TestACorrectionThatHidesAGalleryIsAStep(t *testing.T) {
	w := withRules(t)
	w.publish("a", in("Travel"))
	s := w.Select(Match{Sections: []string{"Travel"}}, ByPublished)
	position, touched := w.Position(w.now), s.View(1, w.now).Touched
	w.pass(time.Minute)
	w.publish("a", in("Travel"), deny("Public"))
	if v := s.View(9, w.now); len(v.Entries) != 0 || !v.Touched.Equal(w.now) {
		t.Errorf("shown are %v, touched at %v", idsOf(v.Entries), v.Touched)
	}
	want := []Step{{ID: "a", Was: true}}
	for _, w := range []*world{w, w.restart()} {
		if diff := cmp.Diff(want, w.Since(Scope{Choice: Choice{Match: Match{Sections: []string{"Travel"}}}}, position, touched, w.now).Galleries); diff != "" {
			t.Errorf("steps (-want +got)\n%s", diff)
		}
	}
}

func TestAGalleryIsShownWhenItsRightsBegin(t *testing.T) {
	w := withRules(t)
	w.publish("old")
	w.pass(time.Hour)
	start := w.now.Add(time.Hour)
	w.publish("a", at(w.now.Add(-30*time.Minute)), from(start))
	for _, order := range []Order{ByPublished, ByUpdated} {
		if got := idsOf(w.Select(Match{}, order).View(9, w.now).Entries); !cmp.Equal(got, []string{"old"}) {
			t.Errorf("before, shown are %v", got)
		}
	}
	s, updated := w.Select(Match{}, ByPublished), w.Select(Match{}, ByUpdated)
	w.pass(time.Hour)
	for _, s := range []*Selection{s, updated, w.restart().Select(Match{}, ByPublished)} {
		v := s.View(9, w.now)
		if !cmp.Equal(idsOf(v.Entries), []string{"a", "old"}) || !v.Touched.Equal(start) || s.LenAt(w.now) != 2 {
			t.Errorf("shown are %v, touched at %v", idsOf(v.Entries), v.Touched)
		}
	}
	if e := w.Find("a"); !e.UpdatedAt(w.now).Equal(start) || !e.First().Equal(start) {
		t.Errorf("updated %v, shown first %v", e.UpdatedAt(w.now), e.First())
	}
}

// Only slides that the public may see change what is shown when their time comes.
func TestPhasesAreThoseOfSlidesThatThePublicMaySee(t *testing.T) {
	w := withRules(t)
	hour := func(n int) time.Time { return dawn.Add(time.Duration(n) * time.Hour) }
	w.publish("a",
		timedPicture("Staff", gallery.Rights{From: hour(1), Until: hour(4)}), timedPicture("Getty", gallery.Rights{Until: hour(2)}),
		timedPicture("Staff", gallery.Rights{Until: hour(3), Deny: []string{"public"}}), timedPicture("Staff", gallery.Rights{Until: hour(5), Allow: []string{"Public"}}))
	line, err := w.Find("a").Line()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseLine(string(line), 1, dawn)
	if err != nil {
		t.Fatal(err)
	}
	read.admit(w.opts.Public)
	for _, e := range []*Entry{w.Find("a"), read} {
		var phases []int
		for n := range 7 {
			phases = append(phases, e.Phase(hour(n)))
		}
		if diff := cmp.Diff([]int{0, 1, 1, 1, 2, 3, 3}, phases); diff != "" {
			t.Errorf("phases (-want +got)\n%s", diff)
		}
		if got := e.UpdatedAt(hour(3)); !got.Equal(hour(1)) {
			t.Errorf("updated %v", got)
		}
	}
}
