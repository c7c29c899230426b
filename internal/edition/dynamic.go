package edition

import (
	"cmp"
	"fmt"
)

// Dynamic says which feeds are made when somebody asks for them.
type Dynamic struct {
	Sections, Tags, Authors bool
	Items                   int // galleries in each; 0: 50
	Cache                   int // feeds kept at once, at most; 0: 2000
	CacheBytes              int // of their documents; 0: 256 MiB
}

func (d *Dynamic) fill() {
	d.Items = cmp.Or(d.Items, 50)
	d.Cache = cmp.Or(d.Cache, 2000)
	d.CacheBytes = cmp.Or(d.CacheBytes, 256<<20)
}

func (d Dynamic) has(k Kind) bool {
	return k == Section && d.Sections || k == Tag && d.Tags || k == Author && d.Authors
}

const (
	// maxPages and maxPageBytes bound the archive pages that are kept rendered:
	// readers walk an archive once, and ask for its validators afterwards.
	maxPages     = 16
	maxPageBytes = 64 << 20
)

// rack holds the presses that come and go.
type rack struct {
	dynamic *cache[Ref, *press]
	pages   *cache[Ref, *press]
}

func newRack(s *Shelf, d Dynamic) rack {
	release := func(p *press) { s.opts.Catalogue.Release(p.selection) }
	return rack{
		dynamic: newCache[Ref](d.Cache, d.CacheBytes, release),
		pages:   newCache[Ref, *press](maxPages, maxPageBytes, nil),
	}
}

// weigh notes how large the edition of a press that comes and goes has become.
func (r rack) weigh(p *press, e *Edition) {
	switch {
	case p.ref.Page != "":
		r.pages.weigh(p.ref, p, e.size())
	case p.ref.Kind != Feed:
		r.dynamic.weigh(p.ref, p, e.size())
	}
}

// press returns the press of a feed or of a page of its archive.
func (s *Shelf) press(ref Ref) (*press, error) {
	p, err := s.owner(ref)
	if err != nil || ref.Page == "" {
		return p, err
	}
	if !p.history.HasPage(ref.Page, s.opts.Now()) {
		return nil, unknownPage(ref)
	}
	ours := func(page *press) bool { return page.history == p.history }
	return s.rack.pages.getOrMake(ref, ours, func() *press { return p.turnTo(ref.Page) }), nil
}

func unknownPage(ref Ref) error {
	return fmt.Errorf("archive page %q of %s %q: %w", ref.Page, ref.Kind, ref.Name, ErrUnknown)
}

// owner returns the press of the feed whose archive ref may be a page of.
func (s *Shelf) owner(ref Ref) (*press, error) {
	if ref.Kind == Feed {
		return s.configured(ref)
	}
	name, err := s.lookup(ref)
	if err != nil {
		return nil, err
	}
	return s.onDemand(ref.page(""), name), nil
}

// lookup returns the name, in one of its spellings, by which a dynamic feed
// chooses.
func (s *Shelf) lookup(ref Ref) (string, error) {
	if !s.opts.Dynamic.has(ref.Kind) {
		return "", fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, ErrUnknown)
	}
	if name, ok := s.opts.Catalogue.Lookup(ref.Kind.facet(), ref.Name); ok {
		return name.Name, nil
	}
	if err := s.opts.Catalogue.Ready(); err != nil {
		return "", fmt.Errorf("%s %q: %w: %w", ref.Kind, ref.Name, ErrUnavailable, err)
	}
	return "", fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, ErrUnknown)
}

func (s *Shelf) configured(ref Ref) (*press, error) {
	if p, ok := s.presses[ref.Name]; ok {
		return p, nil
	}
	if name, ok := s.aliases[ref.Name]; ok {
		return nil, &Moved{To: Ref{Kind: Feed, Name: name, Page: ref.Page}, Permanent: true, site: s.opts.Site.BaseURL}
	}
	return nil, fmt.Errorf("feed %q: %w", ref.Name, ErrUnknown)
}

// onDemand returns the press of the feed by that name, in any spelling.
func (s *Shelf) onDemand(ref Ref, name string) *press {
	whatever := func(*press) bool { return true }
	return s.rack.dynamic.getOrMake(ref, whatever, func() *press {
		p := newPress(s, ref, Definition{Name: ref.Name, Items: s.opts.Dynamic.Items, Match: ref.match(name)})
		p.memory = fewVersions
		return p
	})
}
