// Package feed renders photo galleries as RSS 2.0, Atom 1.0 and JSON Feed 1.1.
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
// document. Which galleries a feed has, in which order, and what is kept for how
// long is left to others.
package feed

import "fmt"

// Format is a feed format.
type Format int

// The formats, in the order of [Formats].
const (
	RSS  Format = iota // RSS 2.0 with Media RSS
	Atom               // RFC 4287
	JSON               // JSON Feed 1.1

	formats = 3
)

// Formats returns every format.
func Formats() []Format { return []Format{RSS, Atom, JSON} }

// ParseFormat returns the format whose name is s, as [Format.String] gives it.
func ParseFormat(s string) (Format, error) {
	for _, f := range Formats() {
		if f.String() == s {
			return f, nil
		}
	}
	return 0, fmt.Errorf("unknown feed format %q", s)
}

// String returns "rss", "atom" or "json", which is also the extension of the
// format's addresses.
func (f Format) String() string {
	switch f {
	case RSS:
		return "rss"
	case Atom:
		return "atom"
	case JSON:
		return "json"
	}
	return fmt.Sprintf("Format(%d)", int(f))
}

// MediaType returns the registered media type of f, without parameters.
func (f Format) MediaType() string {
	switch f {
	case Atom:
		return "application/atom+xml"
	case JSON:
		return "application/feed+json"
	}
	return "application/rss+xml"
}

// ContentType returns the media type of f with its charset, for the header.
func (f Format) ContentType() string { return f.MediaType() + "; charset=utf-8" }

// Content is how much of a gallery its items show.
type Content int

// How much of a gallery its items show.
const (
	Full    Content = iota // the lead text and every slide, as HTML
	Summary                // the summary in plain text and, as an attachment, the cover
)
