package index

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Name is a section, tag or author that visible galleries have.
type Name struct {
	Name      string // in the spelling that most galleries use
	Slug      string // see gallery.Slug
	Galleries int
}

// name is all that galleries can be chosen by under one slug.
type name struct {
	slug       string
	spellings  []spelling   // that visible galleries use
	members    []uint32     // slots of those that have it or left it, and of some that no longer know
	selections []*Selection // that choose by it
	latest     progress     // of what happened to its members
}

type spelling struct {
	facet     Facet
	galleries int
}

// slug is a name's place in addresses.
type slug struct {
	kind Kind
	text string
}

// names find the galleries and the selections that have to do with a name
// without a look at the others.
type names struct {
	facets     map[Facet]*name
	slugs      map[Kind]map[string]*name
	stems      map[slug][]*name // those whose slug ends in a hash, by what is before it
	everywhere []uint32         // slots of those that may have left any name
	unnamed    progress         // of what happened to these
	size       int              // of all this, in parts
	tidied     int              // size when it held no unused names
}

func newNames() names {
	return names{facets: map[Facet]*name{}, slugs: map[Kind]map[string]*name{}, stems: map[slug][]*name{}, unnamed: progress{passed: math.MinInt64}}
}

// of returns the name that f is a spelling of, making it when missing.
func (ns *names) of(f Facet) *name {
	n := ns.facets[f]
	if n == nil {
		p := f.Value()
		n = ns.at(slug{p.Kind, gallery.Slug(p.Name)})
		ns.facets[f] = n
		ns.size++
	}
	return n
}

func (ns *names) at(s slug) *name {
	if ns.slugs[s.kind] == nil {
		ns.slugs[s.kind] = map[string]*name{}
	}
	n := ns.slugs[s.kind][s.text]
	if n == nil {
		n = &name{slug: s.text, latest: progress{passed: math.MinInt64}}
		ns.slugs[s.kind][s.text] = n
		ns.size++
		if stem, _, hashed := strings.Cut(s.text, "~"); hashed && stem != "" {
			s.text = stem
			ns.stems[s] = append(ns.stems[s], n)
		}
	}
	return n
}

// count counts a visible gallery's facets, d being 1 or -1.
func (ns *names) count(fs []Facet, d int) {
	for _, f := range fs {
		if f.Value().Kind.chooses() {
			ns.of(f).count(f, d)
		}
	}
}

func (n *name) count(f Facet, d int) {
	i := slices.IndexFunc(n.spellings, func(s spelling) bool { return s.facet == f })
	if i < 0 {
		i, n.spellings = len(n.spellings), append(n.spellings, spelling{facet: f})
	}
	if n.spellings[i].galleries += d; n.spellings[i].galleries == 0 {
		n.spellings = slices.Delete(n.spellings, i, i+1)
	}
}

// addMember makes e, which takes the place of old, a member wherever old was none.
func (ns *names) addMember(old, e *Entry) {
	if e.leftAll() && !old.leftAll() {
		ns.everywhere = append(ns.everywhere, e.slot)
		ns.size++
	}
	if old != nil && len(e.left()) == 0 && slices.Equal(old.Facets, e.Facets) {
		return
	}
	had := map[Facet]bool{}
	for f := range old.facets {
		had[f] = true
	}
	for f := range e.facets {
		if had[f] || !f.Value().Kind.finds() {
			continue
		}
		had[f] = true
		n := ns.of(f)
		n.members = append(n.members, e.slot)
		ns.size++
	}
}

// assignSlot gives e the slot of old, or one of its own, and notes its identifier.
func (x *Index) assignSlot(old, e *Entry) {
	if old != nil {
		e.slot = old.slot
		x.slots[e.slot] = e
	} else {
		e.slot = uint32(len(x.slots))
		x.slots = append(x.slots, e)
	}
	if guid := old.GUID(); guid != "" && old.offers() {
		x.guids[guid] = slices.DeleteFunc(x.guids[guid], func(slot uint32) bool { return slot == e.slot })
		if len(x.guids[guid]) == 0 {
			delete(x.guids, guid)
		}
	}
	if guid := e.GUID(); guid != "" && e.offers() {
		x.guids[guid] = append(x.guids[guid], e.slot)
	}
}

