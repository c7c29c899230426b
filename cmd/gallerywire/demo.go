package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
)

type demoCmd struct {
	Every time.Duration `default:"5s" help:"Time between two things that happen."`
}

// Help is printed below the command's usage.
func (demoCmd) Help() string {
	return `Everything runs in this process and in a temporary directory. Default ports
that are taken give way to free ones. Ctrl-C ends it and leaves nothing behind.`
}

// Run plays until the process is told to stop.
func (d demoCmd) Run(ctx context.Context, c *console) error {
	cfg, err := app.LoadConfig(c.path, c.environ)
	if err != nil {
		return err
	}
	if !cfg.Asked("log.level") {
		cfg.Log.Level = slog.LevelWarn // what happens is told on standard output
	}
	return app.Demo(ctx, app.DemoOptions{
		Config: cfg, Every: max(d.Every, 10*time.Millisecond), Out: c.out, Logger: c.logger(config.Log{Level: cfg.Log.Level, Format: cfg.Log.Format}),
	})
}
