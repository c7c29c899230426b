package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// digestSource is the catalogue as digests need it: they choose galleries as feeds do, and
// read what they send.
type digestSource struct {
	index *index.Index
	load  func(context.Context, *index.Entry) (*gallery.Gallery, error)
	feeds []edition.Definition
}

// Shown implements [digest.Source].
func (r digestSource) Shown(_ context.Context, name string, since time.Time, n int) ([]digest.Shown, error) {
	if err := r.index.Ready(); err != nil {
		return nil, err
	}
	match, ok := r.match(name)
	if !ok {
		return nil, nil
	}
	selection := r.index.Select(match, index.ByPublished)
	defer selection.Release()
	var shown []digest.Shown
	for _, e := range selection.View(n, time.Now()).Entries {
		s := digest.Shown{Key: gallery.Key(e.ID), Published: e.Published(), Visible: e.First()} // which may be long after it was published
		if !s.Visible.After(since) {
			continue
		}
		if e.Stored().After(s.Visible) {
			s.Visible = e.Stored()
		}
		shown = append(shown, s)
	}
	return shown, nil
}

// match chooses the galleries of a feed; it is false where no
// gallery has what the feed chooses by.
func (r digestSource) match(name string) (index.Match, bool) {
	if i := slices.IndexFunc(r.feeds, func(d edition.Definition) bool { return d.Name == name }); i >= 0 {
		return r.feeds[i].Match, true
	}
	ref, ok := edition.ParseRef(name)
	if !ok || ref.Kind == edition.Feed || ref.Kind == edition.Gallery {
		return index.Match{}, false
	}
	found, ok := r.index.Lookup(ref.Kind.Facet(), ref.Name, time.Now())
	return ref.Match(found.Name), ok
}

// upgrade is how long it may take to upgrade all nodes. Until then a digest waits for a
// node that can read what a newer release wrote.
const upgrade = time.Hour

// View implements [digest.Source]. A gallery that this node does not know or cannot read
// yet is an error, because it is not gone.
func (r digestSource) View(ctx context.Context, key string) (gallery.View, bool, error) {
	if err := r.index.Ready(); err != nil {
		return gallery.View{}, false, err
	}
	entry, now := r.index.Find(key), time.Now()
	if entry != nil && entry.NewerFormat() && now.Sub(entry.Stored()) < upgrade {
		return gallery.View{}, false, fmt.Errorf("gallery %q: a newer release wrote its record", key)
	}
	if !entry.VisibleAt(now) {
		return gallery.View{}, false, nil
	}
	g, err := r.load(ctx, entry)
	if errors.Is(err, catalogue.ErrUnreadable) {
		return gallery.View{}, false, nil
	}
	if err != nil {
		return gallery.View{}, false, fmt.Errorf("read gallery %q: %w", entry.ID, err)
	}
	return g.View(r.index.Public(), now), true, nil
}
