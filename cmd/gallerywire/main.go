// Command gallerywire publishes photo galleries as RSS, Atom and JSON feeds,
// from events that a CMS sends over NATS.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // schedules name time zones, and a container may have none

	"github.com/alecthomas/kong"
	"github.com/gallerywire/gallerywire/internal/config"
)

// cli is the command line.
type cli struct {
	Config string `short:"c" help:"Configuration file (YAML). Without one the defaults run." placeholder:"FILE" env:"GALLERYWIRE_CONFIG" type:"path"`

	Demo      demoCmd      `cmd:"" help:"Show everything at once: a NATS server, a CMS that publishes sample galleries, and their feeds."`
	Serve     serveCmd     `cmd:"" help:"Take events in and serve feeds."`
	Publish   publishCmd   `cmd:"" help:"Send galleries as a CMS would, from JSON or NDJSON."`
	Unpublish unpublishCmd `cmd:"" help:"Take galleries down."`
	Check     checkCmd     `cmd:"" help:"Say what is wrong with configurations or events."`
	Rejects   rejectsCmd   `cmd:"" help:"Look at the events that were rejected, and send them again."`
	Health    healthCmd    `cmd:"" help:"Ask a running node whether it is well."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errFailed ends a command that has already said what failed.
var errFailed = errors.New("failed")

// console is what a command talks to.
type console struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	path     string // of the configuration file
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, c console) int {
	var cmd cli
	exit := -1
	parser := kong.Must(&cmd,
		kong.Name("gallerywire"),
		kong.Description("Photo galleries from a CMS on NATS, as RSS, Atom and JSON feeds.\n\nTry it: gallerywire demo"),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit // help was printed
	}
	if err != nil {
		fmt.Fprintf(c.err, "gallerywire: %v\ntry \"gallerywire --help\"\n", err)
		return exitUsage
	}
	c.path = cmd.Config
	return c.code(parsed.Run(&c))
}

// code says what went wrong and returns the exit code for it.
func (c *console) code(err error) int {
	var problems config.Problems
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.As(err, &problems):
		for _, p := range problems {
			fmt.Fprintln(c.err, p.Error())
		}
		return exitUsage
	}
	fmt.Fprintf(c.err, "gallerywire: %v\n", err)
	return exitFailed
}
