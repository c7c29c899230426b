package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/schollz/progressbar/v3"
)

// few is how many events get a line each on a terminal before a progress bar replaces
// the lines.
const few = 20

// reporter prints receipts. On a terminal a progress bar replaces the lines after a few
// events. Failures always have a line.
type reporter struct {
	c        *console
	batch    batch
	json     bool
	lines    bool // a line for every event, however many
	terminal bool // it can show a progress bar
	bar      *progressbar.ProgressBar

	sent, failed int
	unknown      int  // neither failed nor acknowledged
	summed       bool // in the error
}

func newReporter(c *console, b batch, asJSON bool) *reporter {
	onScreen := isTerminal(c.out)
	return &reporter{
		c:        c,
		batch:    b,
		json:     asJSON,
		lines:    asJSON || !onScreen || !isTerminal(c.err),
		terminal: isTerminal(c.err) && !(asJSON && onScreen), // not both on one screen
	}
}

func (r *reporter) report(x publish.Receipt) {
	switch {
	case open(x):
		r.unknown++
	case x.Err != nil:
		r.failed++
	default:
		r.sent++
	}
	if r.terminal && r.bar == nil && r.total() > few {
		if r.byFile() {
			r.bar = newBar(r.c, "publishing", "files", r.batch.count((*publish.Folder).Changed))
		} else {
			r.bar = newBar(r.c, "publishing", "events", -1)
		}
	}
	// For people one message at the end stands for everything that was under way.
	if (r.json || !ended(x)) && (r.lines || r.bar == nil || x.Err != nil) {
		r.print(x)
	}
	if r.bar == nil {
		return
	}
	done := r.total()
	if r.byFile() {
		done = r.batch.count((*publish.Folder).Done)
	}
	_ = r.bar.Set(done) // also if the terminal is gone
}

// ended reports whether x was under way when the command ended.
func ended(x publish.Receipt) bool {
	_, end := errors.AsType[*publish.EndError](x.Err)
	_, denied := errors.AsType[*broker.DeniedError](x.Err)
	return end || denied || errors.Is(x.Err, context.Canceled)
}

// open reports whether x may be stored or not.
func open(x publish.Receipt) bool {
	end, ok := errors.AsType[*publish.EndError](x.Err)
	return ended(x) && (!ok || end.Open)
}

// byFile reports whether the number of files is known, so that the bar counts them.
func (r *reporter) byFile() bool {
	return r.batch.files == 0 && r.batch.count((*publish.Folder).Changed) > 1
}

func (r *reporter) total() int { return r.sent + r.failed }

// receiptJSON is a receipt for programs.
type receiptJSON struct {
	Name     string `json:"name"`
	ID       string `json:"id,omitempty"`
	Stream   string `json:"stream,omitempty"`
	Sequence uint64 `json:"sequence,omitempty"`
	Known    *bool  `json:"known,omitempty"` // of a take-down
	Error    string `json:"error,omitempty"`

	LeftOut gallery.Problems `json:"left_out,omitempty"` // as event.Event has it
}

func (r *reporter) print(x publish.Receipt) {
	known, asked := r.batch.known[x.Item.ID]
	if r.json {
		line := receiptJSON{Name: x.Item.Name, ID: x.Item.ID, Stream: x.Stream, Sequence: x.Sequence}
		if asked {
			line.Known = &known
		}
		switch {
		case x.Err != nil:
			line.Error = x.Err.Error()
		case x.Item.Event != nil:
			line.LeftOut = x.Item.Event.LeftOut
		}
		_ = r.c.line(line)
		return
	}
	if x.Err != nil {
		if r.bar != nil {
			_ = r.bar.Clear()
		}
		r.c.say("%s: %s", x.Item.Name, printable(x.Err.Error()))
		return
	}
	fmt.Fprintf(r.c.out, "%s: stored as %d in %s\n", printable(x.Item.ID), x.Sequence, x.Stream)
	if asked && !known {
		r.c.say("%s: there is no gallery with this id: the take-down is stored in case it still arrives", printable(x.Item.ID))
	}
	if x.Item.Event != nil {
		for _, p := range x.Item.Event.LeftOut {
			r.c.say("%s: left out: %s", x.Item.Name, printable(p.String()))
		}
	}
}

// end prints the sum, unless a program reads the lines, and returns the command's
// error.
func (r *reporter) end(err error) error {
	if r.bar != nil {
		_ = r.bar.Finish()
	}
	switch {
	case r.total() == 0 && err == nil && r.batch.count((*publish.Folder).Before) > 0:
		r.c.say(unchanged)
		return nil
	case r.total() == 0 && err == nil:
		r.c.say("there is no event in the input")
		return errFailed
	case r.total() > 1 && !r.summed && !r.json:
		r.c.say("%s", r.sum())
	}
	if err == nil && r.failed > 0 {
		return errFailed
	}
	return err
}

const unchanged = "nothing changed since it was sent: use --all to send it again"

// ended is the error of a command that stopped before everything was sent.
func (r *reporter) ended(why, next string) error {
	r.summed = true
	return fmt.Errorf("%s: %s, the rest not sent: %s", why, r.sum(), next)
}

func (r *reporter) sum() string {
	sum := fmt.Sprintf("%d stored, %d failed", r.sent, r.failed)
	if r.unknown > 0 {
		sum += fmt.Sprintf(", %d stored or not", r.unknown)
	}
	if n := r.batch.count((*publish.Folder).Before); n > 0 {
		sum += fmt.Sprintf(", %d sent before", n)
	}
	if n := r.batch.count((*publish.Folder).Unchanged); n > 0 {
		sum += fmt.Sprintf("; files that did not change: %d", n)
	}
	return sum
}
