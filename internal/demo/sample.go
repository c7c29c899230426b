package demo

import (
	"embed"
	"encoding/json"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// sampleFiles holds the sample galleries in the form of the event contract,
// without dates and image addresses, and with the further fields of sample.
//
//go:embed samples/*.json
var sampleFiles embed.FS

// sample is one gallery of the embedded files.
type sample struct {
	gallery.Gallery
	Slides     []slide    `json:"slides"`
	Credit     string     `json:"credit"`     // of every slide
	MinutesOld int        `json:"minutesOld"` // published this long before the start
	Revisions  []revision `json:"revisions"`
}

// slide is a slide whose image has only an alternative text.
type slide struct {
	gallery.Slide
	Picture string `json:"picture"` // name of an embedded picture
}

// revision is an edit of a sample: the fields that are set replace the old.
type revision struct {
	Summary string `json:"summary"`
	Title   string `json:"title"`
	Slide   string `json:"slide"` // the caption's slide
	Caption string `json:"caption"`
	Says    string `json:"says"`
}

func readSample(name string, v any) error {
	data, err := sampleFiles.ReadFile("samples/" + name + ".json")
	if err != nil {
		return fmt.Errorf("read sample %s: %w", name, err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode sample %s: %w", name, err)
	}
	return nil
}

// revise makes g the n-th revision of s and returns what the last edit did.
// Revisions go round: after the last edit comes the first wording again.
func (s *sample) revise(g *gallery.Gallery, n int) (says string) {
	says = "back to the first wording"
	for _, r := range s.Revisions[:n%(len(s.Revisions)+1)] {
		says = r.Says
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
	return says
}
