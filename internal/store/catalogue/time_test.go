package catalogue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

func expires(at time.Time) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Expires = at }
}

func rights(at time.Time) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) { g.Rights.Until = at }
}

func slideUntil(ends ...time.Time) func(*gallery.Gallery) {
	return func(g *gallery.Gallery) {
		for _, at := range ends {
			g.Slides = append(g.Slides, gallery.Slide{Rights: gallery.Rights{Until: at}})
		}
	}
}

func TestVisibilityBeginsAndEndsAtItsInstants(t *testing.T) {
	later, latest := noon.Add(time.Hour), noon.Add(2*time.Hour)
	epoch := time.Unix(0, 0)
	cases := []struct {
		name   string
		change []func(*gallery.Gallery)
		at     time.Time
		shown  bool
		ended  bool
	}{
		{"just before the embargo ends", nil, noon.Add(-1), false, false},
		{"when it ends", nil, noon, true, false},
		{"for ever", nil, noon.AddDate(150, 0, 0), true, false},
		{"just before it expires", []func(*gallery.Gallery){expires(later)}, later.Add(-1), true, false},
		{"when it expires", []func(*gallery.Gallery){expires(later)}, later, false, true},
		{"rights end before it expires", []func(*gallery.Gallery){expires(latest), rights(later)}, later, false, true},
		{"rights end after it expires", []func(*gallery.Gallery){expires(later), rights(latest)}, later, false, true},
		{"expired before it was published", []func(*gallery.Gallery){expires(noon.Add(-1))}, latest, false, false},
		{"expired at the epoch", []func(*gallery.Gallery){expires(epoch), published(epoch.AddDate(-1, 0, 0))}, noon, false, true},
		{"expires in the year 9999", []func(*gallery.Gallery){expires(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))}, latest, true, false},
		{"expired in the year 1", []func(*gallery.Gallery){expires(time.Time{}.Add(1))}, latest, false, false},
		{"withheld", []func(*gallery.Gallery){withheld}, latest, false, false},
	}
	b := brokertest.Start(t)
	c := start(t, b)
	for i, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			e := put(t, c, revision(t, "harbour", noon.Add(time.Duration(i)*time.Second), test.change...))
			if e.VisibleAt(test.at) != test.shown || e.EndedAt(test.at) != test.ended {
				t.Errorf("shown %t, ended %t, want %t, %t", e.VisibleAt(test.at), e.EndedAt(test.at), test.shown, test.ended)
			}
		})
	}
}

func TestPhaseCountsTheSlidesThatEnded(t *testing.T) {
	e := put(t, start(t, brokertest.Start(t)), revision(t, "harbour", noon, slideUntil(noon.Add(2), noon.Add(1), noon.Add(2))))
	for after, want := range map[time.Duration]int{0: 0, 1: 1, 2: 2, time.Hour: 2} {
		if got := e.Phase(noon.Add(after)); got != want {
			t.Errorf("phase %d after %d ns, want %d", got, after, want)
		}
	}
}

// A view turns stale exactly at the next instant, and the next view has what
// that instant brought.
func TestViewIsFreshUntilAnInstant(t *testing.T) {
	k := &clock{at: noon.Add(-time.Minute)}
	var told changes
	c := start(t, brokertest.Start(t), k.only, told.collect)
	s := c.Index().Select(index.Match{}, index.ByPublished)
	put(t, c, revision(t, "harbour", noon, expires(noon.Add(3*time.Hour)), slideUntil(noon.Add(2*time.Hour))))
	put(t, c, revision(t, "old", noon, published(noon.Add(-24*time.Hour))))
	steps := []struct {
		at    time.Time
		shown []string
	}{
		{noon, []string{"harbour", "old"}},
		{noon.Add(2 * time.Hour), []string{"harbour", "old"}},
		{noon.Add(3 * time.Hour), []string{"old"}},
	}
	v := s.View(10, k.now())
	if got := ids(v); !cmp.Equal(got, []string{"old"}) {
		t.Fatalf("under embargo: shows %v", got)
	}
	for _, step := range steps {
		if !s.Fresh(v.Generation, step.at.Add(-1)) {
			t.Errorf("stale before %s", step.at)
		}
		if s.Fresh(v.Generation, step.at) {
			t.Errorf("fresh at %s", step.at)
		}
		before := len(told.all())
		v = s.View(10, step.at)
		if !cmp.Equal(ids(v), step.shown) || !v.Passed.Equal(step.at) || !s.Fresh(v.Generation, step.at) || v.Generation == 0 {
			t.Errorf("at %s: shows %v, passed %s", step.at, ids(v), v.Passed)
		}
		if news := told.all()[before:]; len(news) != 1 || news[0].ID() != "harbour" || news[0].Old.Revision != news[0].New.Revision {
			t.Errorf("at %s: told %v", step.at, news)
		}
	}
	if got := s.LenAt(noon.Add(4 * time.Hour)); got != 1 {
		t.Errorf("holds %d", got)
	}
}

func TestAdvanceBringsWhatTheClockSays(t *testing.T) {
	k := &clock{at: noon.Add(-time.Minute)}
	c := start(t, brokertest.Start(t), k.only)
	s := c.Index().Select(index.Match{}, index.ByPublished)
	put(t, c, revision(t, "harbour", noon))
	v := s.View(10, k.now())
	k.set(noon)
	c.Index().Advance(k.now)
	if s.Fresh(v.Generation, noon) {
		t.Error("a view from before the embargo ended is fresh")
	}
	if after := s.View(10, noon); !after.Touched.Equal(noon) && !after.Touched.After(noon) {
		t.Errorf("touched at %s", after.Touched)
	}
}

