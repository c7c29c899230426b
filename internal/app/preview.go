package app

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
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
	_, editions, err := preview(o, items)
	if err != nil {
		return nil, err
	}
	return editions.Current(ctx, o.Feed)
}

func preview(o PreviewOptions, items iter.Seq[publish.Item]) (*catalogue.Catalogue, *edition.Set, error) {
	node := idle(o.Config, nil, slog.New(slog.DiscardHandler))
	node.baseURL = localURL(o.Config)
	now := func() time.Time { return o.At }
	cat, err := catalogue.Fixed(catalogue.Options{
		Decode:      EventReader(o.Config).Gallery,
		Now:         now,
		ArchivePage: uint32(o.Config.Archive.Page),
		Tombstones:  o.Config.Tombstones.Keep,
		Stubs:       o.Config.Tombstones.Stub,
		Logger:      node.log,
	}, revisions(items))
	if err != nil {
		return nil, nil, err
	}
	options := node.shelfOptions(cat, cmp.Or(o.Config.Site.ID, hostOf(node.baseURL)))
	options.Now = now
	return cat, edition.New(options), nil
}

func revisions(items iter.Seq[publish.Item]) iter.Seq[catalogue.Revision] {
	return func(yield func(catalogue.Revision) bool) {
		for item := range items {
			if item.Event != nil && !yield(revision(item.Event, event.Message{Subject: string(item.Kind), Data: item.Data})) {
				return
			}
		}
	}
}

// localURL is the configured address, else that of a node on this machine.
func localURL(c config.Config) string {
	if c.Site.BaseURL != "" {
		return c.Site.BaseURL
	}
	return "http://" + Reachable(c.HTTP.Listen)
}
