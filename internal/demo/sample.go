package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// files holds the sample galleries in the form of the event contract, with a
// few fields more (see sample), without dates and without image addresses.
//
//go:embed samples/*.json
var files embed.FS

// sample is one gallery of the embedded files and what it takes to draw it.
type sample struct {
	gallery.Gallery
	Slides     []slide    `json:"slides"`
	Credit     string     `json:"credit"`     // of every slide
	MinutesOld int        `json:"minutesOld"` // published this long before the start
	Colours    colours    `json:"colours"`
	Revisions  []revision `json:"revisions"`
}

// slide is a slide whose image has an alternative text and nothing else yet.
type slide struct {
	gallery.Slide
	Drawing string `json:"drawing"` // the name of a motif
	Variant int    `json:"variant"` // of the motif; 0: the place of the slide
}

// revision is an edit of a sample: the fields that are set replace the old.
type revision struct {
	Says    string `json:"says"`
	Title   string `json:"title"`
	Summary string `json:"summary"`
	Slide   string `json:"slide"` // whose caption it is
	Caption string `json:"caption"`
}

// readSamples returns the three sample galleries, the main one first.
func readSamples() ([]sample, error) {
	samples := make([]sample, 3)
	for i, name := range []string{"cecot", "market", "signs"} {
		if err := readFile(name, &samples[i]); err != nil {
			return nil, err
		}
	}
	return samples, nil
}

// readSmall returns the small galleries that come in later.
func readSmall() ([]sample, error) {
	var small []sample
	err := readFile("small", &small)
	return small, err
}

func readFile(name string, v any) error {
	data, err := files.ReadFile("samples/" + name + ".json")
	if err != nil {
		return fmt.Errorf("read sample %s: %w", name, err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode sample %s: %w", name, err)
	}
	return nil
}

// describe returns s as a CMS would, published and updated at the given
// instant. It shares no memory with s.
func (s *sample) describe(published time.Time) gallery.Gallery {
	g := s.Gallery
	g.Tags, g.Authors, g.Sources = slices.Clone(g.Tags), slices.Clone(g.Authors), slices.Clone(g.Sources)
	g.Published, g.Updated = published, published
	g.Slides = make([]gallery.Slide, len(s.Slides))
	for i, sl := range s.Slides {
		g.Slides[i] = sl.Slide
		g.Slides[i].Credit = s.Credit
	}
	return g
}

// revise applies the first n edits of the round that s.Revisions is: after the
// last of them the gallery is back at its first wording. It returns what the
// n-th did.
func (s *sample) revise(g *gallery.Gallery, n int) (says string) {
	says = "back to the first wording"
	for _, r := range s.Revisions[:n%(len(s.Revisions)+1)] {
		r.apply(g)
		says = r.Says
	}
	return says
}

func (r *revision) apply(g *gallery.Gallery) {
	if r.Title != "" {
		g.Title = r.Title
	}
	if r.Summary != "" {
		g.Summary = r.Summary
	}
	for i := range g.Slides {
		if g.Slides[i].ID == r.Slide {
			g.Slides[i].Caption = r.Caption
		}
	}
}

// plainName reports whether name can stand in an address as it is.
func plainName(name string) bool {
	return gallery.Key(name) == name && !strings.HasSuffix(name, thumbSuffix)
}
