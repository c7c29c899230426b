package catalogue

import (
	"cmp"
	"slices"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Name is a section, tag or author that visible galleries have.
type Name struct {
	Name      string // in the spelling that most galleries use
	Slug      string // see gallery.Slug
	Galleries int
}

// slug is a name's place in addresses.
type slug struct {
	kind Kind
	text string
}

// names counts what visible galleries can be chosen by.
type names struct {
	count map[Facet]int
	slugs map[slug][]Facet // the spellings of one name
}

func newNames() names { return names{count: map[Facet]int{}, slugs: map[slug][]Facet{}} }

func slugOf(f Facet) slug {
	p := f.Value()
	return slug{p.Kind, gallery.Slug(p.Name)}
}

// add counts the facets of a gallery, n being 1 or -1. Only the first and the
// last gallery with a facet cost more than a count.
func (ns names) add(fs []Facet, n int) {
	for _, f := range fs {
		before := ns.count[f]
		switch ns.count[f] = before + n; {
		case before == 0:
			key := slugOf(f)
			ns.slugs[key] = append(ns.slugs[key], f)
		case before+n == 0:
			delete(ns.count, f)
			ns.forget(f)
		}
	}
}

func (ns names) forget(f Facet) {
	key := slugOf(f)
	rest := slices.DeleteFunc(ns.slugs[key], func(have Facet) bool { return have == f })
	if len(rest) == 0 {
		delete(ns.slugs, key)
		return
	}
	ns.slugs[key] = rest
}

// name sums the spellings up. Which is shown depends on the galleries alone.
func (ns names) name(key slug) Name {
	n := Name{Slug: key.text}
	most := 0
	for _, f := range ns.slugs[key] {
		spelling, count := f.Value().Name, ns.count[f]
		if count > most || count == most && spelling < n.Name {
			n.Name, most = spelling, count
		}
		n.Galleries += count
	}
	return n
}

// Lookup returns the section, tag or author with that slug, if a gallery that
// is visible now has it.
func (c *Catalogue) Lookup(k Kind, text string) (Name, bool) {
	x := c.index
	x.advance(c.opts.Now())
	x.mu.RLock()
	defer x.mu.RUnlock()
	key := slug{k, text}
	if len(x.names.slugs[key]) == 0 {
		return Name{}, false
	}
	return x.names.name(key), true
}

// Names returns what visible galleries have of that kind, ordered by slug. It
// costs what there is of all kinds.
func (c *Catalogue) Names(k Kind) []Name {
	x := c.index
	x.advance(c.opts.Now())
	x.mu.RLock()
	defer x.mu.RUnlock()
	var all []Name
	for key := range x.names.slugs {
		if key.kind == k {
			all = append(all, x.names.name(key))
		}
	}
	slices.SortFunc(all, func(a, b Name) int { return cmp.Compare(a.Slug, b.Slug) })
	return all
}
