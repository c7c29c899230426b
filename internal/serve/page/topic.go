package page

import (
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

const (
	maxSections = 60 // on a page
	maxTags     = 24
)

// topic is a section, a tag or an author with a feed.
type topic struct {
	Name      string
	Link      string // to the page of its galleries
	Galleries int
}

// topic returns the section, tag or author with that slug; false where it has no feed.
func (p *Pages) topic(kind edition.Kind, slug string) (topic, bool) {
	if !p.editions.Serves(kind) {
		return topic{}, false
	}
	name, ok := p.index.Lookup(kind.Facet(), slug, p.now())
	if !ok {
		return topic{}, false
	}
	ref := edition.Ref{Kind: kind, Name: slug}
	return topic{Name: Inline(name.Name, maxHeadline), Link: p.listLink(ref), Galleries: name.Galleries}, true
}

// topicsOf returns the section, the tags or the authors of a gallery as links
// to their pages, or without links where they have none.
func (p *Pages) topicsOf(kind edition.Kind, names ...string) []topic {
	var list []topic
	for _, name := range names {
		t := topic{Name: stripBidi(name)}
		if p.editions.Serves(kind) {
			t.Link = p.listLink(edition.Ref{Kind: kind, Name: gallery.Slug(name)})
		}
		list = append(list, t)
	}
	return list
}

// listLink is the address of the page of a feed's galleries, on this host.
func (p *Pages) listLink(ref edition.Ref) string { return p.local(p.editions.Page(ref)) }

// local is one of our addresses without its host: the reader may know another.
func (p *Pages) local(address string) string {
	return p.site.Root + strings.TrimPrefix(address, p.site.BaseURL)
}
