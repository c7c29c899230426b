package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
)

type serveCmd struct {
	AcceptDamage      bool `help:"Serve a store that lost records, once: from now on its present content is complete."`
	AcceptNewIdentity bool `help:"Replace the stored site's id with site.id, once: readers see every gallery again as a new one."`
}

// Help is printed below the command's usage.
func (serveCmd) Help() string {
	return `Without a configuration, a NATS server runs inside the process, listens for CMSs on
127.0.0.1:4222 and stores in ./data. With nats.url, the node uses the NATS servers
there, together with any number of other nodes.

The node keeps a list of what its store must contain. If something is missing at a
start, the node serves nothing and events wait. /readyz, "gallerywire status" and
"gallerywire health" say what is missing. Restore the data, or start once with
--accept-damage.

All identifiers in the feeds contain the site's id, which the first start stores. A
start with another site.id is rejected (exit code 2). With --accept-new-identity it is
accepted, and readers see every gallery again.

Ctrl-C or SIGTERM stops the node after the requests that it is answering; a second one
stops it at once. SIGHUP has the node read the files with the keys of partners again,
as it does every second; it reads the rest of its configuration only at a start. It
logs to standard error.`
}

// Run serves until ctx ends.
func (s serveCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	log := c.logger(cfg.Log)
	for _, p := range config.Stray(c.environ) {
		log.Warn("a variable of the environment "+p.Message, "name", p.Source)
	}
	var running atomic.Pointer[app.App]
	ctx, stop := c.surviveHangup(ctx, log, func() {
		if a := running.Load(); a != nil {
			a.Reload()
		}
	})
	defer stop()
	logged := make(chan struct{})
	notStopped := context.AfterFunc(ctx, func() {
		defer close(logged)
		log.Info("stopping", "signal", strings.TrimSuffix(context.Cause(ctx).Error(), " signal received"))
	})
	a, err := app.New(ctx, app.Options{Config: cfg, Logger: log, AcceptDamage: s.AcceptDamage, AcceptNewIdentity: s.AcceptNewIdentity})
	if err == nil {
		running.Store(a)
		err = a.Run(ctx)
	} else {
		err = unlessStopped(ctx, err)
	}
	if notStopped() {
		return err
	}
	<-logged
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// unlessStopped drops the error of a start that the operator stopped.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
