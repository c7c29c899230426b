package page

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/edition"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

const (
	maxTopics = 24 // of a kind on a page
	maxLabels = 12 // of a gallery that count for those
)

// label is a name by which a gallery is in a feed that nobody configured.
type label struct {
	kind edition.Kind
	slug string
}

// labelsOf returns the section of g and the first of its tags.
func labelsOf(g *gallery.Gallery) []label {
	var all []label
	if g.Section != "" {
		all = append(all, label{edition.Section, gallery.Slug(g.Section)})
	}
	for _, tag := range g.Tags[:min(len(g.Tags), maxLabels)] {
		if l := (label{edition.Tag, gallery.Slug(tag)}); !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	return all
}

// topic is a section, a tag or an author with a feed.
type topic struct {
	Name      string
	Link      string // to the page of its feed
	Galleries int
}

// topics returns what the galleries have of that kind, the commonest first.
// What it costs follows them, not how many names there are.
func (p *Pages) topics(kind edition.Kind, among []teaser) []topic {
	counts := map[label]int{}
	for _, t := range among {
		for _, l := range t.labels {
			if l.kind == kind {
				counts[l]++
			}
		}
	}
	labels := make([]label, 0, len(counts))
	for l := range counts {
		labels = append(labels, l)
	}
	slices.SortFunc(labels, func(a, b label) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a.slug, b.slug))
	})
	var list []topic
	for _, l := range labels[:min(len(labels), maxTopics)] {
		if t, ok := p.topic(l); ok {
			list = append(list, t)
		}
	}
	return list
}

// topic returns what is known of a name; false where it has no feed.
func (p *Pages) topic(l label) (topic, bool) {
	if !p.shelf.Serves(l.kind) {
		return topic{}, false
	}
	name, ok := p.catalogue.Lookup(facetOf(l.kind), l.slug)
	if !ok {
		return topic{}, false
	}
	ref := edition.Ref{Kind: l.kind, Name: l.slug}
	return topic{Name: settled(clip(gallery.Line(name.Name), maxHeadline)), Link: p.feedLink(ref), Galleries: name.Galleries}, true
}

// topicsOf returns the section, the tags or the authors of a gallery as links
// to their feeds, or without links where they have none.
func (p *Pages) topicsOf(kind edition.Kind, names ...string) []topic {
	var list []topic
	for _, name := range names {
		t := topic{Name: settled(name)}
		if p.shelf.Serves(kind) {
			t.Link = p.feedLink(edition.Ref{Kind: kind, Name: gallery.Slug(name)})
		}
		list = append(list, t)
	}
	return list
}

// feedLink is the address of a feed on this host; a person who opens it gets
// its page.
func (p *Pages) feedLink(ref edition.Ref) string {
	return p.site.Root + strings.TrimPrefix(p.shelf.AddressesOf(ref)[0].URL, p.site.BaseURL)
}

func facetOf(k edition.Kind) catalogue.Kind {
	switch k {
	case edition.Section:
		return catalogue.Section
	case edition.Tag:
		return catalogue.Tag
	}
	return catalogue.Author
}