// needsRebuild reports whether most of the names may be unused: a gallery that is
// revised for ever leaves any number of them.
func (ns *names) needsRebuild() bool { return ns.size > 2*ns.tidied+slack }

// total sums the spellings up. Which is shown depends on the galleries alone.
func (n *name) total() Name {
	t := Name{Slug: n.slug}
	most := 0
	for _, s := range n.spellings {
		text := s.facet.Value().Name
		if s.galleries > most || s.galleries == most && text < t.Name {
			t.Name, most = text, s.galleries
		}
		t.Galleries += s.galleries
	}
	return t
}

// members returns the slots of those that may have to do with one of the
// names, each once.
func (ns *names) members(of []slug) iter.Seq[uint32] {
	all := slices.Clone(ns.everywhere)
	for _, s := range of {
		if n := ns.slugs[s.kind][s.text]; n != nil {
			all = append(all, n.members...)
		}
	}
	slices.Sort(all)
	return slices.Values(slices.Compact(all))
}

// Lookup returns the section, tag or author with that slug, if a gallery that
// is visible now has it, or one that feeds still say is gone had it: a feed that a
// withdrawal empties must stay, to report the withdrawal.
func (x *Index) Lookup(k Kind, text string, now time.Time) (Name, bool) {
	now = x.advance(now)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.lookup(x.names.slugs[k][text], now.UnixNano())
}

func (x *Index) lookup(n *name, now int64) (Name, bool) {
	switch {
	case n == nil:
		return Name{}, false
	case len(n.spellings) > 0:
		return n.total(), true
	}
	// The first of the spellings that those used which are gone.
	found := Name{Slug: n.slug}
	for _, slot := range n.members {
		e := x.slots[slot]
		if !e.gone(now) {
			continue
		}
		for _, f := range e.goneFrom().facets {
			if text := f.Value().Name; x.names.facets[f] == n && (found.Name == "" || text < found.Name) {
				found.Name = text
			}
		}
	}
	return found, found.Name != ""
}

// Similar returns the sections, tags or authors that text, which is no slug, may stand
// for: the one with that name, else those whose slug without its hash is the stem of
// text, ordered by slug. It looks at these names only, however many others there are.
func (x *Index) Similar(k Kind, text string, now time.Time) []Name {
	if n, ok := x.Lookup(k, gallery.Slug(text), now); ok {
		return []Name{n}
	}
	now = x.advance(now)
	x.mu.RLock()
	defer x.mu.RUnlock()
	var list []Name
	stem := gallery.SlugStem(text)
	for _, n := range append([]*name{x.names.slugs[k][stem]}, x.names.stems[slug{k, stem}]...) {
		if name, ok := x.lookup(n, now.UnixNano()); ok {
			list = append(list, name)
		}
	}
	slices.SortFunc(list, func(a, b Name) int { return cmp.Compare(a.Slug, b.Slug) })
	return list
}

// Spelling returns a name with that slug as one of the galleries has it or had
// it, visible or not, the first in order; "" where none remembers such a name.
func (x *Index) Spelling(k Kind, slug string) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := x.names.slugs[k][slug]
	if n == nil {
		return ""
	}
	first := ""
	for _, slot := range n.members {
		for f := range x.slots[slot].facets {
			if text := f.Value().Name; x.names.facets[f] == n && (first == "" || text < first) {
				first = text
			}
		}
	}
	return first
}

// Names returns what visible galleries have of that kind, ordered by slug.
func (x *Index) Names(k Kind, now time.Time) []Name {
	x.advance(now)
	x.mu.RLock()
	defer x.mu.RUnlock()
	var all []Name
	for _, n := range x.names.slugs[k] {
		if len(n.spellings) > 0 {
			all = append(all, n.total())
		}
	}
	slices.SortFunc(all, func(a, b Name) int { return cmp.Compare(a.Slug, b.Slug) })
	return all
}

// UsualName returns the spelling of a name that most of the galleries use, ""
// where none has it. It depends on these galleries alone.
func UsualName(k Kind, slug string, among []*Entry) string {
	n := name{}
	for _, e := range among {
		for _, f := range e.Facets {
			if p := f.Value(); p.Kind == k && gallery.Slug(p.Name) == slug {
				n.count(f, 1)
			}
		}
	}
	return n.total().Name
}
