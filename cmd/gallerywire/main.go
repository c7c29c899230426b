// Command gallerywire publishes photo galleries as RSS, Atom and JSON feeds,
// from events that a CMS sends over NATS.
//
// What a command answers goes to standard output; with --json, where there is
// one, as a line of JSON for each thing it is about. Messages go to standard
// error. The exit code is 0 when the command did what it was asked, 1 when it
// could not, and 2 when the command line or the configuration is wrong.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
	_ "time/tzdata" // schedules name time zones, and a container may have none

	"github.com/alecthomas/kong"
)

// cli is the command line.
type cli struct {
	Config string `short:"c" help:"Configuration file (YAML). Without one the defaults run." placeholder:"FILE" env:"GALLERYWIRE_CONFIG"`

	Timeout time.Duration `default:"15s" help:"How long a command waits for the answer of a service; 15s when left out." placeholder:"DURATION"`

	Demo      demoCmd      `cmd:"" help:"Show everything at once: a NATS server, a CMS that publishes sample galleries, and their feeds."`
	Serve     serveCmd     `cmd:"" help:"Take events in and serve feeds."`
	Publish   publishCmd   `cmd:"" help:"Send galleries as a CMS would, from JSON or NDJSON."`
	Unpublish unpublishCmd `cmd:"" help:"Take galleries down."`
	Check     checkCmd     `cmd:"" help:"Say what is wrong with configurations or events."`
	Render    renderCmd    `cmd:"" help:"Print the feed that events would make, without a service."`
	Export    exportCmd    `cmd:"" help:"Write every gallery down, for a backup or another server."`
	Import    importCmd    `cmd:"" help:"Store the galleries of an export."`
	Rejects   rejectsCmd   `cmd:"" help:"Look at the events that were rejected, and send them again."`
	Notices   noticesCmd   `cmd:"" help:"Look at the subscribers, webhooks and people that could not be told, and try them again."`
	Health    healthCmd    `cmd:"" help:"Ask a running node whether it is well."`
	Status    statusCmd    `cmd:"" help:"Show what a running node did last, and what needs attention."`
	Tail      tailCmd      `cmd:"" help:"Follow events and notices as they are sent."`

	Completion completionCmd `cmd:"" help:"Print what completes this command line in a shell."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Help       helpCmd       `cmd:"" help:"Print how a command is used."`
}

const description = `Photo galleries from a CMS on NATS, as RSS, Atom and JSON feeds.

    gallerywire demo                   see everything at once
    gallerywire serve                  the real thing, stored in ./data
    gallerywire publish gallery.json   send it a gallery

Every key of the configuration can be set in the environment as well:
GALLERYWIRE_HTTP_LISTEN for http.listen. The exit code is 0 when all is done,
1 when something failed, 2 when the command line or the configuration is wrong.`

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(start()) }

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals()...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return run(ctx, os.Args[1:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()})
}

// stopSignals includes the end of the terminal, unless somebody arranged for
// the process to outlive it.
func stopSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, c console) int {
	var cmd cli
	exit := -1
	parser := parserOf(ctx, &cmd, c, func(code int) { exit = code })
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "--version": // no flag of kong's: unpublish has another
		args = append([]string{"version"}, args[1:]...)
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit // help was printed
	}
	if err != nil {
		c.say("%s: try \"%s --help\"", noValue.ReplaceAllString(err.Error(), "a value is missing"), commandOf(err))
		return exitUsage
	}
	if c.path, c.timeout = cmd.Config, cmd.Timeout; c.timeout <= 0 {
		c.say("--timeout: must be more than 0s, such as 15s")
		return exitUsage
	}
	return c.code(ctx, parsed.Run(&c))
}

// noValue is how the parser says that a flag has none.
var noValue = regexp.MustCompile(`expected \S+ value but got "EOL" \(<EOL>\)`)

// parserOf reads command lines into cmd; exit is called once help was printed.
func parserOf(ctx context.Context, cmd *cli, c console, exit func(int)) *kong.Kong {
	return kong.Must(cmd, append(valueMappers(),
		kong.Name("gallerywire"),
		kong.Description(description),
		kong.Writers(c.out, c.err),
		kong.Exit(exit),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)...)
}

// commandOf is the command whose use was wrong, as far as it could be told.
func commandOf(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) {
		if node := wrong.Context.Selected(); node != nil {
			return node.FullPath()
		}
	}
	return "gallerywire"
}
