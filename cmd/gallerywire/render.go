package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

type renderCmd struct {
	Files  []string  `arg:"" name:"file" help:"Files of JSON or NDJSON, or directories of them; - is standard input."`
	Format string    `enum:"${formats}" default:"atom" help:"${format_names}; the default is atom." placeholder:"FORMAT"`
	Feed   string    `help:"A configured feed; the default is the first one." placeholder:"NAME"`
	At     time.Time `help:"The instant of the feed (RFC 3339); the default is now." placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00"`
}

// Help is printed below the command's usage.
func (renderCmd) Help() string {
	return `Prints the feed that a service with this configuration would serve after only these
events, in this order: the highest revision of each gallery, without galleries that are
taken down, embargoed or expired at that instant. The command connects to nothing and
stores nothing.

The problems of an invalid event are printed to standard error, and the others are
rendered; then the exit code is 1.`
}

// Validate rejects names that cannot be read.
func (r renderCmd) Validate() error {
	_, err := checkPaths(r.Files)
	return err
}

// Run prints the feed.
func (r renderCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	format, err := feed.ParseFormat(r.Format)
	if err != nil {
		return usageError{err}
	}
	options, err := r.options(cfg)
	if err != nil {
		return err
	}
	in := &faultPrinter{console: c}
	e, err := app.Preview(ctx, options, in.items(publish.ReadFiles(r.Files, c.in, app.EventReader(cfg))))
	if err != nil {
		return err
	}
	if _, err := e.Document(format).WriteTo(c.out); err != nil {
		return err
	}
	return in.end(e.LeftOut)
}

func (r renderCmd) options(cfg config.Config) (app.PreviewOptions, error) {
	var names []string
	for _, f := range cfg.Feeds {
		names = append(names, f.Name)
	}
	o := app.PreviewOptions{Config: cfg, Feed: cmp.Or(r.Feed, names[0]), At: r.At}
	if o.At.IsZero() {
		o.At = time.Now()
	}
	if !slices.Contains(names, o.Feed) {
		return o, usageError{fmt.Errorf("there is no feed %q: the configuration has %s", o.Feed, strings.Join(names, ", "))}
	}
	return o, nil
}

// faultPrinter prints the faults of items as they pass.
type faultPrinter struct {
	console *console
	all     int
	bad     int
}

func (h *faultPrinter) items(items iter.Seq[publish.Item]) iter.Seq[publish.Item] {
	return func(yield func(publish.Item) bool) {
		for item := range items {
			if h.all++; item.Fault != nil {
				h.bad++
				h.console.say("%s: %s", item.Name, printable(item.Fault.Error()))
			}
			if !yield(item) {
				return
			}
		}
	}
}

// end returns the command's error.
func (h *faultPrinter) end(leftOut []edition.LeftOut) error {
	for _, f := range leftOut {
		h.console.say("%s: left out of the feed: %s", printable(f.Gallery), printable(f.Reason))
	}
	if h.all == 0 {
		h.console.say("there is no event in the input")
	}
	if h.all == 0 || h.bad > 0 || len(leftOut) > 0 {
		return errFailed
	}
	return nil
}
