package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Colours of a terminal (ECMA-48 §8.3.117) that are readable in every theme.
const (
	plain  = ""
	bold   = "1"
	quiet  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// coloured reports whether output to w may have colours: on a terminal with colours,
// unless the user wants none (https://no-color.org).
func (c *console) coloured(w io.Writer) bool {
	return isTerminal(w) && c.environment("NO_COLOR") == "" && c.environment("TERM") != "dumb"
}

// environment returns the value of a variable, or nothing.
func (c *console) environment(name string) string {
	value := ""
	for _, pair := range c.environ {
		if key, v, _ := strings.Cut(pair, "="); key == name {
			value = v // the last one counts
		}
	}
	return value
}

// cell is a text and its colour.
type cell struct{ text, colour string }

// painted returns the text in its colour, where there are colours.
func (x cell) painted(coloured bool) string {
	if !coloured || x.colour == plain || x.text == "" {
		return x.text
	}
	return "\x1b[" + x.colour + "m" + x.text + "\x1b[0m"
}

// stateColour returns the colour of the name of a state.
func stateColour(state string) string {
	switch state {
	case "fresh", "stored", "done":
		return green
	case "cut", "retried":
		return yellow
	case "failing", "rejected", "failed", "panicked":
		return red
	}
	return quiet
}

// writeTable writes rows with aligned columns, each after two spaces. The last column
// may have any length.
func writeTable(w io.Writer, rows [][]cell, coloured bool) error {
	var widths []int
	for _, row := range rows {
		for i, x := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(x.text))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		last := len(row) - 1
		for last > 0 && row[last].text == "" {
			last--
		}
		for i, x := range row[:last+1] {
			b.WriteString("  " + x.painted(coloured))
			if i < last {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(x.text)))
			}
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
