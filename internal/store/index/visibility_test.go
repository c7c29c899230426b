package index

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

func TestVisibilityBeginsAndEndsAtItsInstants(t *testing.T) {
	t.Parallel()
	later, latest, epoch := dawn.Add(time.Hour), dawn.Add(2*time.Hour), time.Unix(0, 0)
	for _, test := range []struct {
		name   string
		change []func(*gallery.Gallery)
		at     time.Time
		shown  bool
		ended  bool
	}{
		{"just before the embargo ends", nil, dawn.Add(-1), false, false},
		{"when it ends", nil, dawn, true, false},
		{"for ever", nil, dawn.AddDate(150, 0, 0), true, false},
		{"just before it expires", []func(*gallery.Gallery){until(later)}, later.Add(-1), true, false},
		{"when it expires", []func(*gallery.Gallery){until(later)}, later, false, true},
		{"rights end before it expires", []func(*gallery.Gallery){until(latest), rightsUntil(later)}, later, false, true},
		{"rights end after it expires", []func(*gallery.Gallery){until(later), rightsUntil(latest)}, later, false, true},
		{"expired before it was published", []func(*gallery.Gallery){until(dawn.Add(-1))}, latest, false, false},
		{"expired at the epoch", []func(*gallery.Gallery){until(epoch), at(epoch.AddDate(-1, 0, 0))}, dawn, false, true},
		{"expires in the year 9999", []func(*gallery.Gallery){until(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))}, latest, true, false},
		{"expired in the year 1", []func(*gallery.Gallery){until(time.Time{}.Add(1))}, latest, false, false},
		{"withheld", []func(*gallery.Gallery){withheld}, latest, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, 100)
			w.publish("harbour", test.change...)
			for _, x := range []*world{w, w.restart()} {
				if e := x.Find("harbour"); e.VisibleAt(test.at) != test.shown || e.EndedAt(test.at) != test.ended {
					t.Errorf("shown %t, ended %t, want %t, %t", e.VisibleAt(test.at), e.EndedAt(test.at), test.shown, test.ended)
				}
			}
		})
	}
}

func TestPhaseCountsTheSlidesThatEnded(t *testing.T) {
	t.Parallel()
	e := newWorld(t, 100).publish("harbour", slideRights(dawn.Add(2), dawn.Add(1), dawn.Add(2)))
	for after, want := range map[time.Duration]int{0: 0, 1: 1, 2: 2, time.Hour: 2} {
		if got := e.Phase(dawn.Add(after)); got != want {
			t.Errorf("phase %d after %d ns, want %d", got, after, want)
		}
	}
}

// A view turns stale exactly at the next instant, and the next view has what
// that instant brought.
func TestViewIsFreshUntilAnInstant(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	s := w.Select(Match{}, ByPublished)
	begin := dawn.Add(time.Minute)
	w.publish("harbour", at(begin), until(begin.Add(3*time.Hour)), slideRights(begin.Add(2*time.Hour)))
	w.publish("old", at(dawn.Add(-24*time.Hour)))
	v := s.View(10, w.now)
	if got := idsOf(v.Entries); !cmp.Equal(got, []string{"old"}) {
		t.Fatalf("under embargo: shows %v", got)
	}
	for _, step := range []struct {
		at    time.Time
		shown []string
	}{
		{begin, []string{"harbour", "old"}},
		{begin.Add(2 * time.Hour), []string{"harbour", "old"}},
		{begin.Add(3 * time.Hour), []string{"old"}},
	} {
		if !s.Fresh(v.Generation, step.at.Add(-1)) {
			t.Errorf("stale before %s", step.at)
		}
		if s.Fresh(v.Generation, step.at) {
			t.Errorf("fresh at %s", step.at)
		}
		before := len(w.changes)
		v = s.View(10, step.at)
		if !cmp.Equal(idsOf(v.Entries), step.shown) || !v.Passed.Equal(step.at) || !s.Fresh(v.Generation, step.at) || v.Generation == 0 {
			t.Errorf("at %s: shows %v, passed %s", step.at, idsOf(v.Entries), v.Passed)
		}
		if news := w.changes[before:]; len(news) != 1 || news[0].ID() != "harbour" || news[0].Old.Revision != news[0].New.Revision {
			t.Errorf("at %s: reported %v", step.at, news)
		}
	}
	if got := s.LenAt(begin.Add(4 * time.Hour)); got != 1 {
		t.Errorf("holds %d", got)
	}
}

