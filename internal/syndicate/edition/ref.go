package edition

import (
	"net/url"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
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
	Partner Kind = "partners"  // the feed of a partner
)

// dynamic reports whether such feeds choose galleries by the name of a facet.
func (k Kind) dynamic() bool { return k == Section || k == Tag || k == Author }

// Facet is the kind of facet that a dynamic feed chooses by.
func (k Kind) Facet() index.Kind {
	switch k {
	case Section:
		return index.Section
	case Tag:
		return index.Tag
	}
	return index.Author
}

// Ref names a feed, or a page of its archive.
type Ref struct {
	Kind Kind
	Name string // of a configured feed or partner, the slug of a dynamic feed, the key of a gallery
	Page string // of the archive; empty: the feed itself
}

// String is the feed's name in notices: that of a configured feed alone, else
// the kind, a slash and the name as it is. A page of an archive has a longer one.
func (r Ref) String() string {
	name := r.Name
	if r.Kind != Feed {
		name = string(r.Kind) + "/" + name
	}
	if r.Page != "" {
		name += "/archive/" + r.Page
	}
	return name
}

// ParseRef returns the feed with that name, as [Ref.String] gives it. The feed need
// not exist.
func ParseRef(name string) (Ref, bool) {
	r := Ref{Kind: Feed, Name: name}
	if kind, rest, found := strings.Cut(name, "/"); found {
		r = Ref{Kind: Kind(kind), Name: rest}
		if r.Kind != Gallery && r.Kind != Partner && !r.Kind.dynamic() {
			return Ref{}, false
		}
	}
	if r.Name == "" || strings.Contains(r.Name, "/") {
		return Ref{}, false
	}
	return r, true
}

// base is the address of a public feed without its format, below the site's.
func (r Ref) base() string {
	path := "/" + string(r.Kind) + "/" + url.PathEscape(r.Name)
	if r.Page != "" {
		path += "/archive/" + url.PathEscape(r.Page)
	}
	return path
}

// Path is the address of a public feed in a format, below the site's.
func (r Ref) Path(f feed.Format) string { return r.base() + "." + f.String() }

// refOf names the dynamic feed of galleries with that facet. Its Kind is empty where
// there is none.
func refOf(f index.Facet) Ref {
	p := f.Value()
	for _, kind := range []Kind{Section, Tag, Author} {
		if kind.Facet() == p.Kind {
			return Ref{Kind: kind, Name: gallery.Slug(p.Name)}
		}
	}
	return Ref{}
}

// Match chooses the galleries of a dynamic feed by its name in any spelling.
func (r Ref) Match(name string) index.Match {
	switch r.Kind {
	case Section:
		return index.Match{Sections: []string{name}}
	case Tag:
		return index.Match{Tags: []string{name}}
	}
	return index.Match{Authors: []string{name}}
}

func (r Ref) page(name string) Ref {
	r.Page = name
	return r
}
