package edition

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// Announce is [Set.Edition] for notices to subscribers, who must learn that a feed
// has become empty. For a gallery that is not shown, and for a section, tag or author
// without galleries, it returns an edition without galleries, even if there never
// were any. That edition has the feed's identifier and addresses, was touched when
// the last gallery went, and is the same on every node. Other editions may be a
// fallback. The error is [ErrUnknown] if there can be no such feed, [ErrUnavailable] or a [*Moved].
func (s *Set) Announce(ctx context.Context, ref Ref) (*Edition, error) {
	if ref.Page != "" {
		return nil, unknownPage(ref)
	}
	var e *Edition
	var err error
	if ref.Kind == Gallery {
		e, err = s.galleryEdition(ctx, ref, forAnnounce)
	} else if r, unknown := s.renderer(ctx, ref); unknown != nil {
		err = unknown
	} else if e = r.fresh(); e == nil {
		e, err = r.refresh(ctx, forAnnounce)
	}
	switch {
	case !errors.Is(err, ErrGone) && !errors.Is(err, ErrUnknown) || ref.Name == "":
		return e, err
	case ref.Kind == Gallery:
		return s.withdrawn(ref)
	case s.opts.Dynamic.has(ref.Kind):
		return s.unused(ref)
	}
	return nil, err
}

// withdrawn returns the edition of a gallery that is not shown.
func (s *Set) withdrawn(ref Ref) (*Edition, error) {
	now, id := s.opts.Now(), ref.Name
	entry := s.find(ref.Name)
	err := s.opts.Index.Ready() // the reason why this node cannot know that it is not shown
	switch {
	case s.shows(entry):
		err = errors.New("it is shown again")
	case entry != nil && entry.NewerFormat():
		err = errNewerRecord
	}
	if err != nil {
		return nil, fmt.Errorf("gallery %q: %w: %w", ref.Name, ErrUnavailable, err)
	}
	if entry != nil {
		id = entry.ID
	}
	if gallery.Key(id) != ref.Name { // its record was deleted by hand, and its id is lost
		return nil, fmt.Errorf("gallery %q: %w", ref.Name, ErrUnknown)
	}
	ch := s.channel(ref)
	ch.ID = s.opts.Renderer.GalleryFeedID(&gallery.Gallery{ID: id})
	ch.Title = cmp.Or(s.opts.Site.Title, ref.Name) // its own may not be shown any more
	e := &Edition{Feed: id}
	if entry != nil {
		ch.Updated, e.Touched = ending(entry, now)
	}
	if entry != nil && entry.GoneAt(now) && (s.partner == nil || s.history().Showed(entry, now)) {
		ch.Tombstones = s.tombstones([]*index.Entry{entry}, nil)
	}
	return s.empty(e, ch)
}

// ending is when a gallery that is not shown at now was withdrawn: by the dates of the
// gallery, and by when that was stored.
func ending(entry *index.Entry, now time.Time) (updated, touched time.Time) {
	updated, touched = entry.Rank.Updated, entry.Stored()
	if entry.EndedAt(now) {
		updated, touched = entry.Withdrawn(), later(touched, entry.End())
	}
	return updated, touched
}

var errNewerRecord = errors.New("a newer release wrote its record")

// unused returns the edition of a section, tag or author without galleries.
func (s *Set) unused(ref Ref) (*Edition, error) {
	ch := s.channel(ref)
	ch.ID, ch.Title = s.opts.Renderer.ChannelID(ref.base()), ref.Name
	e := &Edition{Feed: ref.Name}
	if name := s.opts.Index.Spelling(ref.Kind.Facet(), ref.Name); name != "" {
		all := s.opts.Index.Select(ref.Match(name), index.ByPublished)
		defer all.Release()
		v := all.View(s.opts.Dynamic.Items, s.opts.Now())
		if len(v.Entries) > 0 {
			return nil, fmt.Errorf("%s %q: %w: a gallery has it again", ref.Kind, ref.Name, ErrUnavailable)
		}
		e.Touched, ch.Tombstones = v.Touched, s.tombstones(v.Gone, nil)
	}
	ch.Updated = later(e.Touched, latest(nil, ch.Tombstones))
	return s.empty(e, ch)
}

// empty completes an edition without galleries.
func (s *Set) empty(e *Edition, ch feed.Channel) (*Edition, error) {
	e.Undated, e.channel = true, ch
	if err := s.assemble(e, nil); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return e, nil
}
