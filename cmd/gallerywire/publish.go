package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/nats-io/nats.go"
)

type publishCmd struct {
	Files     []string `arg:"" name:"file" help:"Files of JSON or NDJSON, or directories of them; - is standard input."`
	State     string   `help:"The file that remembers what was sent of a directory or NDJSON file; by default it is in the directory, or beside the file." placeholder:"FILE"`
	All       bool     `help:"Send all of a directory or NDJSON file, also what did not change."`
	Unchecked bool     `help:"Send what is wrong too, so that the service rejects it."`
	JSON      bool     `name:"json" help:"Print a line of JSON for each event."`
	publishAs
}

// Help is printed below the command's usage.
func (publishCmd) Help() string {
	return `A file holds one event after the other, or a list of them: galleries, or
CloudEvents around galleries or take-downs. Each is checked, sent, and counts as
sent once NATS has acknowledged it. Sending one again changes nothing. What is
wrong is said, with its line and column where it is not JSON, and the rest is sent.

Of a directory, every *.json, *.ndjson and *.jsonl in it and below is sent, in order
of their names, unless it was sent before and did not change. An *.ndjson or *.jsonl
file is sent likewise line by line. What was acknowledged is remembered in a state
file, ` + publish.StateName + `, so that an interrupted run goes on where it was. Give
each service that the same files are sent to a state file of its own. Other files,
and standard input, are sent whole every time.

A line of JSON has name (where the event comes from), id of the gallery, stream
and sequence where it is stored, error, and left_out, a list of place and reason:
what a ninjs item has and its gallery has not. The sequence is that of the notice
article.rejected, should the service refuse the event. The exit code is 1 when an
event was not stored.`
}

// Validate refuses what can not be read, and flags of what is remembered without it.
func (p publishCmd) Validate() error {
	remembered, err := checkPaths(p.Files)
	for _, name := range p.Files {
		if publish.HasLines(name) {
			remembered = append(remembered, name)
		}
	}
	switch {
	case err != nil:
		return err
	case p.State != "" && len(remembered) != 1:
		return errors.New("--state is for one directory or NDJSON file")
	case p.All && len(remembered) == 0:
		return errors.New("--all is for directories and NDJSON files: others are sent always")
	}
	return nil
}

// Run sends every event of the files.
func (p publishCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	who, err := p.of(cfg)
	if err != nil {
		return err
	}
	reader := app.EventReader(cfg)
	reader.IDPrefix = who.IDPrefix
	b, err := p.batch(c.in, reader)
	if err != nil {
		return err
	}
	return c.send(ctx, cfg, who, b, p.JSON)
}

// batch reads the files in the order in which they are named.
func (p publishCmd) batch(stdin io.Reader, events event.Reader) (batch, error) {
	var b batch
	var parts []iter.Seq[publish.Item]
	memories := map[string]*publish.Memory{}
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
		state := cmp.Or(p.State, filepath.Join(dir, publish.StateName))
		if memories[state] == nil {
			if memories[state], err = publish.Recall(state, p.All); err != nil {
				return b, err
			}
		}
		f, err := memories[state].Open(name)
		if err != nil {
			return b, err
		}
		b.folders = append(b.folders, f)
		parts = append(parts, f.Items(events))
	}
	b.items = concat(parts)
	if p.Unchecked {
		b.items = publish.Unchecked(b.items)
	}
	return b, nil
}

func concat[T any](parts []iter.Seq[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, part := range parts {
			for v := range part {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// batch is what one command sends.
type batch struct {
	items   iter.Seq[publish.Item]
	files   int // beside those of the folders
	folders []*publish.Folder
	known   map[string]bool // of take-downs, by id, where that could be asked
}

// count sums up over the folders.
func (b batch) count(of func(*publish.Folder) int) (n int) {
	for _, f := range b.folders {
		n += of(f)
	}
	return n
}

// upToDate reports whether there is nothing to send because all of it was sent.
func (b batch) upToDate() bool {
	return b.files == 0 && b.count((*publish.Folder).Changed) == 0 && b.count((*publish.Folder).Unchanged) > 0
}

// publishAs chooses who publishes on the embedded server.
type publishAs struct {
	Publisher string `help:"Publish as this one of nats.embedded.publishers." placeholder:"NAME"`
}

// of is the publisher that was chosen, or the only one that there is.
func (p publishAs) of(cfg config.Config) (config.Publisher, error) {
	embedded := cfg.NATS.Embedded
	for _, each := range embedded.Publishers {
		if each.Name == p.Publisher || p.Publisher == "" && embedded.PublisherToken == "" && len(embedded.Publishers) == 1 {
			return each, nil
		}
	}
	switch {
	case p.Publisher != "":
		return config.Publisher{}, usageError{fmt.Errorf("--publisher: there is no %q in nats.embedded.publishers", p.Publisher)}
	case embedded.PublisherToken == "" && len(embedded.Publishers) > 0:
		return config.Publisher{}, usageError{errors.New("there are several nats.embedded.publishers: choose one with --publisher")}
	}
	return config.Publisher{Token: embedded.PublisherToken}, nil
}

// send sends the batch and reports on each of its items.
func (c *console) send(ctx context.Context, cfg config.Config, who config.Publisher, b batch, asJSON bool) (err error) {
	if b.upToDate() {
		c.say(unchanged)
		return nil
	}
	o := c.brokerOptions(cfg)
	o.Embedded.PublisherToken = string(who.Token)
	ctx, denied := untilDenied(ctx, &o)
	conn, err := broker.DialPublisher(ctx, o)
	if err != nil {
		return unreachable(err)
	}
	defer conn.Close()
	where := conn.ConnectedAddr() // which is not known any more once it is lost
	sender, err := publish.NewSender(conn, cfg.Events.Subjects, c.timeout)
	if err != nil {
		return err
	}
	r := newReporter(c, b, asJSON)
	err = sender.Send(ctx, b.items, func(x publish.Receipt) {
		for _, f := range b.folders {
			f.Note(x)
		}
		if missing := denied(); missing != nil && asJSON && open(x) {
			x.Err = missing // for people it is said once
		}
		r.report(x)
	})
	switch {
	case denied() != nil:
		err = notACMS(denied())
	case errors.Is(err, publish.ErrLost):
		err = r.ended(fmt.Sprintf("the connection to nats at %s was lost and did not come back", where), "run it again")
	case errors.Is(err, publish.ErrUnanswered):
		err = r.ended(fmt.Sprintf("no acknowledgement from nats at %s within %s", where, c.timeout), "look at /readyz of the service, then run it again")
	case errors.Is(err, context.Canceled):
		err = r.ended("interrupted", "run it again")
	}
	for _, f := range b.folders {
		err = errors.Join(err, f.Close())
	}
	return r.end(err)
}

// notACMS says of a right to hear acknowledgements, which only a CMS needs, who has
// it, and what became of what was sent without hearing them.
func notACMS(missing error) error {
	if d, ok := errors.AsType[*broker.DeniedError](missing); ok && d.Verb == "subscribe to" {
		return fmt.Errorf("%w; or publish as the user cms there, not as the service's. What was sent may be stored", missing)
	}
	return missing
}

// unreachable says what to do about a server that does not let us in.
func unreachable(err error) error {
	for _, told := range []error{context.Canceled, fs.ErrPermission, nats.ErrAuthorization, nats.ErrSecureConnWanted, broker.ErrNotRunning} {
		if errors.Is(err, told) { // which says itself what to do
			return err
		}
	}
	return fmt.Errorf("%w: start \"gallerywire serve\" first, or set nats.url", err)
}
