package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// newBar shows on standard error how far something is; of how much may be -1,
// which is unknown.
func newBar(c *console, what, unit string, of int) *progressbar.ProgressBar {
	return progressbar.NewOptions(of,
		progressbar.OptionSetWriter(c.err),
		progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionClearOnFinish())
}

// counter counts for who looks at a terminal; elsewhere it says nothing.
type counter struct{ bar *progressbar.ProgressBar }

// newCounter shows nothing where the answer goes to the same terminal.
func newCounter(c *console, what, unit string, answering bool) *counter {
	if !isTerminal(c.err) || answering && isTerminal(c.out) {
		return &counter{}
	}
	return &counter{newBar(c, what, unit, -1)}
}

// add counts one more.
func (n *counter) add() {
	if n.bar != nil {
		_ = n.bar.Add(1) // a terminal that is gone is no reason to stop
	}
}

// clear makes room for a message; the next add shows the count again.
func (n *counter) clear() {
	if n.bar != nil {
		_ = n.bar.Clear()
	}
}

// end takes the count away.
func (n *counter) end() {
	if n.bar != nil {
		_ = n.bar.Finish()
	}
}
