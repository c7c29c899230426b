package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/ingest/backup"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
)

type importCmd struct {
	File     string `arg:"" help:"The export; - is standard input."`
	KeepSite bool   `help:"Keep the site's id if the export has another: readers see its galleries as new ones."`
	JSON     bool   `name:"json" help:"Print the numbers as a line of JSON."`
}

// Help is printed below the command's usage.
func (importCmd) Help() string {
	return `Stores the galleries that "gallerywire export" wrote. Only a higher revision
replaces a stored one, so you can repeat an import, also while the service runs. If
the service has no site's id yet, it takes the export's. A damaged line is printed
with its number, and the others are stored.

The line of JSON has stored, unchanged, superseded (a higher revision is stored) and
refused. The exit code is 1 if a line was refused or the export is incomplete.`
}

// Validate rejects a name that is not a file.
func (m importCmd) Validate() error {
	folders, err := checkPaths([]string{m.File})
	if err == nil && len(folders) > 0 {
		err = fmt.Errorf("%s: is a directory, name the files in it", folders[0])
	}
	return err
}

// Run stores the galleries.
func (m importCmd) Run(ctx context.Context, c *console) error {
	in := c.in
	if m.File != "-" {
		file, err := os.Open(m.File)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	return c.withBroker(ctx, func(ctx context.Context, cfg config.Config, b *broker.Broker) error {
		site, reader := app.OpenSite(cfg, b, c.quiet(cfg)), app.EventReader(cfg)
		reader.MaxBytes = 0 // a service has accepted the events before
		t := &tally{console: c, count: newCounter(c, "importing", "galleries", false)}
		err := backup.Import(ctx, in, backup.Options{
			Store: site.Catalogue(), Site: site, KeepSite: m.KeepSite, Reader: reader, Done: t.done,
		})
		return t.end(err, m.JSON)
	})
}

// tally counts the results of an import's lines.
type tally struct {
	console *console
	count   *counter

	Stored     int `json:"stored"`
	Unchanged  int `json:"unchanged"`
	Superseded int `json:"superseded"`
	Refused    int `json:"refused"`
}

func (t *tally) done(r backup.Result) {
	switch {
	case r.Err != nil:
		t.Refused++
		t.count.clear()
		t.console.say("line %d: %s", r.Line, printable(r.Err.Error()))
	case r.Outcome == catalogue.Stored:
		t.Stored++
	case r.Outcome == catalogue.Unchanged:
		t.Unchanged++
	default:
		t.Superseded++
	}
	t.count.add()
}

// end prints the numbers and returns the command's error.
func (t *tally) end(err error, asJSON bool) error {
	t.count.end()
	if err != nil && t.Stored+t.Unchanged+t.Superseded+t.Refused == 0 {
		return err
	}
	var printed error
	if asJSON {
		printed = t.console.line(t)
	} else {
		_, printed = fmt.Fprintf(t.console.out, "%d stored, %d unchanged, %d superseded, %d refused\n", t.Stored, t.Unchanged, t.Superseded, t.Refused)
	}
	if err == nil && t.Refused > 0 {
		err = errFailed
	}
	if err == nil {
		err = printed
	}
	return err
}