func TestAdvanceEndsAnEmbargo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	s := w.Select(Match{}, ByPublished)
	end := dawn.Add(time.Minute)
	w.publish("harbour", at(end))
	v := s.View(10, w.now)
	w.pass(time.Minute)
	if s.Fresh(v.Generation, end) {
		t.Error("a view from before the embargo ended is fresh")
	}
	if after := s.View(10, end); after.Touched.Before(end) {
		t.Errorf("touched at %s", after.Touched)
	}
}

// An instant in the future of the stored record touches the selection when it
// passes, and after a restart too.
func TestInstantTouchesTheSelection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	s := w.Select(Match{}, ByPublished)
	embargo, end := dawn.Add(time.Hour), dawn.Add(2*time.Hour)
	w.publish("harbour", at(embargo), until(end))
	for _, at := range []time.Time{embargo, end} {
		w.now = at
		for name, s := range map[string]*Selection{"running": s, "restarted": w.restart().Select(Match{}, ByPublished)} {
			if got := s.View(10, at).Touched; !got.Equal(at) {
				t.Errorf("%s: touched at %s, want %s", name, got, at)
			}
		}
	}
}

func TestClockSetBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	s := w.Select(Match{}, ByPublished)
	w.publish("embargoed", at(dawn.Add(time.Hour)))
	w.publish("expiring", at(dawn.Add(-time.Hour)), until(dawn.Add(time.Hour)))
	after := dawn.Add(time.Hour)
	v := s.View(10, after)
	if got := idsOf(v.Entries); !cmp.Equal(got, []string{"embargoed"}) {
		t.Fatalf("shows %v", got)
	}

	t.Run("a reader has an old time", func(t *testing.T) {
		before := len(w.changes)
		for _, old := range []time.Time{after.Add(-300 * time.Millisecond), dawn} {
			if back := s.View(10, old); !cmp.Equal(idsOf(back.Entries), []string{"embargoed"}) || !back.At.Equal(after) || back.Generation != v.Generation {
				t.Errorf("shows %v as of %s", idsOf(back.Entries), back.At)
			}
		}
		if news := w.changes[before:]; len(news) != 0 {
			t.Errorf("reported %v", news)
		}
	})
	t.Run("by less than a second", func(t *testing.T) {
		w.now = after.Add(-300 * time.Millisecond)
		w.Advance(w.clock)
		if back := s.View(10, w.now); !cmp.Equal(idsOf(back.Entries), []string{"embargoed"}) || !back.At.Equal(after) {
			t.Errorf("shows %v as of %s", idsOf(back.Entries), back.At)
		}
	})
	t.Run("by more", func(t *testing.T) {
		before := len(w.changes)
		w.now = dawn
		w.Advance(w.clock)
		back := s.View(10, dawn)
		if got := idsOf(back.Entries); !cmp.Equal(got, []string{"expiring"}) {
			t.Errorf("shows %v", got)
		}
		if s.Fresh(v.Generation, dawn) || back.Passed.After(dawn) || back.Touched.Before(v.Touched) {
			t.Errorf("passed %s, touched %s, before %s", back.Passed, back.Touched, v.Touched)
		}
		if news := w.changes[before:]; len(news) != 1 || news[0] != (Change{}) {
			t.Errorf("reported %v", news)
		}
		if s.Fresh(back.Generation, after) {
			t.Error("fresh when the embargo ends again")
		}
	})
	t.Run("and on again", func(t *testing.T) {
		if got := idsOf(s.View(10, after).Entries); !cmp.Equal(got, []string{"embargoed"}) {
			t.Errorf("shows %v", got)
		}
	})
}

// What is embargoed is held and neither counted nor shown, however much it is.
func TestEmbargoedAreNotShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100)
	s := w.Select(Match{}, ByPublished)
	for i := range 5 {
		w.publish(fmt.Sprint("later-", i), at(dawn.Add(time.Hour)))
	}
	w.publish("harbour")
	if got := idsOf(s.View(2, w.now).Entries); !cmp.Equal(got, []string{"harbour"}) || s.LenAt(w.now) != 1 || s.Holds("later-1", w.now) {
		t.Errorf("shows %v, counts %d", got, s.LenAt(w.now))
	}
	if got := s.LenAt(dawn.Add(2 * time.Hour)); got != 6 {
		t.Errorf("later it counts %d", got)
	}
}
