package demo

import (
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Step is one thing that happens in the demonstration: a publication or a
// take-down, never both.
type Step struct {
	Gallery  *gallery.Gallery // to publish; nil for a take-down
	TakeDown string           // id to take down; empty for a publication
	Says     string           // one line for a terminal
}

// In a round of steps the odd ones revise the samples, the even ones publish
// new small galleries, and the last one takes down the gallery published
// withdrawnAfter steps before.
const (
	round          = 8
	withdrawnAfter = 4
)

// Next returns the n-th thing that happens after the start, counted from 1, if
// it happens at the given instant. As long as at does not go back from one n
// to the next, no step ranks below an earlier one of the same gallery.
func (c *CMS) Next(n int, at time.Time) (Step, error) {
	switch {
	case n < 1:
		return Step{}, fmt.Errorf("step %d: steps are counted from 1", n)
	case n%round == 0:
		g := c.newGallery(n-withdrawnAfter, at)
		return Step{TakeDown: g.ID, Says: "take-down of " + g.ID}, nil
	case n%2 == 0:
		g := c.newGallery(n, instant(at))
		return Step{Gallery: &g, Says: fmt.Sprintf("new gallery %s with %d slides", g.ID, len(g.Slides))}, nil
	}
	turn := (n - 1) / 2
	s := &c.samples[turn%len(c.samples)]
	edit := turn/len(c.samples) + 1
	g := c.gallery(s, c.published(s))
	says := s.revise(&g, edit)
	g.Updated = instant(at)
	g.Version += int64(edit)
	return Step{Gallery: &g, Says: fmt.Sprintf("revision %d of %s: %s", g.Version, g.ID, says)}, nil
}

// newGallery returns the small gallery that step n publishes; n is even and
// not the last of a round. When all were published, they come again as further
// parts, under new ids because a gallery once taken down keeps its own.
func (c *CMS) newGallery(n int, at time.Time) gallery.Gallery {
	before := n/2 - 1 - n/round
	g := c.gallery(&c.small[before%len(c.small)], at)
	if part := before/len(c.small) + 1; part > 1 {
		g.ID = fmt.Sprintf("%s-%d", g.ID, part)
		g.Title = fmt.Sprintf("%s, part %d", g.Title, part)
	}
	g.URL = "https://news.example.com/galleries/" + g.ID
	return g
}
