package page

import (
	"context"
	"time"

	"github.com/gallerywire/gallerywire/internal/catalogue"
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

func (s *strip) size() int {
	n := 512 + len(s.Title) + len(s.Language)
	for _, sl := range s.Slides {
		n += 512 + len(sl.Key) + len(sl.Image) + len(sl.Thumbnail) + len(sl.Title) + len(sl.Alt)
	}
	return n
}

// stripOf returns the first slides of a gallery that may be shown at now.
func (p *Pages) stripOf(ctx context.Context, e *catalogue.Entry, now time.Time) (*strip, error) {
	key := keyOf(e, e.Phase(now))
	if s, ok := p.strips.get(key); ok {
		return s, nil
	}
	g, err := p.catalogue.Load(ctx, e)
	if err != nil {
		return nil, err
	}
	s := newStrip(g, now)
	p.strips.add(key, s)
	return s, nil
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
