package edition

import (
	"fmt"
	"sync"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Dynamic says which feeds are made when somebody asks for them.
type Dynamic struct {
	Sections, Tags, Authors bool
	Items                   int // galleries in each; 0: 50
	Cache                   int // feeds kept at once; 0: 2000
}

func (d *Dynamic) fill() {
	if d.Items == 0 {
		d.Items = 50
	}
	if d.Cache == 0 {
		d.Cache = 2000
	}
}

func (d Dynamic) has(k Kind) bool {
	return k == Section && d.Sections || k == Tag && d.Tags || k == Author && d.Authors
}

// maxPages bounds the archive pages that are kept rendered: readers walk an
// archive once, and ask for its validators afterwards.
const maxPages = 16

// rack holds the presses that come and go.
type rack struct {
	mu      sync.Mutex
	dynamic *simplelru.LRU[Ref, *press]
	pages   *simplelru.LRU[Ref, *press]
}

func newRack(s *Shelf, feeds int) *rack {
	r := &rack{}
	// The only error of NewLRU is a size below one.
	r.dynamic, _ = simplelru.NewLRU(feeds, func(_ Ref, p *press) { s.opts.Catalogue.Release(p.selection) })
	r.pages, _ = simplelru.NewLRU[Ref, *press](maxPages, nil)
	return r
}

// press returns the press of a feed or of a page of its archive.
func (s *Shelf) press(ref Ref) (*press, error) {
	p, err := s.owner(ref)
	if err != nil || ref.Page == "" {
		return p, err
	}
	if _, ok := p.history.Page(ref.Page, s.opts.Now()); !ok {
		return nil, fmt.Errorf("archive page %q of %s %q: %w", ref.Page, ref.Kind, ref.Name, ErrUnknown)
	}
	s.rack.mu.Lock()
	defer s.rack.mu.Unlock()
	if page, ok := s.rack.pages.Get(ref); ok && page.history == p.history {
		return page, nil
	}
	page := p.turnTo(ref.Page)
	s.rack.pages.Add(ref, page)
	return page, nil
}

// owner returns the press of the feed whose archive ref may be a page of.
func (s *Shelf) owner(ref Ref) (*press, error) {
	if ref.Kind == Feed {
		if p, ok := s.presses[ref.Name]; ok {
			return p, nil
		}
		if name, ok := s.aliases[ref.Name]; ok {
			return nil, &Moved{To: Ref{Kind: Feed, Name: name, Page: ref.Page}, Permanent: true, site: s.opts.Site.BaseURL}
		}
		return nil, fmt.Errorf("feed %q: %w", ref.Name, ErrUnknown)
	}
	if s.opts.Dynamic.has(ref.Kind) {
		if name, ok := s.opts.Catalogue.Lookup(ref.Kind.facet(), ref.Name); ok {
			return s.onDemand(ref.page(""), name), nil
		}
	}
	if err := s.opts.Catalogue.Ready(); err != nil {
		return nil, fmt.Errorf("%s %q: %w: %w", ref.Kind, ref.Name, ErrUnavailable, err)
	}
	return nil, fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, ErrUnknown)
}

func (s *Shelf) onDemand(ref Ref, name catalogue.Name) *press {
	s.rack.mu.Lock()
	defer s.rack.mu.Unlock()
	if p, ok := s.rack.dynamic.Get(ref); ok && p.def.Title == name.Name {
		return p
	}
	s.rack.dynamic.Remove(ref) // another spelling has become the usual one
	p := newPress(s, ref, Definition{Name: ref.Name, Title: name.Name, Items: s.opts.Dynamic.Items, Match: ref.match(name.Name)})
	p.memory = fewVersions
	s.rack.dynamic.Add(ref, p)
	return p
}

func (r Ref) match(name string) catalogue.Match {
	switch r.Kind {
	case Section:
		return catalogue.Match{Sections: []string{name}}
	case Tag:
		return catalogue.Match{Tags: []string{name}}
	}
	return catalogue.Match{Authors: []string{name}}
}
