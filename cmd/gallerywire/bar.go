package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// newBar shows progress on standard error; a total of -1 is unknown.
func newBar(c *console, what, unit string, total int) *progressbar.ProgressBar {
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(c.err),
		progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionClearOnFinish())
}

// counter shows a count on a terminal, and nothing elsewhere.
type counter struct{ bar *progressbar.ProgressBar }

// newCounter returns a counter that shows nothing if the answer goes to the same terminal.
func newCounter(c *console, what, unit string, answering bool) *counter {
	if !isTerminal(c.err) || answering && isTerminal(c.out) {
		return &counter{}
	}
	return &counter{newBar(c, what, unit, -1)}
}

// add counts one more.
func (n *counter) add() {
	if n.bar != nil {
		_ = n.bar.Add(1) // also if the terminal is gone
	}
}

// clear removes the count for a message; the next add shows it again.
func (n *counter) clear() {
	if n.bar != nil {
		_ = n.bar.Clear()
	}
}

// end removes the count.
func (n *counter) end() {
	if n.bar != nil {
		_ = n.bar.Finish()
	}
}
