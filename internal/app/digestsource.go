package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// digestSource is the editions and the catalogue as digests need them: they choose galleries
// as feeds do, and read what they send.
type digestSource struct {
	*partners
	index   *index.Index
	load    func(context.Context, *index.Entry) (*gallery.Gallery, error)
	baseURL string
	now     func() time.Time
}

// Shown implements [digest.Source].
func (d digestSource) Shown(ctx context.Context, name string, since time.Time, n int) ([]digest.Shown, error) {
	if err := d.index.Ready(); err != nil {
		return nil, err
	}
	set, ref, ok := d.find(name)
	if !ok {
		return nil, nil
	}
	_, all, err := set.History(ctx, ref)
	if errors.Is(err, edition.ErrUnknown) {
		return nil, nil // no gallery has what the feed chooses by
	}
	if err != nil {
		return nil, err
	}
	var shown []digest.Shown
	for _, e := range all.View(n, d.now()).Entries {
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

// upgrade is how long it may take to upgrade all nodes. Until then a digest waits for a
// node that can read what a newer release wrote.
const upgrade = time.Hour

// View implements [digest.Source]. A gallery that this node does not know or cannot read
// yet is an error, because it is not gone.
func (d digestSource) View(ctx context.Context, feeds []string, key string) (gallery.View, bool, error) {
	if err := d.index.Ready(); err != nil {
		return gallery.View{}, false, err
	}
	entry, now := d.index.Find(key), d.now()
	if entry != nil && entry.NewerFormat() && now.Sub(entry.Stored()) < upgrade {
		return gallery.View{}, false, fmt.Errorf("gallery %q: a newer release wrote its record", key)
	}
	audience := d.audience(feeds, key)
	if audience == nil {
		return gallery.View{}, false, nil
	}
	g, err := d.load(ctx, entry)
	if errors.Is(err, catalogue.ErrUnreadable) {
		return gallery.View{}, false, nil
	}
	if err != nil {
		return gallery.View{}, false, fmt.Errorf("read gallery %q: %w", entry.ID, err)
	}
	v := g.View(audience, now)
	if v.URL == "" && entry.VisibleAt(now) { // what only a partner may see has no page here
		v.URL = gallery.WebAddress(d.baseURL+"/galleries/"+key, nil)
	}
	return v, true, nil
}

// audience is the first of those of the feeds that may see the gallery; nil: none may.
func (d digestSource) audience(feeds []string, key string) *gallery.Audience {
	for _, name := range feeds {
		if set, _, ok := d.find(name); ok && set.Holds(edition.Ref{Kind: edition.Gallery, Name: key}, key) {
			return set.Audience()
		}
	}
	return nil
}
