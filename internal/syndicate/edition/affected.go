package edition

import (
	"fmt"
	"slices"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
)

// Affected returns the feeds with subscribers, other than configured ones (see
// [Set.Concerned]), in which the change may show. It calls subscribed only for feeds
// of the gallery that changed. All is true where everything may have changed.
func (s *Set) Affected(c index.Change, subscribed func(Ref) bool) (refs []Ref, all bool) {
	if c == (index.Change{}) {
		return nil, true
	}
	asked := map[Ref]bool{}
	ask := func(ref Ref) {
		if !asked[ref] && subscribed(ref) {
			refs = append(refs, ref)
		}
		asked[ref] = true
	}
	if id := c.ID(); id != "" {
		ask(Ref{Kind: Gallery, Name: gallery.Key(id)})
	}
	for f := range c.Facets {
		if ref := refOf(f); s.opts.Dynamic.has(ref.Kind) {
			ask(ref)
		}
	}
	return refs, false
}

// Holds reports whether the gallery with that key belongs to the feed now, though
// it may be too old to be in its edition.
func (s *Set) Holds(ref Ref, key string) bool {
	now := s.opts.Now()
	if ref.Kind == s.kind() {
		r, ok := s.feeds[ref.Name]
		return ok && r.selection.Holds(key, now)
	}
	entry := s.find(key)
	switch {
	case !s.shows(entry):
		return false
	case ref.Kind == Gallery:
		return ref.Name == key
	}
	return s.opts.Dynamic.has(ref.Kind) && slices.ContainsFunc(entry.Facets, func(f index.Facet) bool {
		return refOf(f) == ref
	})
}

// Choice identifies how the feed's galleries are chosen: two nodes with the same
// choice show the same. It is empty where no feed is configured by that name, or
// feeds of the kind are off.
func (s *Set) Choice(ref Ref) string {
	var text []byte
	switch {
	case ref.Kind == s.kind():
		r, ok := s.feeds[ref.Name]
		if !ok {
			return ""
		}
		text = fmt.Appendf(nil, "%d %d %q", r.def.Items, r.def.Order, r.def.Match)
	case ref.Kind == Gallery:
		text = fmt.Append(nil, ref)
	case s.opts.Dynamic.has(ref.Kind):
		text = fmt.Append(nil, ref, s.opts.Dynamic.Items)
		if s.opts.Dynamic.Order != index.ByPublished { // what was recorded before there were other orders stays true
			text = fmt.Append(text, s.opts.Dynamic.Order)
		}
	default:
		return ""
	}
	if s.partner != nil {
		text = fmt.Appendf(text, " %q %s", s.partner.Exclude, s.partner.Audience)
	} else if public := s.opts.Index.Public(); len(public.Rules) > 0 { // likewise
		text = fmt.Appendf(text, " %s", public)
	}
	return gallery.HashOf(text).String()
}
