package edition

import (
	"net/url"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/feed"
)

// Kind is a kind of feed. Its text is the first segment of addresses.
type Kind string

// The kinds of feeds.
const (
	Feed    Kind = "feeds"     // a configured one
	Section Kind = "sections"  // the galleries of a section
	Tag     Kind = "tags"      // those with a tag
	Author  Kind = "authors"   // those of an author
	Gallery Kind = "galleries" // one gallery, an item a slide
)

// facet is the kind of facet that a dynamic feed chooses by.
func (k Kind) facet() catalogue.Kind {
	switch k {
	case Section:
		return catalogue.Section
	case Tag:
		return catalogue.Tag
	}
	return catalogue.Author
}

// Ref names a feed, or a page of its archive.
type Ref struct {
	Kind Kind
	Name string // of a configured feed, the slug of a dynamic one, the key of a gallery
	Page string // of the archive; empty: the feed itself
}

// base is the address of the feed without its format, below the site's.
func (r Ref) base() string {
	path := "/" + string(r.Kind) + "/" + url.PathEscape(r.Name)
	if r.Page != "" {
		path += "/archive/" + url.PathEscape(r.Page)
	}
	return path
}

// Path is the address of the feed in a format, below the site's.
func (r Ref) Path(f feed.Format) string { return r.base() + "." + f.String() }

// match chooses the galleries of a dynamic feed by its name in any spelling.
func (r Ref) match(name string) catalogue.Match {
	switch r.Kind {
	case Section:
		return catalogue.Match{Sections: []string{name}}
	case Tag:
		return catalogue.Match{Tags: []string{name}}
	}
	return catalogue.Match{Authors: []string{name}}
}

func (r Ref) page(name string) Ref {
	r.Page = name
	return r
}
