package edition

import (
	"cmp"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

// Content is what a feed holds at one moment, and what has become of its
// galleries since another one.
type Content struct {
	Members []Member  // as of its edition, and those that will be left out of that
	Touched time.Time // see [Edition]
	index.Steps
}

// Moved reports whether anything may have happened since from that concerns the
// feed. It takes a fraction of a microsecond, however many galleries there are.
func (s *Set) Moved(ref Ref, from index.Position) bool {
	switch {
	case ref.Kind == Gallery:
		return s.opts.Index.MovedGallery(ref.Name, from, s.opts.Now())
	case ref.Kind.dynamic():
		return s.opts.Index.Moved(ref.Kind.Facet(), ref.Name, from, s.opts.Now())
	}
	r, ok := s.feeds[ref.Name]
	return !ok || r.selection.Moved(from, s.opts.Now())
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
	switch {
	case ref.Kind == Gallery:
		return s.contentOfGallery(ref, from, touched)
	case ref.Kind == Feed:
		r, err := s.configured(ref)
		if err != nil {
			return nil, err
		}
		steps := s.opts.Index.Since(index.Scope{Match: r.def.Match}, from, touched, s.opts.Now())
		return contentOf(r.selection, r.def.Items, s.opts.Now(), steps), nil
	case s.opts.Dynamic.has(ref.Kind):
		return s.contentOfName(ref, from, touched), nil
	}
	return nil, fmt.Errorf("%s %q: %w", ref.Kind, ref.Name, ErrUnknown)
}

// contentOf shows the galleries of a selection. It is no older than the steps.
func contentOf(selection *index.Selection, items int, now time.Time, steps index.Steps) *Content {
	v := selection.View(items, now)
	c := &Content{Touched: v.Touched, Steps: steps}
	for _, e := range v.Entries {
		c.Members = append(c.Members, memberOf(e, v.At))
	}
	return c
}

func memberOf(e *index.Entry, at time.Time) Member {
	return Member{ID: e.ID, Rank: e.Rank, Phase: e.Phase(at), entry: e}
}

// contentOfName is Content of a section, tag or author, which may be unused.
func (s *Set) contentOfName(ref Ref, from index.Position, touched time.Time) *Content {
	name, err := s.lookup(ref)
	if err != nil {
		name = cmp.Or(s.opts.Index.Spelling(ref.Kind.Facet(), ref.Name), ref.Name)
	}
	match := ref.Match(name)
	steps := s.opts.Index.Since(index.Scope{Match: match}, from, touched, s.opts.Now())
	if r, ok := s.dynamic.Get(ref); ok {
		return contentOf(r.selection, s.opts.Dynamic.Items, s.opts.Now(), steps)
	}
	selection := s.opts.Index.Select(match, s.opts.Dynamic.Order)
	defer selection.Release()
	return contentOf(selection, s.opts.Dynamic.Items, s.opts.Now(), steps)
}

// contentOfGallery is Content of the feed of a gallery, which need not be shown.
func (s *Set) contentOfGallery(ref Ref, from index.Position, touched time.Time) (*Content, error) {
	c := &Content{Steps: s.opts.Index.Since(index.Scope{Key: ref.Name}, from, touched, s.opts.Now())}
	now := s.opts.Now()
	entry := s.opts.Index.Find(ref.Name)
	switch {
	case entry.VisibleAt(now):
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
