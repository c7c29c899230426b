package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/nats-io/nats.go"
	"golang.org/x/term"
)

// console is the input, output and environment of a command.
type console struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	path     string // of the configuration file
	timeout  time.Duration
}

// errFailed ends a command that has already printed what failed.
var errFailed = errors.New("failed")

// say writes a message to standard error: lower case, no full stop, and what to do
// next.
func (c *console) say(format string, args ...any) {
	fmt.Fprintf(c.err, "gallerywire: "+format+"\n", args...)
}

// usageError is a command line that does not fit the configuration.
type usageError struct{ error }

// code prints err and returns its exit code.
func (c *console) code(ctx context.Context, err error) int {
	var problems config.Problems
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.As(err, &problems):
		for _, p := range problems {
			c.say("%v", p)
		}
		return exitUsage
	case errors.As(err, &usage):
		c.say("%v", err)
		return exitUsage
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		c.say("interrupted")
		return exitFailed
	}
	c.say("%v", err)
	return exitFailed
}

// load reads the configuration.
func (c *console) load() (config.Config, error) { return app.LoadConfig(c.path, c.environ) }

// logger writes to standard error.
func (c *console) logger(l config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(c.err, options))
	}
	return slog.New(slog.NewTextHandler(c.err, options))
}

// quiet is the logger of a command that prints its own messages: it logs warnings and
// errors, whatever level a service with the same configuration logs, but everything
// at level debug.
func (c *console) quiet(cfg config.Config) *slog.Logger {
	l := cfg.Log
	if l.Level > slog.LevelDebug {
		l.Level = max(l.Level, slog.LevelWarn)
	}
	return c.logger(l)
}

// withBroker connects to the running service as its operator while do runs. A missing
// right ends do's context.
func (c *console) withBroker(ctx context.Context, do func(context.Context, config.Config, *broker.Broker) error) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	o := c.brokerOptions(cfg)
	ctx, denied := untilDenied(ctx, &o)
	b, err := broker.DialOperator(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	err = do(ctx, cfg, b)
	if missing := denied(); missing != nil {
		return missing // also if err is nil
	}
	if unanswered(err) {
		err = fmt.Errorf("no answer from nats at %s within %s: %w", b.PublisherURL(), c.timeout, err)
	}
	return err
}

// untilDenied ends the context when the server reports a missing right, which denied
// then returns.
func untilDenied(ctx context.Context, o *broker.Options) (until context.Context, denied func() error) {
	ctx, end := context.WithCancelCause(ctx)
	o.Denied = func(missing *broker.DeniedError) { end(missing) }
	return ctx, func() error {
		if missing, ok := errors.AsType[*broker.DeniedError](context.Cause(ctx)); ok {
			return missing
		}
		return nil
	}
}

// brokerOptions returns the options of a command's connection.
func (c *console) brokerOptions(cfg config.Config) broker.Options {
	o := app.BrokerOptions(cfg, c.quiet(cfg))
	o.Timeout = c.timeout
	return o
}

// unanswered reports whether err is the timeout of a server.
func unanswered(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
}

// each does the same with every item. It prints an error and goes on, unless the
// server does not answer.
func each[T any](c *console, items []T, do func(T) error) error {
	failed := false
	for _, item := range items {
		err := do(item)
		if _, denied := errors.AsType[*broker.DeniedError](err); denied || unanswered(err) {
			return err
		}
		if err != nil {
			c.say("%v", err)
			failed = true
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

// field writes a line with a name and a value, unless the value is empty.
func field(w io.Writer, name, value string) {
	if value != "" {
		fmt.Fprintf(w, "%-9s %s\n", name+":", printable(value))
	}
}

// line writes v as a line of JSON to standard output.
func (c *console) line(v any) error {
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// printable returns s, quoted if it contains control characters for a terminal, which
// an event may.
func printable(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(s)
	}
	return s
}

// checkPaths rejects a name that cannot be read, and returns the directories among
// names; "-" is standard input.
func checkPaths(names []string) (folders []string, err error) {
	for _, name := range names {
		if name == "-" {
			continue
		}
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, publish.Unreadable(name, err))
		case info.IsDir():
			folders = append(folders, name)
		}
	}
	return folders, nil
}
