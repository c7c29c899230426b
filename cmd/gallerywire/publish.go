package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
)

type publishCmd struct {
	Files     []string `arg:"" name:"file" help:"Files of JSON or NDJSON, or directories of them; - is standard input."`
	State     string   `help:"The file that records what was sent of a directory or NDJSON file; by default it is in the directory, or in that of the file." placeholder:"FILE"`
	All       bool     `help:"Send all of a directory or NDJSON file, also unchanged files and lines."`
	Unchecked bool     `help:"Send invalid events too, so that the service rejects them."`
	JSON      bool     `name:"json" help:"Print a line of JSON for each event."`
	recipient
}

// Help is printed below the command's usage.
func (publishCmd) Help() string {
	return `A file contains one event after another, or a list of events: galleries, or CloudEvents
with galleries or take-downs. Each event is checked and sent, and is stored when the
service acknowledges it. Sending an event again changes nothing. An invalid event is
printed with the reason (and the line and column of a JSON error), and the others are
sent.

A directory stands for all *.json, *.ndjson and *.jsonl files in and below it, in the
order of their names. Files that were sent before and have not changed are skipped; so
are such lines of an *.ndjson or *.jsonl file. A state file, ` + publish.StateName + `,
records the acknowledged events, so that an interrupted run continues where it stopped.
If you send the same files to several services, use a state file for each. Other files
and standard input are always sent completely.

A line of JSON has name (the source of the event), id of the gallery, stream and
sequence (where it is stored), error, and left_out, a list of place and reason: the
parts of a ninjs item that the gallery lacks. If the service rejects the event, the
notice article.rejected has the same sequence. The exit code is 1 if an event was not
stored.

` + overHTTPHelp
}

// Validate rejects names that cannot be read, and flags without their files.
func (p publishCmd) Validate() error {
	remembered, err := checkPaths(p.Files)
	for _, name := range p.Files {
		if publish.HasLines(name) {
			remembered = append(remembered, name)
		}
	}
	switch err = errors.Join(p.recipient.Validate(), err); {
	case err != nil:
		return err
	case p.State != "" && len(remembered) != 1:
		return errors.New("--state is for one directory or NDJSON file")
	case p.All && len(remembered) == 0:
		return errors.New("--all is for directories and NDJSON files: other files are always sent")
	}
	return nil
}

// Run sends every event of the files.
func (p publishCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	publisher, err := p.publisher(cfg)
	if err != nil {
		return err
	}
	reader := app.EventReader(cfg)
	reader.IDPrefix, reader.GUIDPrefixes = publisher.IDPrefix, publisher.GUIDPrefixes
	b, err := p.batch(c.in, reader)
	if err != nil {
		return err
	}
	return c.send(ctx, cfg, p.recipient, b, p.JSON)
}

// batch reads the files in the order in which they are named.
func (p publishCmd) batch(stdin io.Reader, events event.Reader) (batch, error) {
	var b batch
	var parts []iter.Seq[publish.Item]
	states := map[string]*publish.State{}
	for _, name := range p.Files {
		info, err := os.Stat(name)
		dir := name
		switch {
		case name == "-" || err != nil || !info.IsDir() && !publish.HasLines(name):
			parts = append(parts, publish.ReadFiles([]string{name}, stdin, events))
			b.files++
			continue
		case !info.IsDir():
			dir = filepath.Dir(name)
		}
		path := cmp.Or(p.State, filepath.Join(dir, publish.StateName))
		if states[path] == nil {
			if states[path], err = publish.LoadState(path, p.All); err != nil {
				return b, err
			}
		}
		f, err := states[path].Open(name)
		if err != nil {
			return b, err
		}
		b.folders = append(b.folders, f)
		parts = append(parts, f.Items(events))
	}
	b.items = func(yield func(publish.Item) bool) {
		for _, part := range parts {
			for item := range part {
				if !yield(item) {
					return
				}
			}
		}
	}
	if p.Unchecked {
		b.items = publish.Unchecked(b.items)
	}
	return b, nil
}

// batch is what one command sends.
type batch struct {
	items   iter.Seq[publish.Item]
	files   int // other than those of the folders
	folders []*publish.Folder
	known   map[string]bool // of take-downs, by id: whether there is such a gallery
}

// count sums up over the folders.
func (b batch) count(of func(*publish.Folder) int) (n int) {
	for _, f := range b.folders {
		n += of(f)
	}
	return n
}

// send sends the batch and reports the result of each item.
func (c *console) send(ctx context.Context, cfg config.Config, to recipient, b batch, asJSON bool) error {
	if b.files == 0 && b.count((*publish.Folder).Changed) == 0 && b.count((*publish.Folder).Unchanged) > 0 {
		c.say(unchanged)
		return nil
	}
	r := newReporter(c, b, asJSON)
	err := to.send(ctx, c, cfg, b.items, func(x publish.Receipt) {
		for _, f := range b.folders {
			f.Note(x)
		}
		r.report(x)
	})
	if end, ok := errors.AsType[*publish.EndError](err); ok {
		err = r.ended(end.Why, end.Next)
	} else if errors.Is(err, context.Canceled) {
		err = r.ended("interrupted", "run it again")
	}
	for _, f := range b.folders {
		err = errors.Join(err, f.Close())
	}
	return r.end(err)
}
