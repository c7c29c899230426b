package main

import (
	"errors"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/publish"
	"github.com/schollz/progressbar/v3"
)

// few is how many events get a line each on a terminal before a count takes
// the place of the lines.
const few = 20

// reporter prints receipts. Where lines would only run past a person, it shows
// a moving count instead: on a terminal from the first event after a few. What
// failed has its line everywhere.
type reporter struct {
	c        *console
	batch    batch
	json     bool
	lines    bool // a line for every event, however many
	terminal bool // somebody sees a count
	bar      *progressbar.ProgressBar

	sent, failed int
	unknown      int // what the connection was lost with
}

func newReporter(c *console, b batch, asJSON bool) *reporter {
	onScreen := isTerminal(c.out)
	return &reporter{
		c:        c,
		batch:    b,
		json:     asJSON,
		lines:    asJSON || !onScreen || !isTerminal(c.err),
		terminal: isTerminal(c.err) && !(asJSON && onScreen), // both on one screen would be a mess
	}
}

func (r *reporter) report(x publish.Receipt) {
	r.count(x)
	if r.terminal && r.bar == nil && r.total() > few {
		r.bar = r.newBar()
	}
	if r.prints(x) {
		r.print(x)
	}
	if r.bar != nil {
		_ = r.bar.Set(r.done()) // a terminal that is gone is no reason to stop
	}
}

// prints reports whether x gets a line. For people what the connection was lost
// with is one message, not as many as there were under way.
func (r *reporter) prints(x publish.Receipt) bool {
	if !r.json && errors.Is(x.Err, publish.ErrLost) {
		return false
	}
	return r.lines || r.bar == nil || x.Err != nil
}

// newBar counts files where it is known how many there are, else events.
func (r *reporter) newBar() *progressbar.ProgressBar {
	if r.byFile() {
		return newBar(r.c, "publishing", "files", r.batch.count((*publish.Folder).Changed))
	}
	return newBar(r.c, "publishing", "events", -1)
}

func (r *reporter) byFile() bool { return r.batch.files == 0 && len(r.batch.folders) > 0 }

func (r *reporter) done() int {
	if r.byFile() {
		return r.batch.count((*publish.Folder).Done)
	}
	return r.total()
}

func (r *reporter) total() int { return r.sent + r.failed }

func (r *reporter) count(x publish.Receipt) {
	switch {
	case errors.Is(x.Err, publish.ErrLost):
		r.unknown++
	case x.Err != nil:
		r.failed++
	default:
		r.sent++
	}
}

// receiptJSON is a receipt for programs.
type receiptJSON struct {
	Name     string `json:"name"`
	ID       string `json:"id,omitempty"`
	Stream   string `json:"stream,omitempty"`
	Sequence uint64 `json:"sequence,omitempty"`
	Error    string `json:"error,omitempty"`
}

func (r *reporter) print(x publish.Receipt) {
	if r.json {
		line := receiptJSON{Name: x.Item.Name, ID: x.Item.ID, Stream: x.Stream, Sequence: x.Sequence}
		if x.Err != nil {
			line.Error = x.Err.Error()
		}
		_ = r.c.line(line)
		return
	}
	if x.Err != nil {
		r.clear()
		r.c.say("%s: %s", x.Item.Name, printable(x.Err.Error()))
		return
	}
	fmt.Fprintf(r.c.out, "%s: stored as %d in %s\n", printable(x.Item.ID), x.Sequence, x.Stream)
}

func (r *reporter) clear() {
	if r.bar != nil {
		_ = r.bar.Clear()
	}
}

// end sums up what was reported, unless a program reads it, and returns the
// command's error.
func (r *reporter) end(err error) error {
	if r.bar != nil {
		_ = r.bar.Finish()
	}
	switch {
	case r.total() == 0 && err == nil:
		r.c.say("there is no event in what was given")
		return errFailed
	case r.total() > 1 && r.unknown == 0 && !r.json:
		r.c.say("%s", r.sum())
	}
	if err == nil && r.failed > 0 {
		return errFailed
	}
	return err
}

// lost is the error of a connection to where that did not come back.
func (r *reporter) lost(where string) error {
	return fmt.Errorf("the connection to nats at %s was lost and did not come back: %s, %d stored or not, the rest not sent: run it again", where, r.sum(), r.unknown)
}

func (r *reporter) sum() string {
	sum := fmt.Sprintf("%d stored, %d failed", r.sent, r.failed)
	if n := r.batch.count((*publish.Folder).Unchanged); n > 0 {
		sum += fmt.Sprintf("; files that did not change: %d", n)
	}
	return sum
}
