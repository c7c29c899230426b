package edition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// ErrGone means that the gallery was taken down or has expired.
var ErrGone = errors.New("gallery is gone")

// galleryFeed is the feed of a gallery's revision, with an item for each slide, or the
// error why it cannot be rendered: that is not tried again for every reader.
type galleryFeed struct {
	edition *Edition
	err     error
}

func (f *galleryFeed) held() int {
	if f.edition == nil {
		return perEdition
	}
	return f.edition.held()
}

// galleryEdition returns the feed of a gallery, rendered once for all who ask together.
func (s *Set) galleryEdition(ctx context.Context, ref Ref, p priority) (*Edition, error) {
	var err error
	for range maxCatchUps {
		entry, hidden := s.Shown(ref.Name)
		if hidden != nil {
			return nil, hidden
		}
		now, hit := s.opts.Now(), true
		key := itemKey{base: s.Base(), id: entry.ID, hash: entry.Rank.Hash, phase: entry.SlidePhase(now)}
		var made *galleryFeed
		made, err = s.galleries.Load(ctx, key, func(ctx context.Context) (*galleryFeed, error) {
			hit = false
			return s.loadGallery(ctx, key, entry, now, p)
		})
		s.metrics.slides.Count(hit)
		if errors.Is(err, index.ErrSuperseded) {
			continue
		}
		if err == nil {
			err = made.err
		}
		if err != nil {
			return nil, fmt.Errorf("gallery %q: %w", ref.Name, err)
		}
		if _, hidden = s.Shown(ref.Name); hidden != nil { // withdrawn while it was rendered
			return nil, hidden
		}
		return made.edition, nil
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Shown returns the entry of a gallery that is shown now, as the audience sees it. The
// error is [ErrUnknown], [ErrGone] or [ErrUnavailable].
func (s *Set) Shown(key string) (*index.Entry, error) {
	entry := s.find(key)
	err := ErrUnknown // or embargoed, or withheld: readers do not learn which
	switch {
	case s.shows(entry):
		return entry, nil
	case s.partner == nil && entry.OverAt(s.opts.Now()):
		err = ErrGone
	case s.opts.Index.Ready() != nil:
		err = ErrUnavailable
	}
	return nil, fmt.Errorf("gallery %q: %w", key, err)
}

// perSlide is about how many bytes a rendered slide has in all formats.
const perSlide = 6 << 10

// loadGallery reads a gallery and renders its feed. A panic concerns that gallery only.
func (s *Set) loadGallery(ctx context.Context, key itemKey, entry *index.Entry, now time.Time, p priority) (made *galleryFeed, err error) {
	var task *cache.Task
	if p == forReaders {
		if task, err = s.opts.Limiter.Acquire(ctx); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	defer task.Release()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	g, err := s.opts.Load(ctx, entry)
	if errors.Is(err, index.ErrSuperseded) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	task.Grow(perSlide * len(g.Slides))
	defer func() {
		if cause := recover(); cause != nil {
			made = &galleryFeed{err: fmt.Errorf("panic: %v", cause)}
		}
		if made.err != nil {
			s.report(LeftOut{Feed: s.name(Ref{Kind: Gallery, Name: gallery.Key(g.ID)}), Gallery: g.ID, Rank: entry.Rank, Reason: made.err.Error()})
			made = &galleryFeed{err: fmt.Errorf("%w: %w", ErrUnavailable, made.err)}
		}
	}()
	made = new(galleryFeed)
	made.edition, made.err = s.renderGallery(g, entry, now, func() { s.galleries.Resize(key, made) })
	return made, nil
}

func (s *Set) renderGallery(g *gallery.Gallery, entry *index.Entry, now time.Time, grown func()) (*Edition, error) {
	var stubs time.Duration
	if s.opts.Stubs {
		stubs = entry.TombstoneAge()
	}
	items, err := s.opts.Renderer.Slides(g, now, stubs)
	if err != nil {
		return nil, err
	}
	if problems := feed.Check(items, s.opts.MaxDocument); len(problems) > 0 {
		return nil, fmt.Errorf("slide %d: %s", problems[0].Item+1, problems[0].Reason)
	}
	e := &Edition{
		Feed: g.ID, Touched: entry.Touched(now), Undated: s.opts.Index.Late(entry.Touched(now)),
		Members: []Member{memberOf(entry, now)}, items: items, channel: s.galleryChannel(g, entry, now),
	}
	return e, s.assemble(e, grown)
}

func (s *Set) galleryChannel(g *gallery.Gallery, entry *index.Entry, now time.Time) feed.Channel {
	site, ref, seen := s.opts.Site, Ref{Kind: Gallery, Name: gallery.Key(g.ID)}, s.opts.Renderer.View(g, now)
	ch := feed.Channel{
		ID: s.opts.Renderer.GalleryFeedID(g), Title: g.Title, Description: g.Summary, Language: g.Language,
		Copyright: g.Copyright, Author: site.Author, Site: site.Title, Home: s.opts.Renderer.Link(g), Icon: site.Icon,
		Updated: seen.Updated, Hubs: site.hubs(ref), Tombstones: s.opts.Renderer.SlideTombstones(g, now, entry.TombstoneAge()),
	}
	if len(g.Authors) > 0 {
		named := slices.IndexFunc(g.Authors, func(a gallery.Author) bool { return gallery.Line(a.Name) != "" })
		ch.Author = g.Authors[max(named, 0)]
	}
	if len(seen.Slides) > 0 {
		ch.Image = seen.Slides[0].Image
	}
	for _, f := range feed.Formats() {
		ch.Self[f] = s.Address(ref, f)
	}
	return ch
}
