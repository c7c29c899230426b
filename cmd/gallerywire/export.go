package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/ingest/backup"
	"github.com/gallerywire/gallerywire/internal/store/atomicfile"
	"github.com/gallerywire/gallerywire/internal/store/broker"
)

// withSite connects to the server of the service while do runs.
func (c *console) withSite(ctx context.Context, cfg config.Config, do func(context.Context, *app.Site) error) error {
	return c.withBroker(ctx, cfg, func(ctx context.Context, b *broker.Broker) error { return do(ctx, app.OpenSite(cfg, b, c.quiet(cfg))) })
}

type exportCmd struct {
	Output string `short:"o" default:"-" help:"The file to write, replaced when the export is complete; - is standard output." placeholder:"FILE"`
}

// Help is printed below the command's usage.
func (exportCmd) Help() string {
	return `Writes a line of JSON for each gallery and each take-down: format, id, rank (updated,
version, take_down, hash), event as it was received (event_base64 if it is not JSON),
attributes of the event, and past (the feeds that earlier revisions left). The first
line has the site's id, the last one the number of galleries.

The service can run meanwhile. A gallery that changes during the export may have two
lines; an import uses the later one. Rejects and events that are not processed yet
are not exported. The exit code is 1 if a gallery could not be read.`
}

// Run writes every gallery.
func (x exportCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return c.withSite(ctx, cfg, func(ctx context.Context, site *app.Site) error {
		e := &exporter{console: c, site: site, count: newCounter(c, "exporting", "galleries", x.Output == "-")}
		write := func(w io.Writer) error { return e.write(ctx, w) }
		var err error
		if x.Output == "-" {
			err = write(c.out)
		} else {
			err = atomicfile.Write(x.Output, write)
		}
		e.count.end()
		if err == nil {
			c.say("%d exported, %d not readable", e.good, e.bad)
		}
		if err == nil && e.bad > 0 {
			return errFailed
		}
		return err
	})
}

// exporter writes an export and counts.
type exporter struct {
	console   *console
	site      *app.Site
	count     *counter
	good, bad int
}

func (e *exporter) write(ctx context.Context, w io.Writer) error {
	id, err := e.site.ID(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	if err := backup.Export(out, id, e.site.Catalogue().Export(ctx), e.done); err != nil {
		return errors.Join(err, out.Flush())
	}
	return out.Flush()
}

func (e *exporter) done(err error) {
	if err == nil {
		e.good++
		e.count.add()
		return
	}
	e.bad++
	e.count.clear()
	e.console.say("%s", printable(err.Error()))
}
