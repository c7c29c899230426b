package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"golang.org/x/sys/unix"
)

// terminal returns a terminal to write to, and a function that closes it and
// returns what was on it.
func terminal(t *testing.T) (tty *os.File, shown func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(master) // it ends with an error when the terminal is closed
		text <- string(all)
	}()
	return tty, func() string {
		tty.Close()
		return <-text
	}
}

// reportMany reports so many events; the last one failed.
func reportMany(t *testing.T, r *reporter, n int) {
	t.Helper()
	for i := range n - 1 {
		r.report(publish.Receipt{Item: publish.Item{ID: fmt.Sprintf("g%d", i)}, Stream: "ARTICLES", Sequence: uint64(i + 1)})
	}
	r.report(publish.Receipt{Item: publish.Item{Name: "- #9"}, Err: errors.New("the stream is full")})
	if err := r.end(nil); !errors.Is(err, errFailed) {
		t.Errorf("end: %v, want %v", err, errFailed)
	}
}

func TestTerminalShowsACountAfterAFew(t *testing.T) {
	tty, shown := terminal(t)
	reportMany(t, newReporter(&console{out: tty, err: tty}, batch{}, false), 100)
	text := shown()
	if got := strings.Count(text, ": stored as "); got != few {
		t.Errorf("%d lines of what was stored, want %d", got, few)
	}
	for _, want := range []string{"publishing", "gallerywire: - #9: the stream is full", "gallerywire: 99 stored, 1 failed"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q on the terminal:\n%q", want, text)
		}
	}
}

func TestTerminalCountsTheFilesOfADirectory(t *testing.T) {
	dir := t.TempDir()
	for n := range 2 * few {
		text := fmt.Sprintf(`{"id":"g%d","title":"T","published":"2026-11-20T09:00:00Z"}`, n)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", n)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := publish.LoadState(filepath.Join(dir, publish.StateName), false)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	tty, shown := terminal(t)
	r := newReporter(&console{out: tty, err: tty}, batch{folders: []*publish.Folder{f}}, false)
	for item := range f.Items(event.Reader{}) {
		x := publish.Receipt{Item: item, Stream: "ARTICLES"}
		f.Note(x)
		r.report(x)
	}
	if err := errors.Join(f.Close(), r.end(nil)); err != nil {
		t.Error(err)
	}
	if text := shown(); !strings.Contains(text, "publishing") || !strings.Contains(text, fmt.Sprintf("/%d", 2*few)) {
		t.Errorf("no count of %d files:\n%q", 2*few, text)
	}
}

func TestCounterIsForATerminalOnly(t *testing.T) {
	tty, shown := terminal(t)
	var out strings.Builder
	for _, c := range []*counter{
		newCounter(&console{out: &out, err: tty}, "importing", "galleries", true),
		newCounter(&console{out: tty, err: tty}, "exporting", "galleries", true),
		newCounter(&console{out: tty, err: &out}, "counting", "galleries", false),
	} {
		c.add()
		c.clear()
		c.end()
	}
	text := shown()
	if !strings.Contains(text, "importing") || strings.Contains(text, "exporting") || out.String() != "" {
		t.Errorf("on the terminal %q, elsewhere %q", text, out.String())
	}
}

func TestFileHasALineForEachEventWhileTheTerminalHasACount(t *testing.T) {
	tty, shown := terminal(t)
	var out strings.Builder
	reportMany(t, newReporter(&console{out: &out, err: tty}, batch{}, false), 100)
	if got := strings.Count(out.String(), ": stored as "); got != 99 {
		t.Errorf("%d lines of what was stored, want 99", got)
	}
	if text := shown(); !strings.Contains(text, "publishing") {
		t.Errorf("no count on the terminal:\n%q", text)
	}
}

func TestTerminalShowsNoCountBetweenLinesOfJSON(t *testing.T) {
	tty, shown := terminal(t)
	reportMany(t, newReporter(&console{out: tty, err: tty}, batch{}, true), 100)
	text := shown()
	if got := strings.Count(text, `{"name":`); got != 100 || strings.Contains(text, "publishing") {
		t.Errorf("%d lines of JSON, want 100 and nothing else:\n%q", got, text)
	}
}

func TestPipeHasLinesOnly(t *testing.T) {
	var out, errs strings.Builder
	reportMany(t, newReporter(&console{out: &out, err: &errs}, batch{}, false), 100)
	want := "gallerywire: - #9: the stream is full\ngallerywire: 99 stored, 1 failed\n"
	if errs.String() != want || strings.Count(out.String(), "\n") != 99 {
		t.Errorf("standard error %q, want %q, and 99 lines of\n%s", errs.String(), want, out.String())
	}
}

// What was under way at the end is no line each for people.
func TestOperationsUnderWayAtTheEndAreOneMessage(t *testing.T) {
	for _, end := range []error{&publish.EndError{Open: true}, &broker.DeniedError{}, fmt.Errorf("it may be stored or not: %w", context.Canceled)} {
		for _, asJSON := range []bool{false, true} {
			var out, errs strings.Builder
			r := newReporter(&console{out: &out, err: &errs}, batch{}, asJSON)
			for _, id := range []string{"a", "b"} {
				r.report(publish.Receipt{Item: publish.Item{ID: id}, Stream: "ARTICLES", Sequence: 1})
			}
			for range 3 {
				r.report(publish.Receipt{Item: publish.Item{ID: "c"}, Err: end})
			}
			err := r.end(r.ended("interrupted", "run it again"))
			const want = "interrupted: 2 stored, 0 failed, 3 stored or not, the rest not sent: run it again"
			if err == nil || err.Error() != want || errs.String() != "" {
				t.Errorf("error %v, want %s; messages %q", err, want, errs.String())
			}
			if lines := strings.Count(out.String(), "\n"); asJSON && lines != 5 || !asJSON && lines != 2 {
				t.Errorf("%v, as JSON %t: %d lines:\n%s", end, asJSON, lines, out.String())
			}
		}
	}
}
