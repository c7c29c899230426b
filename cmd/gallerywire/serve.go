package main

import (
	"context"
	"errors"
	"strings"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
)

type serveCmd struct {
	AcceptDamage      bool `help:"Serve a store that lost records, once: what is there now is what must be there from now on."`
	AcceptNewIdentity bool `help:"Let site.id replace the one of before, once: readers see every gallery again as a new one."`
}

// Help is printed below the command's usage.
func (serveCmd) Help() string {
	return `Without a configuration a NATS server runs inside the process, listens for CMSs
on 127.0.0.1:4222 and stores in ./data. With nats.url set the same program joins
the NATS servers there, beside as many other nodes as you like.

The node remembers beside the store what it must find there. Where a start finds
less, /readyz, "gallerywire status" and "gallerywire health" say what is missing,
events wait, and nothing is served until the data is restored, or until a start with
--accept-damage. Leave that out again at the next start.

Every identifier in the feeds is made of the site's id, which the first start
remembers. A site.id that is another one is refused (exit code 2), unless
--accept-new-identity says that readers may see every gallery again.

Ctrl-C or SIGTERM stops it in order, a second one at once. SIGHUP changes nothing:
the configuration is read at a start. What it does is logged to standard error.`
}

// Run serves until the process is told to stop.
func (s serveCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	log := c.logger(cfg.Log)
	for _, p := range config.Stray(c.environ) {
		log.Warn("a variable of the environment "+p.Message, "name", p.Source)
	}
	ctx, stop := c.surviveHangup(ctx, log)
	defer stop()
	told := make(chan struct{})
	unasked := context.AfterFunc(ctx, func() {
		defer close(told)
		log.Info("stopping", "signal", signalOf(ctx))
	})
	err = serve(ctx, app.Options{Config: cfg, Logger: log, AcceptDamage: s.AcceptDamage, AcceptNewIdentity: s.AcceptNewIdentity})
	if unasked() { // it ended by itself
		return err
	}
	<-told
	if err == nil {
		log.Info("stopped")
	}
	return err
}

func serve(ctx context.Context, o app.Options) error {
	a, err := app.New(ctx, o)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	return a.Run(ctx)
}

// signalOf names the signal that ended ctx.
func signalOf(ctx context.Context) string {
	return strings.TrimSuffix(context.Cause(ctx).Error(), " signal received")
}

// unlessStopped drops the error of a start that was interrupted: to stop is
// what was asked for.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
