package page

import (
	"cmp"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// maxImages is how many pictures of a gallery its data for programs names: they choose
// one or a few to show, and all are in the gallery's feed.
const maxImages = 10

// imageGallery is, as data for programs, what the page of a gallery shows
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

func newImageGallery(p *galleryPage, page, publisher string) *imageGallery {
	g := &imageGallery{
		Context: "https://schema.org", Type: "ImageGallery", URL: page, SameAs: p.URL,
		Name: p.Title, Abstract: gallery.Excerpt(p.Summary, maxDescription), Language: p.Language,
		Published: p.Published.UTC(), Modified: p.Updated.UTC(), Genre: p.Section, Keywords: p.Tags,
		Publisher: party{Type: "Organization", Name: publisher},
		Copyright: p.Copyright, License: p.License,
	}
	for _, a := range p.Authors {
		if name := cmp.Or(a.Name, a.URL); name != "" {
			g.Authors = append(g.Authors, party{Type: "Person", Name: name, URL: a.URL})
		}
	}
	for _, s := range p.Slides {
		if s.Image.URL == "" || len(g.Images) == maxImages {
			continue
		}
		o := imageObject{
			Type: "ImageObject", URL: s.Image.URL, Thumbnail: s.Image.Thumbnail, Name: s.Title,
			Caption: gallery.Excerpt(gallery.PlainText(string(s.Caption)), maxQuoted), Credit: s.Credit,
		}
		if s.Image.Width > 0 {
			o.Width = pixels{"QuantitativeValue", s.Image.Width, "E37"}
			o.Height = pixels{"QuantitativeValue", s.Image.Height, "E37"}
		}
		g.Images = append(g.Images, o)
	}
	if len(g.Images) == 0 {
		g.Type, g.Headline = "Article", p.Title
	}
	return g
}
