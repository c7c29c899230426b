package feed

import (
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// ID returns the identifier of g in feeds: the one that its publisher gave it,
// else a tag (RFC 4151) of its id. It depends on nothing else, so it survives
// every edit and every move.
func (r *Renderer) ID(g *gallery.Gallery) string {
	if guid := gallery.Text(g.GUID); strings.TrimSpace(guid) != "" {
		return guid
	}
	return r.tag(escapeID(g.ID))
}

// FeedID returns the identifier of the feed that is called name. No gallery
// has it: an id never begins with a slash there.
func (r *Renderer) FeedID(name string) string { return r.tag("/feeds/" + escapeID(name)) }

// GalleryFeedID returns the identifier of the feed that shows the slides of g,
// which neither a gallery nor another feed has.
func (r *Renderer) GalleryFeedID(g *gallery.Gallery) string {
	return r.tag("/galleries/" + escapeSegment(g.ID))
}

// slideID returns the identifier of the slide of g with that key.
func (r *Renderer) slideID(g *gallery.Gallery, key string) string {
	return r.GalleryFeedID(g) + "/slides/" + key
}

// AtomID returns ID where that is an IRI, which Atom asks for, else a tag made
// of it.
func (r *Renderer) AtomID(g *gallery.Gallery) string {
	id := r.ID(g)
	if isIRI(id) {
		return id
	}
	return r.tag("/guid/" + escapeID(id))
}

func (r *Renderer) tag(specific string) string {
	return "tag:" + r.opts.SiteID + ",2026:" + specific
}

// Link returns the address of g for people: its publisher's page, else ours.
func (r *Renderer) Link(g *gallery.Gallery) string {
	if link := gallery.WebAddress(g.URL, nil); link != "" {
		return link
	}
	return r.page(g)
}

// page returns the address of g here; that of its own feed has an extension more.
func (r *Renderer) page(g *gallery.Gallery) string {
	return r.opts.BaseURL + "/galleries/" + gallery.Key(g.ID)
}

// escapeID percent-encodes the bytes of id that may not stand in the path of
// an IRI, and a slash at its beginning, which is ours.
func escapeID(id string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		if pathByte(c) && (c != '/' || i > 0) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// escapeSegment is escapeID for one segment of a path: no slash is left.
func escapeSegment(id string) string { return strings.ReplaceAll(escapeID(id), "/", "%2F") }

func pathByte(c byte) bool {
	return isAlnum(c) || strings.IndexByte("-._~:@!$&'()*+,;=/", c) >= 0
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isIRI reports whether s is an absolute IRI (RFC 3987): a scheme, something
// after it, and no character that an IRI excludes.
func isIRI(s string) bool {
	scheme, rest, found := strings.Cut(s, ":")
	if !found || rest == "" || !isScheme(scheme) || strings.ContainsAny(rest, " <>\"{}|\\^`") {
		return false
	}
	if authority, ok := strings.CutPrefix(rest, "//"); ok && strings.IndexAny(authority, "/?#") == 0 || rest == "//" {
		return scheme == "file"
	}
	return !strings.ContainsFunc(rest, notIRI) && escapesWhole(rest)
}

func isScheme(s string) bool {
	for i := range len(s) {
		letter := 'a' <= s[i]|0x20 && s[i]|0x20 <= 'z'
		if !letter && (i == 0 || !isAlnum(s[i]) && strings.IndexByte("+-.", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}

// notIRI reports whether r is outside the characters of an IRI: controls and
// what Unicode keeps for private use or for nothing.
func notIRI(r rune) bool {
	switch {
	case r < 0x80:
		return r <= ' ' || r == 0x7F
	case r < 0xA0, 0xE000 <= r && r <= 0xF8FF, 0xFDD0 <= r && r <= 0xFDEF, r >= 0xFFF0 && r <= 0xFFFF, r >= 0xE0000:
		return true
	}
	return r&0xFFFE == 0xFFFE
}

// escapesWhole reports whether two hexadecimal digits follow every "%" of s.
func escapesWhole(s string) bool {
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			return true
		}
		if len(s) < i+3 || !isHex(s[i+1]) || !isHex(s[i+2]) {
			return false
		}
		s = s[i+3:]
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// ChannelID returns the identifier of the feed at that path below the site's
// address, which begins with a slash.
func (r *Renderer) ChannelID(path string) string { return r.tag(path) }
