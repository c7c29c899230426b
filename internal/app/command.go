package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// idle returns a node that listens nowhere and runs nothing, for commands that
// use some of its services. Without b it has no server.
func idle(c config.Config, b *broker.Broker, log *slog.Logger) *App {
	return &App{opts: Options{Config: c, Logger: log}, log: log, now: time.Now, broker: b, metrics: prometheus.NewRegistry()}
}

// EventReader reads events as a node with that configuration does.
func EventReader(c config.Config) event.Reader {
	return event.Reader{MaxBytes: int64(c.Events.MaxEvent), URLTemplate: c.Events.URLTemplate, SiteID: siteIDOf(c)}
}

// Site is what is stored of a site, for commands of the operator. No node needs to run.
type Site struct {
	node      *App
	catalogue *catalogue.Catalogue
}

// OpenSite returns the site that c configures on b's server.
func OpenSite(c config.Config, b *broker.Broker, log *slog.Logger) *Site {
	node := idle(c, b, log)
	return &Site{node, node.catalogue(nil)}
}

// Catalogue has the galleries. Its index stays empty.
func (s *Site) Catalogue() *catalogue.Catalogue { return s.catalogue }

// Knows reports whether anything is stored of the gallery with that id, which may be
// a take-down. It makes nothing.
func (s *Site) Knows(ctx context.Context, id string) (bool, error) {
	r, err := lookUp(ctx, s.node.broker, bucketGalleries, gallery.Key(id))
	if err != nil {
		return false, fmt.Errorf("look gallery %q up: %w", id, err)
	}
	return r.Value != nil, nil
}

// lookUp reads a record without making its bucket, which must be there.
func lookUp(ctx context.Context, b *broker.Broker, name, key string) (bucket.Record, error) {
	o := bucketOptions(b, name, slog.New(slog.DiscardHandler))
	o.Reconnect = nil
	o.Open = func(ctx context.Context) (jetstream.Stream, error) { return b.JetStream().Stream(ctx, "KV_"+o.Bucket) }
	return bucket.New(o).Get(ctx, key)
}

// ID returns the id that every identifier is made of: the configured one, else
// the one that is remembered; empty when no node has run yet.
func (s *Site) ID(ctx context.Context) (string, error) {
	if id := s.node.opts.Config.Site.ID; id != "" {
		return id, nil
	}
	r, err := s.node.bucket(bucketSite).Get(ctx, siteIDKey)
	return string(r.Value), err
}

// Remember stores id as the site's id.
func (s *Site) Remember(ctx context.Context, id string) error {
	_, err := s.node.bucket(bucketSite).Amend(ctx, siteIDKey, func(bucket.Record) ([]byte, error) { return []byte(id), nil })
	if err != nil {
		return fmt.Errorf("remember the site's id: %w", err)
	}
	return nil
}
