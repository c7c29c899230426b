package edition

import (
	"context"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/store/index"
)

// Dynamic configures the feeds that exist without configuration, one for each section, tag
// and author.
type Dynamic struct {
	Sections, Tags, Authors bool
	Items                   int // galleries in each; 0: 50
	Order                   index.Order
	Cache                   int // feeds kept at once, at most; 0: 2000
}

func (d Dynamic) has(k Kind) bool {
	return k == Section && d.Sections || k == Tag && d.Tags || k == Author && d.Authors
}

// pageKey names a page of the archive of a feed that is there.
type pageKey struct {
	history *index.Selection
	page    string
}

// renderer returns the renderer of a feed or of a page of its archive.
func (s *Set) renderer(ctx context.Context, ref Ref) (*feedRenderer, error) {
	r, err := s.owner(ctx, ref)
	if err != nil || ref.Page == "" {
		return r, err
	}
	if !r.history.HasPage(ref.Page, s.opts.Now()) {
		return nil, unknownPage(ref)
	}
	return s.pages.Load(ctx, pageKey{r.history, ref.Page}, func(context.Context) (*feedRenderer, error) {
		return r.archivePage(ref.Page), nil
	})
}

func unknownPage(ref Ref) error {
	return fmt.Errorf("archive page %q of %s %q: %w", ref.Page, ref.Kind, ref.Name, ErrUnknown)
}

// owner returns the renderer of the feed whose archive ref may be a page of.
func (s *Set) owner(ctx context.Context, ref Ref) (*feedRenderer, error) {
	if ref.Kind == s.kind() {
		return s.configured(ref)
	}
	name, err := s.lookup(ref)
	if err != nil {
		return nil, err
	}
	ref = ref.page("")
	return s.dynamic.Load(ctx, ref, func(context.Context) (*feedRenderer, error) {
		r := newFeedRenderer(s, ref, s.dynamicDefinition(ref, name))
		r.versions = fewVersions
		r.chosen.Store(int64(r.selection.LenAt(s.opts.Now())))
		return r, nil
	})
}

// dynamicDefinition defines the feed of galleries with that name, in any spelling.
func (s *Set) dynamicDefinition(ref Ref, name string) Definition {
	d := s.opts.Dynamic
	return Definition{Name: ref.Name, Items: d.Items, Match: ref.Match(name), Order: d.Order, Where: "dynamic"}
}

// configured returns the renderer of a configured feed.
func (s *Set) configured(ref Ref) (*feedRenderer, error) {
	if r, ok := s.feeds[ref.Name]; ok {
		return r, nil
	}
	if name, ok := s.aliases[ref.Name]; ok {
		return nil, &Moved{To: Ref{Kind: Feed, Name: name, Page: ref.Page}, Permanent: true, set: s}
	}
	return nil, fmt.Errorf("feed %q: %w", ref.Name, ErrUnknown)
}

// lookup returns the name, in one of its spellings, by which a dynamic feed
// chooses.
func (s *Set) lookup(ref Ref) (string, error) {
	if !s.opts.Dynamic.has(ref.Kind) {
		return "", fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, ErrUnknown)
	}
	if name, ok := s.opts.Index.Lookup(ref.Kind.Facet(), ref.Name, s.opts.Now()); ok {
		return name.Name, nil
	}
	if err := s.opts.Index.Ready(); err != nil {
		return "", fmt.Errorf("%s %q: %w: %w", ref.Kind, ref.Name, ErrUnavailable, err)
	}
	if similar := s.opts.Index.Similar(ref.Kind.Facet(), ref.Name, s.opts.Now()); len(similar) > 0 {
		m := &Meant{set: s}
		for _, name := range similar {
			m.To = append(m.To, Ref{Kind: ref.Kind, Name: name.Slug, Page: ref.Page})
		}
		return "", fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, m)
	}
	return "", fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, ErrUnknown)
}
