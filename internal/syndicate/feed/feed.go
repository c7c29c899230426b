// Package feed renders photo galleries as RSS 2.0, Atom 1.0 and JSON Feed 1.1. Each
// format has a file with its wire types; [Format] lists the formats.
//
// It is pure: the bytes of a [Document] are a function of the arguments alone,
// the same on every node and after every restart. A [Renderer] turns a gallery
// into an [Item] once; [Assemble] puts a document together from a channel's
// head and the items' finished pieces, so that a change of one gallery costs
// one gallery. Pieces keep their hash and their compressed form, which the
// documents that hold them share. [Renderer.Slides] does the same for the slides
// of one gallery.
//
// A document is well-formed and valid for its format, and the HTML inside is safe
// to show, whatever the gallery holds: fuzz tests hold every renderer to that with
// other people's parsers. Two things depend on what a feed holds: [Renderer.Item]
// refuses a gallery that is too long, [Check] names items that cannot be in one
// document. Package edition decides which galleries a feed has, in which order, and
// what is kept for how long.
package feed

import (
	"fmt"
	"strings"
)

// Format is a feed format.
type Format int

// The formats, in the order of [Formats].
const (
	RSS  Format = iota // RSS 2.0 with Media RSS
	Atom               // RFC 4287
	JSON               // JSON Feed 1.1

	formats = iota
)

// Formats returns every format.
func Formats() []Format { return []Format{RSS, Atom, JSON} }

// writer is all that the package needs to know of a format.
type writer struct {
	name, title, mediaType string
	item                   func(*itemView) ([]byte, error) // a piece of a document
	channel                func(*Channel) (frame, error)   // what is around the pieces
}

// writer returns the writer of f. A new format gets a constant, a place in [Formats], a
// case here, and a file with its wire types.
func (f Format) writer() writer {
	switch f {
	case RSS:
		return writer{"rss", "RSS", "application/rss+xml", (*itemView).rss, (*Channel).rss}
	case Atom:
		return writer{"atom", "Atom", "application/atom+xml", (*itemView).atom, (*Channel).atom}
	case JSON:
		return writer{"json", "JSON", "application/feed+json", (*itemView).json, (*Channel).json}
	}
	panic(fmt.Sprintf("feed format %d has no writer", int(f)))
}

// ParseFormat returns the format whose name is s, as [Format.String] gives it.
func ParseFormat(s string) (Format, error) {
	for _, f := range Formats() {
		if f.String() == s {
			return f, nil
		}
	}
	return 0, fmt.Errorf("unknown feed format %q", s)
}

// FormatNames returns the names of all formats for a sentence, each after prefix:
// "rss, atom or json".
func FormatNames(prefix string) string {
	var names []string
	for _, f := range Formats() {
		names = append(names, prefix+f.String())
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// String returns "rss", "atom" or "json", which is also the extension of the
// format's addresses.
func (f Format) String() string { return f.writer().name }

// Title returns the name of f for people: "RSS", "Atom" or "JSON".
func (f Format) Title() string { return f.writer().title }

// MediaType returns the registered media type of f, without parameters.
func (f Format) MediaType() string { return f.writer().mediaType }

// ContentType returns the media type of f with its charset, for the header.
func (f Format) ContentType() string { return f.MediaType() + "; charset=utf-8" }

// Content is how much of a gallery its items show.
type Content int

// How much of a gallery its items show.
const (
	Full    Content = iota // the lead text and every slide, as HTML
	Summary                // the summary in plain text and, as an attachment, the cover
)
