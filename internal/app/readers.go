package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// readers is the catalogue as digests need it: they choose as feeds do, and read
// what people are told.
type readers struct {
	index   *index.Index
	load    func(context.Context, *index.Entry) (*gallery.Gallery, error)
	feeds   []edition.Definition
	baseURL string
}

// Shown implements [digest.Source].
func (r readers) Shown(_ context.Context, name string, since time.Time, n int) ([]digest.Shown, error) {
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
		if !e.Published().After(since) {
			break // they come by when they were published
		}
		shown = append(shown, shownOf(e))
	}
	return shown, nil
}

func shownOf(e *index.Entry) digest.Shown {
	visible := e.Published()
	if e.Stored().After(visible) {
		visible = e.Stored()
	}
	return digest.Shown{Key: gallery.Key(e.ID), Published: e.Published(), Visible: visible}
}

// match chooses the galleries of a feed; it is false where no
// gallery has what the feed chooses by.
func (r readers) match(name string) (index.Match, bool) {
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

// upgrade is how long it takes to upgrade all nodes: for so long it is waited
// for one that can read what a newer release wrote.
const upgrade = time.Hour

// Gallery implements [digest.Source]. What this node does not know of yet, or can
// not read yet, is not taken for gone.
func (r readers) Gallery(ctx context.Context, key string) (digest.Gallery, bool, error) {
	if err := r.index.Ready(); err != nil {
		return digest.Gallery{}, false, err
	}
	entry, now := r.index.Find(key), time.Now()
	if entry != nil && entry.NewerFormat() && now.Sub(entry.Stored()) < upgrade {
		return digest.Gallery{}, false, fmt.Errorf("gallery %q: a newer release wrote its record", key)
	}
	if !entry.VisibleAt(now) {
		return digest.Gallery{}, false, nil
	}
	g, err := r.load(ctx, entry)
	if errors.Is(err, catalogue.ErrUnreadable) {
		return digest.Gallery{}, false, nil
	}
	if err != nil {
		return digest.Gallery{}, false, fmt.Errorf("read gallery %q: %w", entry.ID, err)
	}
	return r.told(g, key, now), true, nil
}

// told is what people are told of a gallery.
func (r readers) told(g *gallery.Gallery, key string, now time.Time) digest.Gallery {
	var by []string
	for _, a := range g.Authors {
		by = append(by, a.Name)
	}
	return digest.Gallery{
		Title:     g.Title,
		Link:      cmp.Or(gallery.WebAddress(g.URL, nil), r.baseURL+"/galleries/"+key),
		Summary:   cmp.Or(g.Summary, gallery.PlainText(gallery.HTML(g.Body, nil))),
		Section:   g.Section,
		Credit:    cmp.Or(strings.Join(by, ", "), strings.Join(g.Sources, ", ")),
		Language:  g.Language,
		Published: g.Published,
		Cover:     coverOf(g, now),
	}
}

// coverOf is the first picture that may be shown and has an address.
func coverOf(g *gallery.Gallery, now time.Time) digest.Picture {
	for _, s := range g.SlidesAt(now) {
		if address := gallery.WebAddress(s.Image.URL, nil); address != "" {
			return digest.Picture{URL: address, Alt: s.Image.Alt, Width: s.Image.Width, Height: s.Image.Height}
		}
	}
	return digest.Picture{}
}
