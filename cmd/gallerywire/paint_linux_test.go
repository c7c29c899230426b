package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestColoursAreForTerminalsThatHaveThem(t *testing.T) {
	tty, shown := terminal(t)
	defer shown()
	for environment, want := range map[string]bool{
		"": true, "TERM=xterm": true, "NO_COLOR=": true, "NO_COLOR=1": false, "NO_COLOR=0": false, "TERM=dumb": false,
		"NO_COLOR=1 NO_COLOR=": true, "NO_COLORS=1": true,
	} {
		c := &console{out: tty, environ: strings.Fields(environment)}
		if got := c.coloured(tty); got != want {
			t.Errorf("%q: %t, want %t", environment, got, want)
		}
		if c.coloured(new(bytes.Buffer)) {
			t.Errorf("%q: colours in a file", environment)
		}
	}
}

func TestTerminalShowsAStatusInColours(t *testing.T) {
	tty, shown := terminal(t)
	c := &console{out: tty}
	if err := (&statusWriter{Status: day(), out: c.out, coloured: c.coloured(c.out)}).write(); err != nil {
		t.Fatal(err)
	}
	text := shown()
	for _, want := range []string{"\x1b[31mneeds attention\x1b[0m", "\x1b[32mfresh\x1b[0m", "\x1b[33mcut\x1b[0m"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
}
