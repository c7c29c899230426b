package page

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// maxImages is how many pictures of a gallery programs are told of: they choose
// one or a few to show, and all are in the gallery's feed.
const maxImages = 10

// imageGallery says of a gallery, for programs, what its page shows
// (https://schema.org/ImageGallery). Without a picture it is an Article.
type imageGallery struct {
	Context   string        `json:"@context"`
	Type      string        `json:"@type"`
	URL       string        `json:"url"`
	SameAs    string        `json:"sameAs,omitzero"` // at its publisher's
	Name      string        `json:"name"`
	Headline  string        `json:"headline,omitzero"` // of an Article
	Abstract  string        `json:"description,omitzero"`
	Language  string        `json:"inLanguage,omitzero"`
	Published time.Time     `json:"datePublished"`
	Modified  time.Time     `json:"dateModified,omitzero"`
	Genre     string        `json:"genre,omitzero"`
	Keywords  []string      `json:"keywords,omitzero"`
	Authors   []party       `json:"author,omitzero"`
	Publisher party         `json:"publisher"`
	Copyright string        `json:"copyrightNotice,omitzero"`
	License   string        `json:"license,omitzero"`
	Images    []imageObject `json:"image,omitzero"`
}

// party is a person or an organisation.
type party struct {
	Type string `json:"@type"`
	Name string `json:"name"`
	URL  string `json:"url,omitzero"`
}

// imageObject is a slide (https://schema.org/ImageObject).
type imageObject struct {
	Type      string `json:"@type"`
	URL       string `json:"contentUrl"`
	Thumbnail string `json:"thumbnailUrl,omitzero"`
	Name      string `json:"name,omitzero"`
	Caption   string `json:"caption,omitzero"`
	Credit    string `json:"creditText,omitzero"`
	Width     pixels `json:"width,omitzero"`
	Height    pixels `json:"height,omitzero"`
}

// pixels is a length in the unit that UN/CEFACT calls E37.
type pixels struct {
	Type string `json:"@type"`
	N    int    `json:"value"`
	Unit string `json:"unitCode"`
}

func newImageGallery(s *story, page, publisher string) *imageGallery {
	g := &imageGallery{
		Context: "https://schema.org", Type: "ImageGallery", URL: page, SameAs: s.Original,
		Name: s.Title, Abstract: gallery.Excerpt(s.Summary, maxDescription), Language: s.Language,
		Published: s.Published.UTC(), Genre: s.Section, Keywords: s.Tags,
		Publisher: party{Type: "Organization", Name: publisher},
		Copyright: s.Copyright, License: s.License,
	}
	if !s.Updated.IsZero() {
		g.Modified = s.Updated.UTC()
	}
	for _, a := range s.Authors {
		g.Authors = append(g.Authors, party{Type: "Person", Name: a.Name, URL: a.URL})
	}
	for _, slide := range s.Slides {
		if slide.Image != "" && len(g.Images) < maxImages {
			g.Images = append(g.Images, newImageObject(slide))
		}
	}
	if len(g.Images) == 0 {
		g.Type, g.Headline = "Article", s.Title
	}
	return g
}

func newImageObject(s slide) imageObject {
	o := imageObject{
		Type: "ImageObject", URL: s.Image, Thumbnail: s.Thumbnail, Name: s.Title,
		Caption: gallery.Excerpt(gallery.PlainText(string(s.Caption)), maxQuoted), Credit: s.Credit,
	}
	if s.Width > 0 {
		o.Width = pixels{"QuantitativeValue", s.Width, "E37"}
		o.Height = pixels{"QuantitativeValue", s.Height, "E37"}
	}
	return o
}
