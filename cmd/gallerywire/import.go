package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/ingest/backup"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
)

type importCmd struct {
	File     string `arg:"" help:"An export; - is standard input."`
	KeepSite bool   `help:"Leave the site's id as it is, though the export has another: readers see its galleries as new ones."`
	JSON     bool   `name:"json" help:"Print the numbers as a line of JSON."`
}

// Help is printed below the command's usage.
func (importCmd) Help() string {
	return `Stores what "gallerywire export" wrote. Only a higher revision replaces what is
there, so it may be repeated, and the service may be at work. The site's id is
taken over where none is known yet. A line that is damaged is refused by its
number, and the others are stored.

The line of JSON has stored, unchanged, superseded (a higher revision is there)
and refused. The exit code is 1 when a line was refused, or the export is not
whole.`
}

// Validate refuses a name that is no file.
func (m importCmd) Validate() error { return checkFiles([]string{m.File}) }

// Run stores the galleries.
func (m importCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	in := c.in
	if m.File != "-" {
		file, err := os.Open(m.File)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	reader := app.EventReader(cfg)
	reader.MaxBytes = 0 // it was taken once
	return c.withSite(ctx, cfg, func(ctx context.Context, site *app.Site) error {
		t := &tally{console: c, count: newCounter(c, "importing", "galleries", false)}
		err := backup.Import(ctx, in, backup.Options{
			Store: site.Catalogue(), Site: site, KeepSite: m.KeepSite, Reader: reader, Done: t.done,
		})
		return t.end(err, m.JSON)
	})
}

// tally counts what became of an import's lines.
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
