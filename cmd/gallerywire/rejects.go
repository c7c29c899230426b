package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/store/broker"
)

type rejectsCmd struct {
	List   rejectsListCmd   `cmd:"" help:"List the rejected events, oldest first."`
	Show   rejectsShowCmd   `cmd:"" help:"Show a rejected event: the reason, its headers and its original body."`
	Replay rejectsReplayCmd `cmd:"" help:"Send rejected events again unchanged, and delete the rejects."`
}

// withRejects connects to the running service while do runs.
func (c *console) withRejects(ctx context.Context, do func(context.Context, *intake.Rejects) error) error {
	return c.withBroker(ctx, func(ctx context.Context, _ config.Config, b *broker.Broker) error {
		return do(ctx, app.Rejects(b, nil))
	})
}

type rejectsListCmd struct {
	JSON bool `name:"json" help:"Print a line of JSON for each."`
}

// Help is printed below the command's usage.
func (rejectsListCmd) Help() string {
	return `A line of JSON has number, subject, stored, sequence (in the event stream), gallery,
event and source (of the CloudEvent), size of the body, and problems, a list of
place and reason.`
}

// Run lists every reject.
func (l rejectsListCmd) Run(ctx context.Context, c *console) error {
	return c.withRejects(ctx, func(ctx context.Context, rejects *intake.Rejects) error {
		table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		n := 0
		for r, err := range rejects.All(ctx) {
			if err != nil {
				return err
			}
			if n++; l.JSON {
				r.Header = nil
				if err := c.line(rejectJSON{Number: r.Number, Reject: r}); err != nil {
					return err
				}
				continue
			}
			if n == 1 {
				fmt.Fprintln(table, "NUMBER\tSTORED\tSUBJECT\tGALLERY\tREASON")
			}
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", r.Number, r.Stored.Format(time.RFC3339),
				printable(r.Subject), printable(r.Gallery), printable(r.Problems.Error()))
		}
		if n == 0 && !l.JSON {
			c.say("no event was rejected")
		}
		return table.Flush()
	})
}

// rejectJSON is a reject for programs.
type rejectJSON struct {
	Number uint64 `json:"number"`
	intake.Reject
	Body []byte `json:"body,omitempty"`
}

type rejectsShowCmd struct {
	Number rejectNumber `arg:"" help:"Its number in the list."`
	Body   bool         `xor:"as" help:"Print only the body, byte for byte."`
	JSON   bool         `xor:"as" name:"json" help:"Print a line of JSON."`
}

// Help is printed below the command's usage.
func (rejectsShowCmd) Help() string {
	return `To correct an event: rejects show --body 7 >event.json, then edit and publish it.

The line of JSON is that of the list with header and body; the values of the header
and the body are base64, because they need not be text.`
}

// Run shows one reject.
func (s rejectsShowCmd) Run(ctx context.Context, c *console) error {
	return c.withRejects(ctx, func(ctx context.Context, rejects *intake.Rejects) error {
		r, err := rejects.Get(ctx, uint64(s.Number))
		if err != nil {
			return err
		}
		switch {
		case s.JSON:
			return c.line(rejectJSON{Number: r.Number, Reject: r, Body: r.Body})
		case s.Body:
			_, err = c.out.Write(r.Body)
			return err
		}
		return s.print(c.out, r)
	})
}

// print writes a reject for people.
func (rejectsShowCmd) print(w io.Writer, r intake.Reject) error {
	field(w, "subject", r.Subject)
	field(w, "publisher", r.Publisher)
	field(w, "stored", fmt.Sprintf("%s, number %d in the stream of events", r.Stored.Format(time.RFC3339Nano), r.Sequence))
	field(w, "gallery", r.Gallery)
	field(w, "event", r.Event)
	field(w, "source", r.Source)
	field(w, "size", fmt.Sprintf("%d bytes", r.Size))
	for _, p := range r.Problems {
		field(w, "problem", p.String())
	}
	for _, key := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[key] {
			field(w, "header", key+": "+string(value))
		}
	}
	if r.Cut {
		field(w, "cut", "only a part was kept")
	}
	_, err := fmt.Fprintf(w, "\n%s\n", r.Body)
	return err
}

type rejectsReplayCmd struct {
	Numbers []rejectNumber `arg:"" optional:"" name:"number" help:"Their numbers in the list."`
	All     bool           `help:"All of them."`
}

// Help is printed below the command's usage.
func (rejectsReplayCmd) Help() string {
	return `For events that a newer release or a higher limit accepts. An event that is rejected
again becomes a new reject. The exit code is 1 if an event could not be sent.`
}

// Validate accepts either numbers or --all.
func (p rejectsReplayCmd) Validate() error {
	if p.All == (len(p.Numbers) > 0) {
		return errors.New("name the rejects to replay, or use --all, not both")
	}
	return nil
}

// Run sends rejects again.
func (p rejectsReplayCmd) Run(ctx context.Context, c *console) error {
	return c.withRejects(ctx, func(ctx context.Context, rejects *intake.Rejects) error {
		numbers := p.Numbers
		if p.All { // the present ones: an event that is rejected again is not sent twice
			for r, err := range rejects.All(ctx) {
				if err != nil {
					return err
				}
				numbers = append(numbers, rejectNumber(r.Number))
			}
		}
		return each(c, numbers, func(n rejectNumber) error {
			if err := rejects.Replay(ctx, uint64(n)); err != nil {
				return err
			}
			fmt.Fprintf(c.out, "reject %d: sent again\n", n)
			return nil
		})
	})
}
