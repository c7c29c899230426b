// Package gallery is the vocabulary of gallerywire. What a CMS wrote comes in as a
// [Gallery]; its problems go out ([Gallery.Validate]), or what may be shown of it at an
// instant, cleaned ([Gallery.View], which feeds, pages and mail all show). Here are the
// slides and pictures, the rights, the total order of a gallery's revisions ([Rank]), and
// the rules for texts, addresses and language tags.
//
// It has no state. Every function is pure; the time is always passed in. Galleries are
// stored as they were written and sanitised when they are shown (see [HTML]).
package gallery

import "time"

// Gallery is one photo gallery, or an ordinary article when it has no slides.
// The JSON names are those of the event contract; fields that the contract
// does not know are ignored here and kept in what is stored.
type Gallery struct {
	ID        string    `json:"id"`
	URL       string    `json:"url,omitzero"`  // absolute http or https, the publisher's page
	GUID      string    `json:"guid,omitzero"` // used in feeds as it is
	Title     string    `json:"title"`         // plain text
	Summary   string    `json:"summary,omitzero"`
	Body      string    `json:"body,omitzero"` // HTML, not sanitised
	Language  string    `json:"language,omitzero"`
	Section   string    `json:"section,omitzero"`
	Tags      []string  `json:"tags,omitzero"`
	Authors   []Author  `json:"authors,omitzero"`
	Published time.Time `json:"published"`        // in the future: an embargo
	Updated   time.Time `json:"updated,omitzero"` // defaults to Published
	Expires   time.Time `json:"expires,omitzero"` // zero: never
	Version   int64     `json:"version,omitzero"` // breaks ties of Updated
	Sources   []string  `json:"sources,omitzero"` // agencies and papers
	Copyright string    `json:"copyright,omitzero"`
	License   string    `json:"license,omitzero"` // an address
	Rights    Rights    `json:"rights,omitzero"`
	Slides    []Slide   `json:"slides,omitzero"`
}

// Author is an author of the gallery.
type Author struct {
	Name  string `json:"name,omitzero"`
	Email string `json:"email,omitzero"`
	URL   string `json:"url,omitzero"`
}

// Rights say when something may be shown, and to which audiences. The zero value allows
// everything. Names in Allow and Deny are those of partners, of their groups, or [Public];
// a name that no configuration knows matches nobody.
type Rights struct {
	Syndicate *bool     `json:"syndicate,omitzero"` // nil: yes; false: to nobody
	From      time.Time `json:"from,omitzero"`      // zero: at once
	Until     time.Time `json:"until,omitzero"`     // zero: for good
	Allow     []string  `json:"allow,omitzero"`     // empty: everybody
	Deny      []string  `json:"deny,omitzero"`      // it wins over Allow
}

// Slide is one picture of a gallery with its text.
type Slide struct {
	ID      string `json:"id,omitzero"`
	Title   string `json:"title,omitzero"`
	Caption string `json:"caption,omitzero"` // HTML or text, not sanitised
	Credit  string `json:"credit,omitzero"`
	Rights  Rights `json:"rights,omitzero"`
	Image   Image  `json:"image"`
}

// Image is a picture file. Bytes is its true size, 0 where it is unknown.
type Image struct {
	URL       string `json:"url"`
	Type      string `json:"type,omitzero"` // media type, see [PictureType]; derived from URL when empty
	Width     int    `json:"width,omitzero"`
	Height    int    `json:"height,omitzero"`
	Bytes     int64  `json:"bytes,omitzero"`
	Alt       string `json:"alt,omitzero"`
	Thumbnail string `json:"thumbnail,omitzero"`
}
