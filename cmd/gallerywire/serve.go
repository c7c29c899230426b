package main

import (
	"context"
	"log/slog"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
)

type serveCmd struct{}

// Help is printed below the command's usage.
func (serveCmd) Help() string {
	return `Without a configuration a NATS server runs inside the process, listens for
CMSs on 127.0.0.1:4222 and stores in ./data. With nats.url set the same
program joins the NATS servers there, beside as many other nodes as you like.`
}

// Run serves until the process is told to stop.
func (serveCmd) Run(ctx context.Context, c *console) error {
	cfg, err := app.LoadConfig(c.path, c.environ)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Logger: c.logger(cfg.Log)})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// logger writes to standard error.
func (c *console) logger(l config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(c.err, options))
	}
	return slog.New(slog.NewTextHandler(c.err, options))
}
