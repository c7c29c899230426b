package edition

import (
	"cmp"
	"context"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
)

// Dynamic says which feeds are made when somebody asks for them.
type Dynamic struct {
	Sections, Tags, Authors bool
	Items                   int // galleries in each; 0: 50
	Order                   index.Order
	Cache                   int // feeds kept at once, at most; 0: 2000
}

func (d *Dynamic) fill() {
	d.Items = cmp.Or(d.Items, 50)
	d.Cache = cmp.Or(d.Cache, 2000)
}

func (d Dynamic) has(k Kind) bool {
	return k == Section && d.Sections || k == Tag && d.Tags || k == Author && d.Authors
}

// rack holds the presses that come and go.
type rack struct {
	dynamic *cache.Cache[Ref, *press]
	pages   *cache.Cache[pageKey, *press]
}

// pageKey names a page of the archive of a feed that is there.
type pageKey struct {
	history *index.Selection
	page    string
}

func newRack(s *Set, d Dynamic) rack {
	release := func(p *press) {
		p.selection.Release()
		if p.history != p.selection {
			p.history.Release()
		}
	}
	return rack{
		dynamic: cache.New[Ref](s.opts.Budget, cache.Options[*press]{Size: (*press).held, Gone: release, Most: d.Cache}),
		pages:   cache.New[pageKey](s.opts.Budget, cache.Options[*press]{Size: (*press).held}),
	}
}

// perPress is about what a press needs in memory, and perChosen what each of its
// selections does for each gallery that it has.
const (
	perPress  = 2 << 10
	perChosen = 12
)

// held is about how many bytes the press keeps in memory.
func (p *press) held() int {
	n := perPress + perChosen*int(p.chosen.Load())
	if p.history != p.selection {
		n += perChosen * int(p.chosen.Load())
	}
	if e := p.current.Load(); e != nil {
		n += e.held()
	}
	return n
}

// weigh notes how much the press keeps now.
func (p *press) weigh() {
	switch {
	case p.pin != nil:
		p.pin.Resize()
	case p.ref.Page != "":
		p.set.rack.pages.Resize(pageKey{p.history, p.ref.Page}, p)
	default:
		p.set.rack.dynamic.Resize(p.ref, p)
	}
}

// count notes how many galleries the selection has, for what it holds.
func (p *press) count() { p.chosen.Store(int64(p.selection.LenAt(p.set.opts.Now()))) }

// press returns the press of a feed or of a page of its archive.
func (s *Set) press(ctx context.Context, ref Ref) (*press, error) {
	p, err := s.owner(ctx, ref)
	if err != nil || ref.Page == "" {
		return p, err
	}
	if !p.history.HasPage(ref.Page, s.opts.Now()) {
		return nil, unknownPage(ref)
	}
	return s.rack.pages.Load(ctx, pageKey{p.history, ref.Page}, func(context.Context) (*press, error) {
		return p.turnTo(ref.Page), nil
	})
}

func unknownPage(ref Ref) error {
	return fmt.Errorf("archive page %q of %s %q: %w", ref.Page, ref.Kind, ref.Name, ErrUnknown)
}

// owner returns the press of the feed whose archive ref may be a page of.
func (s *Set) owner(ctx context.Context, ref Ref) (*press, error) {
	if ref.Kind == Feed {
		return s.configured(ref)
	}
	name, err := s.lookup(ref)
	if err != nil {
		return nil, err
	}
	return s.onDemand(ctx, ref.page(""), name)
}

// lookup returns the name, in one of its spellings, by which a dynamic feed
// chooses.
func (s *Set) lookup(ref Ref) (string, error) {
	if !s.opts.Dynamic.has(ref.Kind) {
		return "", fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, ErrUnknown)
	}
	if name, ok := s.opts.Index.Lookup(ref.Kind.facet(), ref.Name, s.opts.Now()); ok {
		return name.Name, nil
	}
	if err := s.opts.Index.Ready(); err != nil {
		return "", fmt.Errorf("%s %q: %w: %w", ref.Kind, ref.Name, ErrUnavailable, err)
	}
	if meant := s.opts.Index.Meant(ref.Kind.facet(), ref.Name, s.opts.Now()); len(meant) > 0 {
		m := &Meant{site: s.opts.Site.BaseURL}
		for _, name := range meant {
			m.To = append(m.To, Ref{Kind: ref.Kind, Name: name.Slug, Page: ref.Page})
		}
		return "", fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, m)
	}
	return "", fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, ErrUnknown)
}

func (s *Set) configured(ref Ref) (*press, error) {
	if p, ok := s.presses[ref.Name]; ok {
		return p, nil
	}
	if name, ok := s.aliases[ref.Name]; ok {
		return nil, &Moved{To: Ref{Kind: Feed, Name: name, Page: ref.Page}, Permanent: true, site: s.opts.Site.BaseURL}
	}
	return nil, fmt.Errorf("feed %q: %w", ref.Name, ErrUnknown)
}

// onDemand returns the press of the feed by that name, in any spelling.
func (s *Set) onDemand(ctx context.Context, ref Ref, name string) (*press, error) {
	return s.rack.dynamic.Load(ctx, ref, func(context.Context) (*press, error) {
		p := newPress(s, ref, Definition{Name: ref.Name, Items: s.opts.Dynamic.Items, Match: ref.match(name), Order: s.opts.Dynamic.Order})
		p.memory = fewVersions
		p.count()
		return p, nil
	})
}
