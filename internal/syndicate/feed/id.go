package feed

import (
	"regexp"
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
	return r.tag(gallery.EscapeID(g.ID))
}

// FeedID returns the identifier of the feed that is called name. No gallery
// has it: an id never begins with a slash there.
func (r *Renderer) FeedID(name string) string { return r.tag("/feeds/" + gallery.EscapeID(name)) }

// GalleryFeedID returns the identifier of the feed that shows the slides of g,
// which neither a gallery nor another feed has.
func (r *Renderer) GalleryFeedID(g *gallery.Gallery) string {
	return r.tag("/galleries/" + strings.ReplaceAll(gallery.EscapeID(g.ID), "/", "%2F"))
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
	return r.tag("/guid/" + gallery.EscapeID(id))
}

func (r *Renderer) tag(specific string) string {
	return "tag:" + r.opts.SiteID + ",2026:" + specific
}

// Link returns the address of g for people: its publisher's page, else its public page
// here, or the partner's, which takes no query, where the public never sees it.
func (r *Renderer) Link(g *gallery.Gallery) string {
	if link := gallery.WebAddress(g.URL, nil); link != "" {
		return r.ForPeople(link)
	}
	if _, _, public := r.opts.Audience.Window(g.Terms()); !public {
		return r.page(g)
	}
	return r.ForPeople(r.opts.BaseURL + pathOf(g))
}

// ForPeople returns an address as a link for people has it: with the partner's query.
func (r *Renderer) ForPeople(address string) string {
	if r.partner == nil {
		return address
	}
	return withQuery(address, r.partner.LinkQuery)
}

// page returns the address of g here; that of its own feed has an extension more.
func (r *Renderer) page(g *gallery.Gallery) string {
	if r.partner != nil {
		return r.partner.BaseURL + pathOf(g)
	}
	return r.opts.BaseURL + pathOf(g)
}

func pathOf(g *gallery.Gallery) string { return "/galleries/" + gallery.Key(g.ID) }

// ChannelID returns the identifier of the feed at that path below the site's
// address, which begins with a slash.
func (r *Renderer) ChannelID(path string) string { return r.tag(path) }

// iri is a scheme and after it only what an IRI (RFC 3987) allows: no controls, no
// characters for private use, and two hexadecimal digits after each "%".
var iri = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:(?:[^\x00-\x20"%<>\\^\x60{|}\x7F-\x9F\x{E000}-\x{F8FF}\x{FDD0}-\x{FDEF}\x{FFF0}-\x{FFFF}\x{E0000}-\x{10FFFF}]|%[0-9A-Fa-f]{2})+$`)

// isIRI reports whether s is an absolute IRI.
func isIRI(s string) bool {
	scheme, rest, _ := strings.Cut(s, ":")
	if authority, ok := strings.CutPrefix(rest, "//"); ok && scheme != "file" && (authority == "" || strings.IndexAny(authority, "/?#") == 0) {
		return false
	}
	return iri.MatchString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r&0xFFFE == 0xFFFE })
}
