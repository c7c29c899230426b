package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
)

type demoCmd struct {
	Every time.Duration `default:"5s" help:"Time between two events; the default is 5s." placeholder:"TIME"`
}

// Help is printed below the command's usage.
func (demoCmd) Help() string {
	return `Everything runs in this process and in a temporary directory. If a default port is
taken, a free one is used. Programs of this machine may send events over HTTP without a
key, unless the configuration opens the node to others: put no proxy before it. Ctrl-C
stops the demo and removes its data.`
}

// leastEvery keeps the output readable.
const leastEvery = 10 * time.Millisecond

// Validate rejects a time that is too short.
func (d demoCmd) Validate() error {
	if d.Every < leastEvery {
		return fmt.Errorf("--every=%s is too short, write %s or more", d.Every, leastEvery)
	}
	return nil
}

// Run runs the demo until ctx ends.
func (d demoCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return unlessStopped(ctx, app.Demo(ctx, app.DemoOptions{
		Config: cfg, Every: d.Every, Out: c.out, Logger: c.quiet(cfg),
	}))
}
