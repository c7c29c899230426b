package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
)

type demoCmd struct {
	Every time.Duration `default:"5s" help:"Time between two things that happen; 5s when left out." placeholder:"TIME"`
}

// Help is printed below the command's usage.
func (demoCmd) Help() string {
	return `Everything runs in this process and in a temporary directory. Default ports that
are taken give way to free ones. Ctrl-C ends it and leaves nothing behind.`
}

// leastEvery keeps a terminal readable.
const leastEvery = 10 * time.Millisecond

// Validate refuses what could not be followed.
func (d demoCmd) Validate() error {
	if d.Every < leastEvery {
		return fmt.Errorf("--every=%s is too short, write %s or more", d.Every, leastEvery)
	}
	return nil
}

// Run plays until the process is told to stop.
func (d demoCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	// What happens is told on standard output, so the logger is quiet.
	return unlessStopped(ctx, app.Demo(ctx, app.DemoOptions{
		Config: cfg, Every: d.Every, Out: c.out, Logger: c.quiet(cfg),
	}))
}
