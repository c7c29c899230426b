package app

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// PreviewOptions say which feed is previewed.
type PreviewOptions struct {
	Config config.Config
	Feed   string // its name
	At     time.Time
}

// Preview returns the edition of a configured feed that a node would serve at
// the instant At, had it taken in these events and no others. It needs no
// server. Items that are no event are passed over. The error is
// [edition.ErrUnknown] when there is no such feed.
func Preview(ctx context.Context, o PreviewOptions, items iter.Seq[publish.Item]) (*edition.Edition, error) {
	return edition.New(previewed(o, items)).Current(ctx, o.Feed)
}

// previewed are the feeds of a node that has taken in items and no others.
func previewed(o PreviewOptions, items iter.Seq[publish.Item]) edition.Options {
	node := idle(o.Config, nil, slog.New(slog.DiscardHandler))
	node.now = func() time.Time { return o.At }
	node.baseURL = cmp.Or(o.Config.Site.BaseURL, "http://"+Reachable(o.Config.HTTP.Listen))
	galleries := index.New(node.indexOptions(nil))
	galleries.Fill(map[string]*index.Entry{}, o.At, 0, o.At)
	type revision struct {
		id   string
		hash gallery.Hash
	}
	bodies := map[revision][]byte{}
	for item := range items {
		if e := item.Event; e != nil {
			galleries.Add(index.Revision{ID: e.GalleryID(), Rank: e.Rank, Gallery: e.Gallery, Reason: e.Removed.Reason}, o.At)
			bodies[revision{e.GalleryID(), e.Rank.Hash}] = item.Data
		}
	}
	options := node.editionOptions(cmp.Or(o.Config.Site.ID, hostOf(node.baseURL)))
	options.Index = galleries
	options.Load = func(_ context.Context, e *index.Entry) (*gallery.Gallery, error) {
		return EventReader(o.Config).Gallery(bodies[revision{e.ID, e.Rank.Hash}])
	}
	return options
}
