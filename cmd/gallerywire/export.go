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
	return c.withBroker(ctx, func(ctx context.Context, cfg config.Config, b *broker.Broker) error {
		site := app.OpenSite(cfg, b, c.quiet(cfg))
		count, good, bad := newCounter(c, "exporting", "galleries", x.Output == "-"), 0, 0
		done := func(err error) {
			if err == nil {
				good++
				count.add()
				return
			}
			bad++
			count.clear()
			c.say("%s", printable(err.Error()))
		}
		write := func(w io.Writer) error {
			id, err := site.ID(ctx)
			if err != nil {
				return err
			}
			out := bufio.NewWriterSize(w, 1<<20)
			err = backup.Export(out, id, site.Catalogue().Export(ctx), done)
			return errors.Join(err, out.Flush())
		}
		var err error
		if x.Output == "-" {
			err = write(c.out)
		} else {
			err = atomicfile.Write(x.Output, write)
		}
		count.end()
		if err != nil {
			return err
		}
		c.say("%d exported, %d not readable", good, bad)
		if bad > 0 {
			return errFailed
		}
		return nil
	})
}
