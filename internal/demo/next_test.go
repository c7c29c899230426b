package demo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gallerywire/gallerywire/internal/demo"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

func next(t *testing.T, c *demo.CMS, n int) demo.Step {
	t.Helper()
	step, err := c.Next(n, start.Add(time.Duration(n)*time.Second/3))
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// rank is g's without the hash, which must never be what decides.
func rank(g *gallery.Gallery) gallery.Rank {
	return gallery.Rank{Updated: g.Updated, Version: g.Version}
}

func TestStepsFitTheContract(t *testing.T) {
	c := newCMS(t)
	for n := 1; n <= 64; n++ {
		step := next(t, c, n)
		if (step.Gallery == nil) == (step.TakeDown == "") {
			t.Fatalf("step %d is not either a publication or a take-down: %+v", n, step)
		}
		if step.Says == "" || strings.ContainsAny(step.Says, "\r\n") {
			t.Errorf("step %d says %q", n, step.Says)
		}
		if step.Gallery != nil {
			checkContract(t, *step.Gallery)
		}
	}
}

func TestStepsRankAboveEarlierOnes(t *testing.T) {
	c := newCMS(t)
	last := make(map[string]gallery.Gallery)
	for _, g := range c.Galleries() {
		last[g.ID] = g
	}
	for n := 1; n <= 200; n++ {
		g := next(t, c, n).Gallery
		if g == nil {
			continue
		}
		if before, ok := last[g.ID]; ok {
			if rank(g).Compare(rank(&before)) <= 0 {
				t.Fatalf("step %d: %s has rank %+v after %+v", n, g.ID, rank(g), rank(&before))
			}
			if !g.Published.Equal(before.Published) {
				t.Errorf("step %d: a revision of %s moves its publication", n, g.ID)
			}
		}
		last[g.ID] = *g
	}
}

func TestStepsInOneInstantStillRankInOrder(t *testing.T) {
	c := newCMS(t)
	first, err := c.Next(1, start)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Next(7, start)
	if err != nil {
		t.Fatal(err)
	}
	if first.Gallery.ID != second.Gallery.ID || rank(second.Gallery).Compare(rank(first.Gallery)) <= 0 {
		t.Errorf("%+v does not rank above %+v", rank(second.Gallery), rank(first.Gallery))
	}
}

func TestEachRevisionChangesItsGallery(t *testing.T) {
	c := newCMS(t)
	texts := func(g gallery.Gallery) gallery.Gallery {
		g.Updated, g.Version = time.Time{}, 0
		return g
	}
	last := make(map[string]gallery.Gallery)
	for _, g := range c.Galleries() {
		last[g.ID] = texts(g)
	}
	for n := 1; n <= 61; n += 2 {
		g := *next(t, c, n).Gallery
		before, ok := last[g.ID]
		if !ok {
			t.Fatalf("step %d revises %s, which is no sample", n, g.ID)
		}
		if cmp.Equal(before, texts(g)) {
			t.Errorf("step %d: revision %d of %s changes nothing", n, g.Version, g.ID)
		}
		last[g.ID] = texts(g)
	}
}

func TestNewGalleriesAreSmallAndSometimesTakenDownForGood(t *testing.T) {
	c := newCMS(t)
	shown, gone := make(map[string]bool), make(map[string]bool)
	for n := 2; n <= 200; n += 2 {
		step := next(t, c, n)
		if id := step.TakeDown; id != "" {
			if !shown[id] {
				t.Errorf("step %d takes down %s, which is not there", n, id)
			}
			delete(shown, id)
			gone[id] = true
			continue
		}
		g := step.Gallery
		if shown[g.ID] || gone[g.ID] {
			t.Errorf("step %d: id %s is used again", n, g.ID)
		}
		if len(g.Slides) < 3 || len(g.Slides) > 6 {
			t.Errorf("%s has %d slides", g.ID, len(g.Slides))
		}
		shown[g.ID] = true
	}
	if len(shown) != 50 || len(gone) != 25 {
		t.Errorf("after 200 steps %d new galleries are there and %d gone", len(shown), len(gone))
	}
}

func TestFurtherPartsHaveTitlesOfTheirOwn(t *testing.T) {
	c := newCMS(t)
	titles := make(map[string]string)
	for n := 2; n <= 60; n += 2 {
		if g := next(t, c, n).Gallery; g != nil {
			if other, ok := titles[g.Title]; ok {
				t.Errorf("%s and %s are both called %q", g.ID, other, g.Title)
			}
			titles[g.Title] = g.ID
		}
	}
}

func TestStepsAreDeterministic(t *testing.T) {
	one, other := newCMS(t), newCMS(t)
	for _, n := range []int{1, 2, 8, 9, 1_000_001, 1_000_002} {
		if diff := cmp.Diff(next(t, one, n), next(t, other, n)); diff != "" {
			t.Errorf("step %d: %s", n, diff)
		}
	}
}

func TestStepsAreCountedFromOne(t *testing.T) {
	c := newCMS(t)
	for _, n := range []int{0, -1, -8} {
		if step, err := c.Next(n, start); err == nil {
			t.Errorf("step %d: %+v", n, step)
		}
	}
}
