package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// idle returns a node that listens nowhere and runs nothing, for commands that
// use some of its rooms. Without b it has no server.
func idle(c config.Config, b *broker.Broker, log *slog.Logger) *App {
	return &App{opts: Options{Config: c, Logger: log}, log: log, broker: b, metrics: prometheus.NewRegistry()}
}

// EventReader reads events as a node with that configuration does.
func EventReader(c config.Config) event.Reader {
	return event.Reader{MaxBytes: int64(c.Events.MaxEvent), URLTemplate: c.Events.URLTemplate}
}

// Site is what is stored of a site, for who looks after it. No node need run.
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
	bucket := s.node.broker.Name(bucketGalleries)
	stream, err := s.node.broker.JetStream().Stream(ctx, "KV_"+bucket)
	if err == nil {
		_, err = stream.GetLastMsgForSubject(ctx, "$KV."+bucket+"."+gallery.Key(id))
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look gallery %q up: %w", id, err)
	}
	return true, nil
}

// ID returns the id that every identifier is made of: the configured one, else
// the one that is remembered; empty when no node has run yet.
func (s *Site) ID(ctx context.Context) (string, error) {
	if id := s.node.opts.Config.Site.ID; id != "" {
		return id, nil
	}
	bucket, err := s.node.keyValue(ctx, bucketSite)
	if err != nil {
		return "", err
	}
	entry, err := bucket.Get(ctx, "id")
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the site's id: %w", err)
	}
	return string(entry.Value()), nil
}

// Remember makes id the one that is remembered.
func (s *Site) Remember(ctx context.Context, id string) error {
	bucket, err := s.node.keyValue(ctx, bucketSite)
	if err != nil {
		return err
	}
	if _, err := bucket.Put(ctx, "id", []byte(id)); err != nil {
		return fmt.Errorf("remember the site's id: %w", err)
	}
	return nil
}