// An instant in the future of the stored record touches the selection when it
// passes, and after a restart too.
func TestInstantTouchesTheSelection(t *testing.T) {
	b := brokertest.Start(t)
	k := &clock{at: time.Now()}
	c := start(t, b, k.only)
	s := c.Index().Select(index.Match{}, index.ByPublished)
	embargo, end := time.Now().Add(time.Hour).UTC(), time.Now().Add(2*time.Hour).UTC()
	put(t, c, revision(t, "harbour", noon, published(embargo), expires(end)))
	for _, at := range []time.Time{embargo, end} {
		if got := s.View(10, at).Touched; !got.Equal(at) {
			t.Errorf("touched at %s, want %s", got, at)
		}
		k.set(at)
		restarted := start(t, b, k.only).Index().Select(index.Match{}, index.ByPublished)
		if got := restarted.View(10, at).Touched; !got.Equal(at) {
			t.Errorf("after a restart: touched at %s, want %s", got, at)
		}
	}
}

func TestTimerWakesAtTheInstant(t *testing.T) {
	type waking struct {
		id string
		at time.Time
	}
	woken := make(chan waking, 100)
	c := start(t, brokertest.Start(t), func(o *catalogue.Options) {
		o.Index.Changed = func(change index.Change) {
			if change.New != nil && change.New == change.Old {
				woken <- waking{change.New.ID, time.Now()}
			}
		}
	})
	storetest.Run(t, c.KeepTime)
	put(t, c, revision(t, "far", noon, published(time.Now().Add(time.Hour))))
	var embargo time.Time
	var want []string
	for wait := 300 * time.Millisecond; !time.Now().Before(embargo); wait *= 2 { // until the index knows of one before it ends
		embargo = time.Now().Add(wait)
		id := fmt.Sprint("near-", wait)
		want = append([]string{id}, want...)
		put(t, c, revision(t, id, noon, published(embargo)))
	}
	for last := (waking{}); last.id != want[0]; {
		select {
		case last = <-woken:
		case <-time.After(storetest.WaitLimit):
			t.Fatal("never woken")
		}
		if last.id == want[0] && last.at.Before(embargo) {
			t.Errorf("woken %s before the instant", embargo.Sub(last.at))
		}
	}
	if got := ids(c.Index().Select(index.Match{}, index.ByPublished).View(10, time.Now())); !cmp.Equal(got, want) {
		t.Errorf("shows %v, want %v", got, want)
	}
}

func TestClockSetBack(t *testing.T) {
	k := &clock{at: noon}
	var told changes
	c := start(t, brokertest.Start(t), k.only, told.collect)
	s := c.Index().Select(index.Match{}, index.ByPublished)
	put(t, c, revision(t, "embargoed", noon, published(noon.Add(time.Hour))))
	put(t, c, revision(t, "expiring", noon, published(noon.Add(-time.Hour)), expires(noon.Add(time.Hour))))
	after := noon.Add(time.Hour)
	v := s.View(10, after)
	if got := ids(v); !cmp.Equal(got, []string{"embargoed"}) {
		t.Fatalf("shows %v", got)
	}

	t.Run("a reader has an old time", func(t *testing.T) {
		before := len(told.all())
		for _, old := range []time.Time{after.Add(-300 * time.Millisecond), noon} {
			if back := s.View(10, old); !cmp.Equal(ids(back), []string{"embargoed"}) || !back.At.Equal(after) || back.Generation != v.Generation {
				t.Errorf("shows %v as of %s", ids(back), back.At)
			}
		}
		if news := told.all()[before:]; len(news) != 0 {
			t.Errorf("told %v", news)
		}
	})
	t.Run("by less than a second", func(t *testing.T) {
		k.set(after.Add(-300 * time.Millisecond))
		c.Index().Advance(k.now)
		if back := s.View(10, k.now()); !cmp.Equal(ids(back), []string{"embargoed"}) || !back.At.Equal(after) {
			t.Errorf("shows %v as of %s", ids(back), back.At)
		}
	})
	t.Run("by more", func(t *testing.T) {
		before := len(told.all())
		k.set(noon)
		c.Index().Advance(k.now)
		back := s.View(10, noon)
		if got := ids(back); !cmp.Equal(got, []string{"expiring"}) {
			t.Errorf("shows %v", got)
		}
		if s.Fresh(v.Generation, noon) || back.Passed.After(noon) || back.Touched.Before(v.Touched) {
			t.Errorf("passed %s, touched %s, before %s", back.Passed, back.Touched, v.Touched)
		}
		if news := told.all()[before:]; len(news) != 1 || news[0] != (index.Change{}) {
			t.Errorf("told %v", news)
		}
		if s.Fresh(back.Generation, after) {
			t.Error("fresh when the embargo ends again")
		}
	})
	t.Run("and on again", func(t *testing.T) {
		if got := ids(s.View(10, after)); !cmp.Equal(got, []string{"embargoed"}) {
			t.Errorf("shows %v", got)
		}
	})
}

// What is revised again and again long before it expires does not pile up.
func TestRevisionsBeforeAnExpiryAreForgotten(t *testing.T) {
	c := start(t, brokertest.Start(t))
	s := c.Index().Select(index.Match{}, index.ByPublished)
	end := time.Now().Add(time.Hour)
	var last uint64
	for i := range 3000 {
		r := revision(t, "harbour", noon.Add(time.Duration(i)), expires(end))
		if _, err := c.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		last = uint64(i + 1)
	}
	if err := c.Wait(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	v := s.View(10, end.Add(-1))
	if len(v.Entries) != 1 || s.Fresh(v.Generation, end) {
		t.Errorf("shows %v", ids(v))
	}
	if got := ids(s.View(10, end)); len(got) != 0 {
		t.Errorf("after it expired: shows %v", got)
	}
}
