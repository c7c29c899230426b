package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/broker"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/publish"
	"github.com/nats-io/nats.go"
)

type publishCmd struct {
	Files     []string `arg:"" name:"file" help:"Files of JSON or NDJSON; - is standard input."`
	Unchecked bool     `help:"Send what is wrong too, so that the service rejects it."`
	JSON      bool     `name:"json" help:"Print a line of JSON for each event."`
}

// Help is printed below the command's usage.
func (publishCmd) Help() string {
	return `A file holds one event after the other, or a list of them: galleries, or
CloudEvents around galleries or take-downs. Each is checked, sent, and counts as
sent once NATS has acknowledged it. One that is sent again within two minutes is
recognised and stored once ("duplicate").

A line of JSON has name (where the event comes from), id of the gallery, stream
and sequence where it is stored, duplicate, and error. The exit code is 1 when an
event was not stored.`
}

// Validate refuses names that are no files.
func (p publishCmd) Validate() error { return checkFiles(p.Files) }

// Run sends every event of the files.
func (p publishCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	items := publish.ReadFiles(p.Files, c.in, int64(cfg.Events.MaxEvent))
	if p.Unchecked {
		items = publish.Unchecked(items)
	}
	return c.send(ctx, cfg, items, p.JSON)
}

type unpublishCmd struct {
	IDs     []string  `arg:"" name:"id" help:"Ids of galleries."`
	Reason  string    `help:"Why, kept with the take-down." placeholder:"TEXT"`
	Updated time.Time `help:"The instant of the decision (RFC 3339); now when left out." placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00"`
	Version int64     `help:"The version of the take-down, where the CMS counts them." placeholder:"N"`
	JSON    bool      `name:"json" help:"Print a line of JSON for each take-down."`
}

// Help is printed below the command's usage.
func (unpublishCmd) Help() string {
	return `The galleries leave every feed and page. Publishing a later revision brings one
back; a copy of an earlier one does not, however late it comes.

A line of JSON has name and id of the gallery, stream and sequence where the
take-down is stored, duplicate, and error. The exit code is 1 when a take-down
was not stored.`
}

// Run sends a take-down for each id.
func (u unpublishCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	at := u.Updated
	if at.IsZero() {
		at = time.Now()
	}
	return c.send(ctx, cfg, publish.TakeDowns(u.IDs, u.Reason, u.Version, at), u.JSON)
}

// send sends the items and reports on each.
func (c *console) send(ctx context.Context, cfg config.Config, items iter.Seq[publish.Item], asJSON bool) error {
	conn, err := broker.DialPublisher(ctx, app.BrokerOptions(cfg, c.quiet(cfg)))
	if err != nil {
		return unreachable(err)
	}
	defer conn.Close()
	sender, err := publish.NewSender(conn, cfg.Events.Subjects)
	if err != nil {
		return err
	}
	r := newReporter(c, asJSON)
	return r.end(sender.Send(ctx, items, r.report))
}

// unreachable says what to do about a server that does not let us in.
func unreachable(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Errorf("%w: check nats.embedded.publisher_token_file, or the credentials of nats.url", err)
	}
	return fmt.Errorf("%w: start \"gallerywire serve\" first, or set nats.url", err)
}
