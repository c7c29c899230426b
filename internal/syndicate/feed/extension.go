package feed

import "github.com/gallerywire/gallerywire/internal/gallery"

// extensionAbout is the page that explains the extension of JSON Feed.
const extensionAbout = "https://github.com/gallerywire/gallerywire"

// galleryData is the gallery as data: what this program adds to every item of
// JSON Feed under the name "_gallerywire", for programs that show slides in a
// way of their own.
//
//	"_gallerywire": {
//	  "gallery": "harbour-lights",      the gallery's id at its publisher
//	  "self": "https://…/galleries/harbour-lights.json",  its own feed here
//	  "page": "https://…/galleries/harbour-lights",       its page here
//	  "section": "Travel",
//	  "direction": "rtl",               of the texts, "ltr" or "rtl"
//	  "sources": ["Agency One"],
//	  "copyright": "© Example News",
//	  "license": "https://example.com/licence",
//	  "withdrawn": true,                the gallery or slide may not be shown any more
//	  "slides": [{                      in order; in a summary only the cover
//	    "id": "1",                      in the gallery's own feed the slide's id ends in it
//	    "title": "Dusk",
//	    "caption_html": "<p>…</p>",     safe to show as it is
//	    "credit": "Agency One",
//	    "image": {"url": "https://…", "type": "image/jpeg", "width": 1600, "height": 900,
//	              "bytes": 245113, "alt": "Boats at dusk", "thumbnail": "https://…"}
//	  }]
//	}
//
// Members without a value are left out: none is null, zero, false or empty. "gallery"
// and a slide's "id" are always there, an image's "url" wherever there is an
// image, "self" and "page" unless "withdrawn" is. Later releases may add members.
// The feed itself has "_gallerywire" too: see [feedData].
type galleryData struct {
	Gallery   string      `json:"gallery"`
	Self      string      `json:"self,omitempty"`
	Page      string      `json:"page,omitempty"`
	Section   string      `json:"section,omitempty"`
	Direction string      `json:"direction,omitempty"`
	Sources   []string    `json:"sources,omitempty"`
	Copyright string      `json:"copyright,omitempty"`
	License   string      `json:"license,omitempty"`
	Withdrawn bool        `json:"withdrawn,omitempty"`
	Slides    []slideData `json:"slides,omitempty"`
}

type slideData struct {
	ID      string     `json:"id"`
	Title   string     `json:"title,omitempty"`
	Caption string     `json:"caption_html,omitempty"`
	Credit  string     `json:"credit,omitempty"`
	Image   *imageData `json:"image,omitempty"`
}

type imageData struct {
	URL       string `json:"url"`
	Type      string `json:"type,omitempty"`
	Width     int    `json:"width,omitempty"`
	Height    int    `json:"height,omitempty"`
	Bytes     int64  `json:"bytes,omitempty"`
	Alt       string `json:"alt,omitempty"`
	Thumbnail string `json:"thumbnail,omitempty"`
}

func (v *itemView) data() *galleryData {
	d := &galleryData{
		Gallery: gallery.Line(v.galleryID), Page: v.page, Section: v.Section, Direction: v.Direction, Sources: v.Sources,
		Copyright: v.rights, License: v.License, Withdrawn: v.withdrawn, Slides: make([]slideData, len(v.pictures)),
	}
	if v.feed != "" {
		d.Self = v.feed + "." + JSON.String()
	}
	images := make([]imageData, len(v.pictures))
	for i := range v.pictures {
		p := &v.pictures[i]
		d.Slides[i] = slideData{ID: p.Key, Title: p.Title, Caption: p.html, Credit: p.Credit}
		if p.Image.URL != "" {
			images[i] = imageData(p.Image)
			d.Slides[i].Image = &images[i]
		}
	}
	return d
}
