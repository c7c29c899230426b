package edition

import (
	"cmp"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

// Content is what a feed holds now, and what happened to its galleries since an earlier
// position.
type Content struct {
	Members []Member  // as of its edition, and those that will be left out of that
	Touched time.Time // see [Edition]
	index.Steps
}

// ChangedSince reports whether anything may have happened since from that concerns the
// feed. It takes a fraction of a microsecond, however many galleries there are.
func (s *Set) ChangedSince(ref Ref, from index.Position) bool {
	switch {
	case ref.Kind == Gallery:
		return s.opts.Index.GalleryChangedSince(ref.Name, from, s.opts.Now())
	case ref.Kind.dynamic():
		return s.opts.Index.ChangedSince(ref.Kind.Facet(), ref.Name, from, s.opts.Now())
	}
	r, ok := s.feeds[ref.Name]
	return !ok || ref.Kind != s.kind() || r.selection.ChangedSince(from, s.opts.Now())
}

// Content returns what the feed holds now, and what happened to its galleries,
// however old they are, since from, when it had last been touched at that instant:
// see [index.Index.Since]. It knows the feeds that [Set.Announce] knows, with the
// same errors, but reads memory only.
func (s *Set) Content(ref Ref, from index.Position, touched time.Time) (*Content, error) {
	if ref.Page != "" || ref.Name == "" {
		return nil, fmt.Errorf("%s %q: %w", ref.Kind, ref, ErrUnknown)
	}
	if err := s.opts.Index.Ready(); err != nil {
		return nil, fmt.Errorf("%s %q: %w: %w", ref.Kind, ref.Name, ErrUnavailable, err)
	}
	steps := func(scope index.Scope) index.Steps { return s.opts.Index.Since(scope, from, touched, s.opts.Now()) }
	switch {
	case ref.Kind == Gallery:
		return s.galleryContent(ref, steps(index.Scope{Key: ref.Name, Choice: s.all()}))
	case ref.Kind == s.kind():
		r, err := s.configured(ref)
		if err != nil {
			return nil, err
		}
		return s.content(r.selection, r.def.Items, steps(index.Scope{Choice: s.choice(r.def.Match, r.def.Order)})), nil
	case !s.opts.Dynamic.has(ref.Kind):
		return nil, fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, ErrUnknown)
	}
	name, err := s.lookup(ref)
	if err != nil { // an unused section, tag or author has no galleries
		name = cmp.Or(s.opts.Index.Spelling(ref.Kind.Facet(), ref.Name), ref.Name)
	}
	match := ref.Match(name)
	happened := steps(index.Scope{Choice: index.Choice{Match: match}})
	if r, ok := s.dynamic.Get(ref); ok {
		return s.content(r.selection, s.opts.Dynamic.Items, happened), nil
	}
	selection := s.opts.Index.Select(match, s.opts.Dynamic.Order)
	defer selection.Release()
	return s.content(selection, s.opts.Dynamic.Items, happened), nil
}

// content shows the galleries of a selection as they are now, after the steps.
func (s *Set) content(selection *index.Selection, items int, steps index.Steps) *Content {
	v := selection.View(items, s.opts.Now())
	c := &Content{Touched: v.Touched, Steps: steps}
	for _, e := range v.Entries {
		c.Members = append(c.Members, memberOf(e, v.At))
	}
	return c
}

func memberOf(e *index.Entry, at time.Time) Member {
	return Member{ID: e.ID, Rank: e.Rank, Phase: e.Phase(at), entry: e}
}

// galleryContent shows the gallery, if it may be shown now, after the steps.
func (s *Set) galleryContent(ref Ref, steps index.Steps) (*Content, error) {
	c, now := &Content{Steps: steps}, s.opts.Now()
	entry := s.find(ref.Name)
	switch {
	case s.shows(entry):
		c.Members, c.Touched = []Member{memberOf(entry, now)}, entry.Touched(now)
	case entry != nil && entry.NewerFormat():
		return nil, fmt.Errorf("gallery %q: %w: %w", ref.Name, ErrUnavailable, errNewerRecord)
	case entry != nil:
		_, c.Touched = ending(entry, now)
	case gallery.Key(ref.Name) != ref.Name: // its record was deleted by hand, and its id is lost
		return nil, fmt.Errorf("gallery %q: %w", ref.Name, ErrUnknown)
	}
	return c, nil
}
