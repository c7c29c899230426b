package edition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/feed"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// ErrGone means that the gallery was there and is taken down or over.
var ErrGone = errors.New("gallery is gone")

// maxSlideFeeds bounds the feeds of single galleries that are kept rendered.
const maxSlideFeeds = 256

// slides makes the feeds of single galleries, an item a slide.
type slides struct {
	shelf *Shelf
	mu    sync.Mutex
	made  *simplelru.LRU[itemKey, *Edition]
}

func newSlides(s *Shelf) *slides {
	sl := &slides{shelf: s}
	sl.made, _ = simplelru.NewLRU[itemKey, *Edition](maxSlideFeeds, nil) // the only error is a size below one
	return sl
}

// edition returns the feed of the gallery with that key.
func (s *slides) edition(ctx context.Context, key string) (e *Edition, err error) {
	for range maxCatchUps {
		entry := s.shelf.opts.Catalogue.Find(key)
		now := s.shelf.opts.Now()
		if err := s.visible(entry, now); err != nil {
			return nil, fmt.Errorf("gallery %q: %w", key, err)
		}
		if e, err = s.of(ctx, entry, now); !errors.Is(err, catalogue.ErrSuperseded) {
			return e, err
		}
		soon, cancel := context.WithTimeout(ctx, catchUp)
		_ = s.shelf.opts.Catalogue.Wait(soon, s.shelf.opts.Catalogue.Revision()+1) // in vain: look again all the same
		cancel()
	}
	return nil, fmt.Errorf("gallery %q: %w: %w", key, ErrUnavailable, err)
}

func (s *slides) visible(entry *catalogue.Entry, now time.Time) error {
	switch {
	case entry.VisibleAt(now):
		return nil
	case entry != nil && (entry.Rank.TakeDown || entry.EndedAt(now)):
		return ErrGone
	case s.shelf.opts.Catalogue.Ready() != nil:
		return ErrUnavailable
	}
	return ErrUnknown // or embargoed, or withheld: nobody is told which
}

func (s *slides) of(ctx context.Context, entry *catalogue.Entry, now time.Time) (*Edition, error) {
	key := itemKey{id: entry.ID, hash: entry.Rank.Hash, phase: entry.Phase(now)}
	s.mu.Lock()
	e, ok := s.made.Get(key)
	s.mu.Unlock()
	if ok {
		return e, nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	g, err := s.shelf.opts.Catalogue.Load(ctx, entry)
	if errors.Is(err, catalogue.ErrSuperseded) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if e, err = s.render(g, entry, now); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made.Add(key, e)
	return e, nil
}

func (s *slides) render(g *gallery.Gallery, entry *catalogue.Entry, now time.Time) (*Edition, error) {
	items, err := s.shelf.opts.Renderer.Slides(g, now)
	if err != nil {
		return nil, err
	}
	ref := Ref{Kind: Gallery, Name: gallery.Key(g.ID)}
	e := &Edition{Feed: g.ID, Touched: entry.Touched(now), items: items, channel: s.channel(g, ref, items, now)}
	return e, e.print3(s.shelf.opts.MaxDocument)
}

func (s *slides) channel(g *gallery.Gallery, ref Ref, items []*feed.Item, now time.Time) feed.Channel {
	site := s.shelf.opts.Site
	ch := feed.Channel{
		ID: s.shelf.opts.Renderer.GalleryFeedID(g), Title: g.Title, Description: g.Summary, Language: g.Language,
		Copyright: g.Copyright, Author: site.Author, Home: s.shelf.opts.Renderer.Link(g), Icon: site.Icon,
		Updated: newest(items),
	}
	if len(g.Authors) > 0 {
		ch.Author = g.Authors[0]
	}
	if visible := g.SlidesAt(now); len(visible) > 0 {
		ch.Image = visible[0].Image
	}
	for _, f := range feed.Formats() {
		ch.Self[f] = s.shelf.address(ref, f)
	}
	return ch
}
