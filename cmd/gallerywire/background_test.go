package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// startedKey finds what a script started.
type startedKey struct{}

type started struct{ last *background }

// background is a process that runs during a script.
type background struct {
	cmd    *exec.Cmd
	output transcript
	ended  chan error // holds how it ended
}

func launch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start REGEXP COMMAND [ARG...]")
	}
	wanted, err := regexp.Compile(args[0])
	ts.Check(err)
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	b := &background{cmd: exec.Command(path, args[2:]...), ended: make(chan error, 1)}
	b.output = transcript{wanted: wanted, found: make(chan []string, 1)}
	b.cmd.Dir, b.cmd.Env = ts.MkAbs("."), environ(ts)
	b.cmd.Stdout, b.cmd.Stderr = &b.output, &b.output
	ts.Check(b.cmd.Start())
	go func() { b.ended <- b.cmd.Wait() }()
	ts.Defer(func() { _ = b.interrupt(ts) }) // how it ended matters to the command interrupt only
	ts.Value(startedKey{}).(*started).last = b
	b.await(ts)
}

// await returns when a wanted line was written.
func (b *background) await(ts *testscript.TestScript) {
	select {
	case match := <-b.output.found:
		setNamed(ts, b.output.wanted, match)
	case err := <-b.ended:
		b.ended <- err
		ts.Fatalf("it ended: %v\n%s", err, b.output.text())
	case <-time.After(waitLimit):
		ts.Fatalf("no line matches\n%s", b.output.text())
	}
}

// setNamed makes variables of the named groups of a match.
func setNamed(ts *testscript.TestScript, wanted *regexp.Regexp, match []string) {
	for i, name := range wanted.SubexpNames() {
		if name != "" {
			ts.Setenv(name, match[i])
		}
	}
}

// environ is the environment of the script, which testscript gives to its own
// commands only.
func environ(ts *testscript.TestScript) []string {
	var set []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK", "GALLERYWIRE_WEBHOOKS"} {
		if value := ts.Getenv(name); value != "" {
			set = append(set, name+"="+value)
		}
	}
	return set
}

func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: interrupt")
	}
	b := ts.Value(startedKey{}).(*started).last
	if b == nil {
		ts.Fatalf("nothing was started")
	}
	if err := b.interrupt(ts); err != nil {
		ts.Fatalf("%v\n%s", err, b.output.text())
	}
	fmt.Fprint(ts.Stdout(), b.output.text())
}

func hangup(ts *testscript.TestScript, neg bool, args []string) {
	b := ts.Value(startedKey{}).(*started).last
	if neg || len(args) > 0 || b == nil {
		ts.Fatalf("usage: hangup, after start")
	}
	ts.Check(b.cmd.Process.Signal(syscall.SIGHUP))
}

// interrupt ends the process and returns how it ended. It may be called again.
func (b *background) interrupt(ts *testscript.TestScript) error {
	_ = b.cmd.Process.Signal(syscall.SIGINT) // it may have ended
	select {
	case err := <-b.ended:
		b.ended <- err
		return err
	case <-time.After(waitLimit):
		_ = b.cmd.Process.Kill()
		ts.Logf("%s", b.output.text())
		return errors.New("it does not stop")
	}
}

// transcript keeps what a process writes and reports the first line that is
// wanted, as its submatches.
type transcript struct {
	mu     sync.Mutex
	all    bytes.Buffer
	read   int // bytes of all that were looked at
	wanted *regexp.Regexp
	found  chan []string
}

// Write keeps p.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all.Write(p)
	for {
		line, _, whole := strings.Cut(t.all.String()[t.read:], "\n")
		if !whole {
			return len(p), nil
		}
		t.read += len(line) + 1
		if match := t.wanted.FindStringSubmatch(line); match != nil {
			select {
			case t.found <- match:
			default: // it is not the first
			}
		}
	}
}

func (t *transcript) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.String()
}
