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

// ErrGone means that the gallery was there and is taken down or over.
var ErrGone = errors.New("gallery is gone")

// slides makes the feeds of single galleries, an item a slide.
type slides struct {
	set  *Set
	made *cache.Cache[itemKey, *slideFeed]
}

// slideFeed is what became of a revision: a feed, or why there is none.
type slideFeed struct {
	edition *Edition
	err     error
}

func newSlides(s *Set) *slides {
	return &slides{set: s, made: cache.New[itemKey](s.opts.Budget, cache.Options[*slideFeed]{Size: (*slideFeed).held})}
}

// edition returns the feed of the gallery with that key.
func (s *slides) edition(ctx context.Context, key string, u urgency) (*Edition, error) {
	var err error
	for range maxCatchUps {
		var e *Edition
		if e, err = s.attempt(ctx, key, u); !errors.Is(err, index.ErrSuperseded) {
			return e, err
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func (s *slides) attempt(ctx context.Context, key string, u urgency) (*Edition, error) {
	entry, err := s.find(key)
	if err != nil {
		return nil, err
	}
	e, err := s.of(ctx, entry, s.set.opts.Now(), u)
	if err != nil {
		return nil, fmt.Errorf("gallery %q: %w", key, err)
	}
	if _, err := s.find(key); err != nil { // withdrawn while it was rendered
		return nil, err
	}
	return e, nil
}

// find returns the entry of a gallery that may be shown now.
func (s *slides) find(key string) (*index.Entry, error) {
	entry, now := s.set.opts.Index.Find(key), s.set.opts.Now()
	err := ErrUnknown // or embargoed, or withheld: nobody is told which
	switch {
	case entry.VisibleAt(now):
		return entry, nil
	case entry != nil && (entry.Rank.TakeDown || entry.EndedAt(now)):
		err = ErrGone
	case s.set.opts.Index.Ready() != nil:
		err = ErrUnavailable
	}
	return nil, fmt.Errorf("gallery %q: %w", key, err)
}

// of returns the feed of the revision, from memory where it is there. One that
// can not be rendered is not tried again for every reader.
func (s *slides) of(ctx context.Context, entry *index.Entry, now time.Time, u urgency) (*Edition, error) {
	key := itemKey{id: entry.ID, hash: entry.Rank.Hash, phase: entry.SlidePhase(now)}
	hit := true
	made, err := s.made.Load(ctx, key, func(ctx context.Context) (*slideFeed, error) {
		hit = false
		return s.load(ctx, key, entry, now, u)
	})
	s.set.metrics.slides.Count(hit)
	if err != nil {
		return nil, err
	}
	return made.edition, made.err
}

// load makes the feed of a revision that is not in memory.
func (s *slides) load(ctx context.Context, key itemKey, entry *index.Entry, now time.Time, u urgency) (*slideFeed, error) {
	task, err := s.set.enter(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer task.Release()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	g, err := s.set.opts.Load(ctx, entry)
	if errors.Is(err, index.ErrSuperseded) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	task.Grow(perSlide * len(g.Slides))
	return s.render(g, key, entry, now), nil
}

// perSlide is about what a slide is rendered to, in bytes of all formats.
const perSlide = 6 << 10

func (f *slideFeed) held() int {
	if f.edition == nil {
		return perEdition
	}
	return f.edition.held()
}

// render makes the feed. A panic is that gallery's alone.
func (s *slides) render(g *gallery.Gallery, key itemKey, entry *index.Entry, now time.Time) (made *slideFeed) {
	ref := Ref{Kind: Gallery, Name: gallery.Key(g.ID)}
	defer func() {
		if cause := recover(); cause != nil {
			made = &slideFeed{err: fmt.Errorf("panic: %v", cause)}
		}
		if made.err != nil {
			s.set.report(LeftOut{Feed: ref.base(), Gallery: g.ID, Rank: entry.Rank, Reason: made.err.Error()})
			made = &slideFeed{err: fmt.Errorf("%w: %w", ErrUnavailable, made.err)}
		}
	}()
	var stubs time.Duration
	if s.set.opts.Stubs {
		stubs = entry.Keeps()
	}
	items, err := s.set.opts.Renderer.Slides(g, now, stubs)
	if err != nil {
		return &slideFeed{err: err}
	}
	if problems := feed.Check(items, s.set.opts.MaxDocument); len(problems) > 0 {
		return &slideFeed{err: fmt.Errorf("slide %d: %s", problems[0].Item+1, problems[0].Reason)}
	}
	e := &Edition{
		Feed: g.ID, Touched: entry.Touched(now), items: items, channel: s.channel(g, ref, entry, now),
		Members: []Member{{ID: g.ID, Rank: entry.Rank, Phase: entry.Phase(now), entry: entry}},
	}
	e.Undated = s.set.opts.Index.Late(e.Touched)
	made = &slideFeed{edition: e}
	made.err = s.set.assemble(e, func() { s.made.Resize(key, made) })
	return made
}

func (s *slides) channel(g *gallery.Gallery, ref Ref, entry *index.Entry, now time.Time) feed.Channel {
	site := s.set.opts.Site
	ch := feed.Channel{
		ID: s.set.opts.Renderer.GalleryFeedID(g), Title: g.Title, Description: g.Summary, Language: g.Language,
		Copyright: g.Copyright, Author: site.Author, Site: site.Title, Home: s.set.opts.Renderer.Link(g), Icon: site.Icon,
		Updated: g.UpdatedAt(now), Hubs: site.hubs(ref), Tombstones: s.set.opts.Renderer.SlideTombstones(g, now, entry.Keeps()),
	}
	if len(g.Authors) > 0 {
		named := slices.IndexFunc(g.Authors, func(a gallery.Author) bool { return gallery.Line(a.Name) != "" })
		ch.Author = g.Authors[max(named, 0)]
	}
	if visible := g.SlidesAt(now); len(visible) > 0 {
		ch.Image = visible[0].Image
	}
	for _, f := range feed.Formats() {
		ch.Self[f] = s.set.Address(ref, f)
	}
	return ch
}
