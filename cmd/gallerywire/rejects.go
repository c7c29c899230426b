package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/broker"
	"github.com/gallerywire/gallerywire/internal/intake"
)

type rejectsCmd struct {
	List   rejectsListCmd   `cmd:"" help:"List the rejected events, oldest first."`
	Show   rejectsShowCmd   `cmd:"" help:"Show one: the reason, its headers, and its body as it came."`
	Replay rejectsReplayCmd `cmd:"" help:"Send rejected events again, as they came, and forget them here."`
}

// withRejects connects to the running service and closes the connection after.
func (c *console) withRejects(ctx context.Context, do func(*intake.Rejects) error) (err error) {
	cfg, err := app.LoadConfig(c.path, c.environ)
	if err != nil {
		return err
	}
	b, err := broker.DialOperator(ctx, app.BrokerOptions(cfg, c.logger(cfg.Log)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return do(app.Rejects(b, nil))
}

type rejectsListCmd struct {
	JSON bool `name:"json" help:"Print a line of JSON for each."`
}

// Run lists every reject.
func (l rejectsListCmd) Run(ctx context.Context, c *console) error {
	return c.withRejects(ctx, func(rejects *intake.Rejects) error {
		table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		n := 0
		for r, err := range rejects.All(ctx) {
			if err != nil {
				return err
			}
			n++
			if l.JSON {
				if err := json.NewEncoder(c.out).Encode(asJSON(r, false)); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", r.Number, r.Stored.Format(time.RFC3339), r.Subject, r.Gallery, r.Problems.Error())
		}
		if n == 0 && !l.JSON {
			fmt.Fprintln(c.err, "no event was rejected")
		}
		return table.Flush()
	})
}

type rejectsShowCmd struct {
	Number uint64 `arg:"" help:"Its number in the list."`
	JSON   bool   `name:"json" help:"Print JSON; the body and the headers are base64."`
}

// Run shows one reject.
func (s rejectsShowCmd) Run(ctx context.Context, c *console) error {
	return c.withRejects(ctx, func(rejects *intake.Rejects) error {
		r, err := rejects.Get(ctx, s.Number)
		if err != nil {
			return err
		}
		if s.JSON {
			return json.NewEncoder(c.out).Encode(asJSON(r, true))
		}
		fmt.Fprintf(c.err, "subject:  %s\nstored:   %s as %d\ngallery:  %s\nevent:    %s\nsource:   %s\nsize:     %d bytes\n",
			r.Subject, r.Stored.Format(time.RFC3339Nano), r.Sequence, r.Gallery, r.Event, r.Source, r.Size)
		for _, p := range r.Problems {
			fmt.Fprintf(c.err, "problem:  %s\n", p)
		}
		for key, values := range r.Header {
			fmt.Fprintf(c.err, "header:   %s: %q\n", key, values)
		}
		if r.Cut {
			fmt.Fprintln(c.err, "only the beginning of the body could be kept")
		}
		_, err = c.out.Write(r.Body)
		return err
	})
}

// rejectJSON is a reject for programs.
type rejectJSON struct {
	Number uint64 `json:"number"`
	intake.Reject
	Body []byte `json:"body,omitempty"`
}

func asJSON(r intake.Reject, whole bool) rejectJSON {
	out := rejectJSON{Number: r.Number, Reject: r}
	if whole {
		out.Body = r.Body
	} else {
		out.Header = nil
	}
	return out
}

type rejectsReplayCmd struct {
	Numbers []uint64 `arg:"" optional:"" name:"number" help:"Their numbers in the list."`
	All     bool     `help:"All of them."`
}

// Run sends rejects again.
func (p rejectsReplayCmd) Run(ctx context.Context, c *console) error {
	if p.All == (len(p.Numbers) > 0) {
		return errors.New("name the rejects to replay, or say --all")
	}
	return c.withRejects(ctx, func(rejects *intake.Rejects) error {
		numbers := p.Numbers
		if p.All {
			for r, err := range rejects.All(ctx) {
				if err != nil {
					return err
				}
				numbers = append(numbers, r.Number)
			}
		}
		failed := false
		for _, n := range numbers {
			if err := rejects.Replay(ctx, n); err != nil {
				fmt.Fprintln(c.err, err)
				failed = true
				continue
			}
			fmt.Fprintf(c.out, "reject %d: sent again\n", n)
		}
		if failed {
			return errFailed
		}
		return nil
	})
}
