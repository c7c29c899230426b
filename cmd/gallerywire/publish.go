package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/broker"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/publish"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

type publishCmd struct {
	Files     []string `arg:"" name:"file" help:"Files of JSON or NDJSON; - is standard input." type:"existingfile"`
	Unchecked bool     `help:"Send what is wrong too, so that the service rejects it."`
	JSON      bool     `name:"json" help:"Print a line of JSON for each event."`
}

// Help is printed below the command's usage.
func (publishCmd) Help() string {
	return `Each event is acknowledged by NATS before it counts as sent. An event sent
again within two minutes is recognised and stored once ("duplicate").`
}

// Run sends every event of the files.
func (p publishCmd) Run(ctx context.Context, c *console) error {
	cfg, err := app.LoadConfig(c.path, c.environ)
	if err != nil {
		return err
	}
	return c.send(ctx, cfg, p.items(c.in, int64(cfg.Events.MaxEvent)), p.Unchecked, p.JSON)
}

// items reads the files one after the other.
func (p publishCmd) items(stdin io.Reader, maxEvent int64) iter.Seq[publish.Item] {
	return func(yield func(publish.Item) bool) {
		for _, name := range p.Files {
			if !readFile(name, stdin, maxEvent, yield) {
				return
			}
		}
	}
}

func readFile(name string, stdin io.Reader, maxEvent int64, yield func(publish.Item) bool) bool {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return yield(publish.Item{Name: name, Fault: err})
		}
		defer file.Close()
		in = file
	}
	for item := range publish.Read(name, in, maxEvent) {
		if !yield(item) {
			return false
		}
	}
	return true
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
	return `The galleries leave every feed and page. Publishing a later revision brings
one back; a copy of an earlier one does not, however late it comes.`
}

// Run sends a take-down for each id.
func (u unpublishCmd) Run(ctx context.Context, c *console) error {
	cfg, err := app.LoadConfig(c.path, c.environ)
	if err != nil {
		return err
	}
	at := u.Updated
	if at.IsZero() {
		at = time.Now()
	}
	items := func(yield func(publish.Item) bool) {
		for _, id := range u.IDs {
			item, err := publish.TakeDown(id, u.Reason, u.Version, at)
			if err != nil {
				item = publish.Item{Name: id, Fault: err}
			}
			if !yield(item) {
				return
			}
		}
	}
	return c.send(ctx, cfg, items, false, u.JSON)
}

// send sends the items and reports on each.
func (c *console) send(ctx context.Context, cfg config.Config, items iter.Seq[publish.Item], unchecked, asJSON bool) error {
	conn, err := broker.DialPublisher(ctx, app.BrokerOptions(cfg, c.logger(cfg.Log)))
	if err != nil {
		return err
	}
	defer conn.Close()
	sender, err := publish.NewSender(conn, cfg.Events.Subjects)
	if err != nil {
		return err
	}
	r := c.reporter(asJSON)
	good := func(yield func(publish.Item) bool) {
		for item := range items {
			if item.Fault != nil && (!unchecked || item.Data == nil) {
				r.report(publish.Receipt{Item: item, Err: item.Fault})
				continue
			}
			if !yield(item) {
				return
			}
		}
	}
	err = sender.Send(ctx, good, r.report)
	return r.end(err)
}

// reporter prints receipts: a line each, or a moving count on a terminal.
type reporter struct {
	c            *console
	json         bool
	bar          *progressbar.ProgressBar // nil when lines are printed
	sent, failed int
}

func (c *console) reporter(asJSON bool) *reporter {
	r := &reporter{c: c, json: asJSON}
	out, isFile := c.out.(*os.File)
	errs, errIsFile := c.err.(*os.File)
	if !asJSON && errIsFile && term.IsTerminal(int(errs.Fd())) && isFile && !term.IsTerminal(int(out.Fd())) {
		r.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(c.err), progressbar.OptionSetDescription("publishing"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"), progressbar.OptionClearOnFinish())
	}
	return r
}

// receipt is a receipt in JSON.
type receipt struct {
	Name      string `json:"name"`
	ID        string `json:"id,omitempty"`
	Stream    string `json:"stream,omitempty"`
	Sequence  uint64 `json:"sequence,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
	Error     string `json:"error,omitempty"`
}

func (r *reporter) report(x publish.Receipt) {
	r.sent++
	if x.Err != nil {
		r.sent, r.failed = r.sent-1, r.failed+1
	}
	if r.bar != nil {
		_ = r.bar.Add(1) // a terminal that is gone is no reason to stop
	}
	if r.json {
		line := receipt{Name: x.Item.Name, ID: x.Item.ID, Stream: x.Stream, Sequence: x.Sequence, Duplicate: x.Duplicate}
		if x.Err != nil {
			line.Error = x.Err.Error()
		}
		_ = json.NewEncoder(r.c.out).Encode(line)
		return
	}
	switch {
	case x.Err != nil:
		fmt.Fprintf(r.c.err, "%s: %v\n", x.Item.Name, x.Err)
	case x.Duplicate:
		fmt.Fprintf(r.c.out, "%s: duplicate of %d in %s\n", x.Item.ID, x.Sequence, x.Stream)
	default:
		fmt.Fprintf(r.c.out, "%s: stored as %d in %s\n", x.Item.ID, x.Sequence, x.Stream)
	}
}

func (r *reporter) end(err error) error {
	if r.bar != nil {
		_ = r.bar.Finish()
	}
	if r.sent+r.failed > 1 && !r.json {
		fmt.Fprintf(r.c.err, "%d sent, %d failed\n", r.sent, r.failed)
	}
	if err == nil && r.failed > 0 {
		return errFailed
	}
	return err
}
