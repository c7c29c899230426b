package page

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// strip is a gallery as the page of its feed shows it: its first slides, which are
// only named. Its texts are cut.
type strip struct {
	Title       string
	Language    string
	RightToLeft bool
	Slides      []slide
}

func newStrip(g *gallery.Gallery, at time.Time) *strip {
	s := &strip{
		Title:       clip(gallery.Line(g.Title), maxHeadline),
		Language:    g.Language,
		RightToLeft: gallery.Direction(g.Language, g.Title, g.Summary) == "rtl",
	}
	for _, from := range shortSlides(slidesOf(g, at, maxNewest), 1) {
		s.Slides = append(s.Slides, slide{ // without its caption and what leads on, which are not shown
			Key: from.Key, Number: from.Number, Image: from.Image, Alt: from.Alt, Thumbnail: from.Thumbnail,
			Width: from.Width, Height: from.Height, Title: from.Title,
		})
	}
	return s
}
