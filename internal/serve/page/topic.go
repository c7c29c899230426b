package page

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
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

// topics returns at most n of what the galleries have of that kind, the commonest
// first. What it costs follows these galleries, not how many names there are.
func (p *Pages) topics(kind edition.Kind, n int, among []*index.Entry) []topic {
	var list []topic
	for _, folded := range commonest(facetOf(kind), n, among) {
		if t, ok := p.topic(kind, gallery.Slug(folded)); ok {
			list = append(list, t)
		}
	}
	return list
}

// commonest returns n of the names of that kind that most of the galleries have,
// folded.
func commonest(kind index.Kind, n int, among []*index.Entry) []string {
	counts := map[string]int{}
	for _, e := range among {
		for _, f := range e.Facets {
			if name := f.Value(); name.Kind == kind {
				counts[name.Fold]++
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	return first(names, n)
}

// topic returns what is known of a name; false where it has no feed.
func (p *Pages) topic(kind edition.Kind, slug string) (topic, bool) {
	if !p.editions.Serves(kind) {
		return topic{}, false
	}
	name, ok := p.index.Lookup(facetOf(kind), slug, p.now())
	if !ok {
		return topic{}, false
	}
	ref := edition.Ref{Kind: kind, Name: slug}
	return topic{Name: settled(clip(gallery.Line(name.Name), maxHeadline)), Link: p.listLink(ref), Galleries: name.Galleries}, true
}

// topicsOf returns the section, the tags or the authors of a gallery as links
// to their pages, or without links where they have none.
func (p *Pages) topicsOf(kind edition.Kind, names ...string) []topic {
	var list []topic
	for _, name := range names {
		t := topic{Name: settled(name)}
		if p.editions.Serves(kind) {
			t.Link = p.listLink(edition.Ref{Kind: kind, Name: gallery.Slug(name)})
		}
		list = append(list, t)
	}
	return list
}

// listLink is the address of the page of a feed's galleries, on this host.
func (p *Pages) listLink(ref edition.Ref) string { return p.local(p.editions.Page(ref)) }

// local is an address of ours on the host by which the reader came.
func (p *Pages) local(address string) string {
	return p.site.Root + strings.TrimPrefix(address, p.site.BaseURL)
}

func facetOf(k edition.Kind) index.Kind {
	switch k {
	case edition.Section:
		return index.Section
	case edition.Tag:
		return index.Tag
	}
	return index.Author
}
