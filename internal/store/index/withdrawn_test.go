package index

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

func rightsUntil(t time.Time) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Rights.Until = t }
}

func slideRights(ends ...time.Time) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) {
		for _, end := range ends {
			g.Slides = append(g.Slides, gallery.Slide{Rights: gallery.Rights{Until: end}})
		}
	}
}

// What the time withdraws is gone as what was taken down is: from the instant, and
// for as long.
func TestExpiredGalleriesAreWithdrawn(t *testing.T) {
	t.Parallel()
	hour := dawn.Add(time.Hour)
	for _, c := range []struct {
		name   string
		change []func(*gallery.Gallery)
		when   time.Time // zero: never
	}{
		{"expired", []func(*gallery.Gallery){until(hour)}, hour},
		{"rights ended", []func(*gallery.Gallery){rightsUntil(hour)}, hour},
		{"rights ended before it expired", []func(*gallery.Gallery){until(hour.Add(time.Minute)), rightsUntil(hour)}, hour},
		{"expired before the revision that says so", []func(*gallery.Gallery){at(dawn.AddDate(-1, 0, 0)), until(dawn.AddDate(0, -1, 0))}, dawn},
		{"expired before it was published", []func(*gallery.Gallery){at(hour), until(hour)}, time.Time{}},
		{"expired under embargo", []func(*gallery.Gallery){at(hour.Add(72 * time.Hour)), until(hour)}, time.Time{}},
		{"withheld", []func(*gallery.Gallery){withheld, until(hour)}, time.Time{}},
		{"for ever", nil, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 100)
			watching := w.Select(Match{Sections: []string{"Travel"}}, ByPublished)
			w.publish("a", append(c.change, in("Travel"))...)
			for _, step := range []struct {
				now  time.Time
				gone bool
			}{
				{hour.Add(-1), c.when.Equal(dawn)},
				{hour, !c.when.IsZero()},
				{c.when.Add(24*time.Hour - 1), !c.when.IsZero()},
				{c.when.Add(24 * time.Hour), false},
			} {
				if step.now.Before(w.now) {
					continue
				}
				w.now = step.now
				w.Advance(w.clock)
				var want []string
				if step.gone {
					want = []string{"a"}
				}
				for _, got := range [][]string{idsOf(watching.View(9, w.now).Gone), gone(t, w, Match{Sections: []string{"Travel"}})} {
					if len(got) != len(want) || len(got) > 0 && !cmp.Equal(got, want) {
						t.Errorf("at %s gone are %v, want %v", step.now, got, want)
					}
				}
				if e := w.Find("a"); step.gone && !e.Withdrawn().Equal(c.when) || e.GoneAt(w.now) != step.gone {
					t.Errorf("at %s it went at %s", step.now, e.Withdrawn())
				}
			}
			if v := watching.View(9, w.now); !c.when.IsZero() && !v.Touched.Equal(c.when.Add(24*time.Hour)) {
				t.Errorf("forgotten, and touched at %s", v.Touched)
			}
		})
	}
}

func TestLaterRevisionEndsTheTombstone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	s := w.Select(Match{}, ByPublished)
	w.publish("a", until(dawn.Add(time.Hour)))
	w.publish("b", until(dawn.Add(2*time.Hour)))
	w.pass(3 * time.Hour)
	w.publish("c")
	w.takeDown("c")
	if got := idsOf(s.View(9, w.now).Gone); !cmp.Equal(got, []string{"c", "b", "a"}) {
		t.Fatalf("gone are %v", got)
	}
	w.publish("b", at(dawn))
	if v := s.View(9, w.now); !cmp.Equal(idsOf(v.Gone), []string{"c", "a"}) || !cmp.Equal(idsOf(v.Entries), []string{"b"}) {
		t.Errorf("shows %v, gone are %v", idsOf(v.Entries), idsOf(v.Gone))
	}
	w.takeDown("b")
	if got := gone(t, w, Match{}); !cmp.Equal(got, []string{"c", "b", "a"}) {
		t.Errorf("taken down, gone are %v", got)
	}
}

