package page

import (
	"slices"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

const (
	// maxPage is how many bytes a page should have. That of a gallery has what the
	// gallery has.
	maxPage = 50_000
	// perFeed is what it may have more for each configured feed above maxDiscovered
	// that it names: these are never cut, nor are others for their sake.
	perFeed = 1_000
	// maxParts is how far a page is cut down to that.
	maxParts = 8
	// maxAddress is how long the address of a picture may be; once a page is cut
	// down, only the same part of that.
	maxAddress = 2000
)

// fit returns the page that make makes: whole where that has at most so many bytes, else
// with only a half, a quarter or an eighth of lists and long texts.
func fit(most int, make func(part int) (*document, error)) (*document, error) {
	d, err := make(1)
	for part := 2; err == nil && d.Size() > most && part <= maxParts; part *= 2 {
		d, err = make(part)
	}
	return d, err
}

// shortCards returns the galleries with only a part of their texts, and without
// the pictures whose addresses alone are long.
func shortCards(list []card, part int) []card {
	if part == 1 {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		c := &list[i]
		c.Title, c.Summary = gallery.Excerpt(c.Title, maxHeadline/part), gallery.Excerpt(c.Summary, maxBlurb/part)
		c.Cover.Alt = gallery.Excerpt(c.Cover.Alt, maxHeadline/part)
		if max(len(c.Cover.URL), len(c.Cover.Thumbnail)) > maxAddress/part {
			c.Cover = gallery.Image{}
		}
	}
	return list
}

// shortSlides is shortCards for slides; even whole they are only named.
func shortSlides(list []slide, part int) []slide {
	list = slices.Clone(list)
	for i := range list {
		s := &list[i]
		s.Title, s.Image.Alt = gallery.Excerpt(s.Title, maxHeadline/part), gallery.Excerpt(s.Image.Alt, maxHeadline/part)
		if part > 1 && max(len(s.Image.URL), len(s.Image.Thumbnail)) > maxAddress/part {
			s.Image = gallery.Image{}
		}
	}
	return list
}

// shortTopics returns the topics with only a part of their names, and not very many.
func shortTopics(list []topic, part int) []topic {
	if part == 1 {
		return list
	}
	list = slices.Clone(first(list, maxTags))
	for i := range list {
		list[i].Name = gallery.Excerpt(list[i].Name, maxHeadline/part)
	}
	return list
}
