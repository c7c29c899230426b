package demo

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Step is one thing that happens in the demonstration: a publication or a
// take-down, never both.
type Step struct {
	Gallery  *gallery.Gallery // to publish; nil for a take-down
	TakeDown string           // the id to take down; empty for a publication
	Says     string           // one line for a terminal
}

// A round of steps has revisions of the samples at its odd places, new small
// galleries at the even ones, and at its last a take-down of the gallery that
// came withdrawnAfter steps before.
const (
	round          = 8
	withdrawnAfter = 4
)

// Next returns the n-th thing that happens after the start, counted from 1, if
// it happens at the given instant. As long as at does not go back from one n
// to the next, no step ranks below an earlier one of the same gallery.
func (s *Studio) Next(n int, at time.Time) (Step, error) {
	switch {
	case n < 1:
		return Step{}, fmt.Errorf("step %d: steps are counted from 1", n)
	case n%round == 0:
		id := s.newcomer(n - withdrawnAfter).id()
		return Step{TakeDown: id, Says: "take-down of " + id}, nil
	case n%2 == 0:
		return s.publishNew(n, instant(at))
	}
	return s.publishRevision(n, instant(at))
}

// publishRevision is the step of an odd n: the samples take turns.
func (s *Studio) publishRevision(n int, at time.Time) (Step, error) {
	turn := (n - 1) / 2
	sample := &s.samples[turn%len(s.samples)]
	edit := turn/len(s.samples) + 1
	g, err := s.describe(sample, s.published(sample))
	if err != nil {
		return Step{}, err
	}
	says := sample.revise(&g, edit)
	g.Updated = at
	g.Version += int64(edit)
	return Step{Gallery: &g, Says: fmt.Sprintf("revision %d of %s: %s", g.Version, g.ID, says)}, nil
}

// newcomer is a small gallery that comes in; when all have, they come again as
// further parts, under new ids since a gallery taken down keeps its own.
type newcomer struct {
	*sample
	part int
}

// newcomer returns the gallery that step n brings in; n is even and not the
// last of a round.
func (s *Studio) newcomer(n int) newcomer {
	before := n/2 - 1 - n/round
	return newcomer{sample: &s.small[before%len(s.small)], part: before/len(s.small) + 1}
}

func (c newcomer) id() string {
	if c.part == 1 {
		return c.ID
	}
	return c.ID + "-" + strconv.Itoa(c.part)
}

func (c newcomer) title() string {
	if c.part == 1 {
		return c.Title
	}
	return fmt.Sprintf("%s, part %d", c.Title, c.part)
}

func (s *Studio) publishNew(n int, at time.Time) (Step, error) {
	c := s.newcomer(n)
	g, err := s.describe(c.sample, at)
	if err != nil {
		return Step{}, err
	}
	g.ID, g.Title = c.id(), c.title()
	g.URL = "https://news.example.com/galleries/" + g.ID
	return Step{Gallery: &g, Says: fmt.Sprintf("new gallery %s with %d slides", g.ID, len(g.Slides))}, nil
}