// By update, galleries move when the rights of a slide run out, any number of them
// at once; by publication they stay.
func TestOrderByUpdateFollowsTheTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	published, updated := w.Select(Match{}, ByPublished), w.Select(Match{}, ByUpdated)
	hour := func(n int) time.Time { return dawn.Add(time.Duration(n) * time.Hour) }
	w.publish("a", slideRights(hour(1), hour(5)))
	w.publish("b", slideRights(hour(1), hour(3)))
	w.publish("c", slideRights(hour(2)))
	w.publish("d", slideRights(hour(-1)), until(hour(6)))
	w.publish("e", slideRights(hour(4)), at(hour(4)))
	for _, step := range []struct {
		now  time.Time
		want []string
	}{
		{hour(0), []string{"d", "c", "b", "a"}},
		{hour(1), []string{"b", "a", "d", "c"}},
		{hour(3), []string{"b", "c", "a", "d"}}, // two instants at once
		{hour(6), []string{"a", "e", "b", "c"}},
		{hour(2), []string{"c", "b", "a", "d"}}, // the clock was set back
		{hour(9), []string{"a", "e", "b", "c"}},
	} {
		w.now = step.now
		w.Advance(w.clock)
		again := w.restart().Select(Match{}, ByUpdated)
		for name, s := range map[string]*Selection{"ran": updated, "restarted": again} {
			if diff := cmp.Diff(step.want, idsOf(s.View(9, w.now).Entries)); diff != "" {
				t.Errorf("%s, at %s (-want +got):\n%s", name, step.now, diff)
			}
		}
	}
	if got := idsOf(published.View(9, w.now).Entries); !cmp.Equal(got, []string{"e", "c", "b", "a"}) {
		t.Errorf("by publication %v", got)
	}
}

func TestSlidePhaseCountsForgottenSlides(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	e := w.publish("a", slideRights(dawn.Add(-time.Hour), dawn.Add(time.Hour)))
	for after, want := range map[time.Duration]int{0: 1, time.Hour: 2, 24*time.Hour - 1: 2, 24 * time.Hour: 3, 25 * time.Hour: 4} {
		if got := e.SlidePhase(dawn.Add(after)); got != want {
			t.Errorf("after %s: %d, want %d", after, got, want)
		}
	}
}

// A feed is touched when what it shows changes, and not by what happens under an
// embargo, after the end, or in the gallery's own feed alone.
func TestSelectionIsTouchedByItsGalleries(t *testing.T) {
	t.Parallel()
	hour := func(n int) time.Time { return dawn.Add(time.Duration(n) * time.Hour) }
	for _, c := range []struct {
		name   string
		change []func(*gallery.Gallery)
		now    time.Time
		want   time.Time
	}{
		{"the rights of a slide ran out", []func(*gallery.Gallery){slideRights(hour(1))}, hour(2), hour(1)},
		{"its own feed forgets the slide", []func(*gallery.Gallery){slideRights(hour(1))}, hour(26), hour(1)},
		{"a slide under embargo", []func(*gallery.Gallery){at(hour(9)), slideRights(hour(1))}, hour(2), time.Time{}},
		{"a slide after the end", []func(*gallery.Gallery){until(hour(1)), slideRights(hour(2))}, hour(3), hour(1)},
		{"a slide at the end", []func(*gallery.Gallery){until(hour(1)), slideRights(hour(2))}, hour(25), hour(25)},
		{"expired under embargo", []func(*gallery.Gallery){at(hour(72)), until(hour(1))}, hour(26), time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 100)
			s := w.Select(Match{}, ByPublished)
			w.publish("a", c.change...)
			w.pass(c.now.Sub(dawn))
			again := w.restart().Select(Match{}, ByPublished)
			for name, s := range map[string]*Selection{"ran": s, "restarted": again} {
				if v := s.View(9, w.now); !v.Touched.Equal(c.want) {
					t.Errorf("%s: touched at %s, want %s", name, v.Touched, c.want)
				}
			}
		})
	}
}

// A gallery that has taken the identifier of one that is gone is not reported as gone,
// however far below the document it is.
func TestGUIDThatIsShownAgainIsNotGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	w.opts.Stubs = true
	all, sport := w.Select(Match{}, ByUpdated), w.Select(Match{Sections: []string{"Sport"}}, ByPublished)
	known := func(g *gallery.Gallery) { g.GUID = "https://old.example.com/?p=17" }
	expect := func(when string, s *Selection, want ...string) {
		t.Helper()
		v := s.View(2, w.now)
		var stubs []*Entry
		for _, b := range v.Stubs {
			stubs = append(stubs, b.Entry)
		}
		for _, got := range [][]string{idsOf(v.Gone), idsOf(stubs), gone(t, w, s.choice.Match)} {
			if len(got)+len(want) > 0 && !cmp.Equal(got, want) {
				t.Errorf("%s gone are %v, want %v", when, got, want)
			}
		}
	}
	w.publish("old", known, in("Sport"))
	w.pass(time.Hour)
	w.publish("new", known, in("Travel"), until(dawn.Add(4*time.Hour)))
	w.pass(time.Hour)
	for _, id := range []string{"a", "b", "c"} {
		w.publish(id)
	}
	w.takeDown("old")
	expect("shown elsewhere:", sport, "old")
	expect("shown below:", all)
	w.pass(2 * time.Hour)
	expect("both withdrawn:", all, "new", "old")
	w.publish("new", in("Travel"))
	expect("shown under another:", all, "old")
	w.publish("new", known, in("Travel"))
	expect("shown again:", all)
	w.takeDown("new")
	expect("both taken down:", all, "new", "old")
}
