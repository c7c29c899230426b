package page

import (
	"cmp"
	"html/template"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// slide is a slide as pages show it. Its picture has the slide's title for an alternative
// text that it lacks, and a width and a height or neither.
type slide struct {
	gallery.SlideView
	Number         int           // of those shown, from 1
	Previous, Next string        // keys of its neighbours, empty at the ends
	Caption        template.HTML // on the gallery's own page; else empty
}

// slidesOf returns the first so many of the slides of v.
func slidesOf(v *gallery.View, most int) []slide {
	list := make([]slide, min(most, len(v.Slides)))
	for i := range list {
		s := slide{SlideView: v.Slides[i], Number: i + 1}
		// The caption is next to the picture already.
		s.Image.Alt = cmp.Or(s.Image.Alt, s.Title)
		if s.Image.Width == 0 || s.Image.Height == 0 {
			s.Image.Width, s.Image.Height = 0, 0
		}
		if i > 0 {
			s.Previous, list[i-1].Next = list[i-1].Key, s.Key
		}
		list[i] = s
	}
	return list
}

// coverOf returns the picture that stands for a gallery: the first whose address can
// be used, with a thumbnail; none has no address.
func coverOf(slides []slide) gallery.Image {
	for _, s := range slides {
		if c := s.Image; c.URL != "" {
			c.Thumbnail, c.Alt = cmp.Or(c.Thumbnail, c.URL), gallery.Excerpt(c.Alt, maxHeadline)
			return c
		}
	}
	return gallery.Image{}
}
