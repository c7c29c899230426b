// Command gallerywire publishes photo galleries as RSS, Atom and JSON feeds,
// from events that a CMS sends over HTTP or NATS.
//
// A command writes its answer to standard output, with --json as lines of JSON, and
// messages to standard error. The exit code is 0 for success, 1 for a failure, and 2
// for a wrong command line or configuration.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // schedules name time zones, and a container may have none

	"github.com/alecthomas/kong"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// cli is the command line.
type cli struct {
	Config string `short:"c" help:"Configuration file (YAML); without one, the defaults." placeholder:"FILE" env:"GALLERYWIRE_CONFIG"`

	Timeout time.Duration `default:"15s" help:"How long a command waits for an answer; the default is 15s." placeholder:"DURATION"`

	Demo      demoCmd      `cmd:"" help:"Try everything on one machine: a NATS server, a CMS with sample galleries, and their feeds."`
	Serve     serveCmd     `cmd:"" help:"Receive events and serve feeds."`
	Publish   publishCmd   `cmd:"" help:"Send galleries as a CMS would, from JSON or NDJSON."`
	Unpublish unpublishCmd `cmd:"" help:"Take galleries down."`
	Check     checkCmd     `cmd:"" help:"List the problems of configurations or events."`
	Render    renderCmd    `cmd:"" help:"Print the feed of some events, without a service."`
	Export    exportCmd    `cmd:"" help:"Write all galleries to a file, for a backup or another server."`
	Import    importCmd    `cmd:"" help:"Store the galleries of an export."`
	Rejects   rejectsCmd   `cmd:"" help:"List, show and resend rejected events."`
	Notices   noticesCmd   `cmd:"" help:"List, retry and delete notices that could not be delivered."`
	Health    healthCmd    `cmd:"" help:"Check a running node."`
	Status    statusCmd    `cmd:"" help:"Show the state of a running node, and what needs attention."`
	Explain   explainCmd   `cmd:"" help:"Say why a gallery is or is not in each feed."`
	Partners  partnersCmd  `cmd:"" help:"List and show partners, and make keys for them."`
	Tail      tailCmd      `cmd:"" help:"Follow events and notices as they are sent."`

	Completion completionCmd `cmd:"" help:"Print a completion script for a shell."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Help       helpCmd       `cmd:"" help:"Print the help of a command."`
}

const description = `Photo galleries from a CMS on NATS, as RSS, Atom and JSON feeds.

    gallerywire demo                   try everything on one machine
    gallerywire serve                  run the service, with its data in ./data
    gallerywire publish gallery.json   send a gallery to the service

The environment can set every key of the configuration:
GALLERYWIRE_HTTP_LISTEN sets http.listen. The exit code is 0 for success, 1 for a
failure, 2 for a wrong command line or configuration.`

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(start()) }

func start() int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup does
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return run(ctx, os.Args[1:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()})
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, c console) int {
	var cmd cli
	exit := -1
	parser := parserOf(ctx, &cmd, c, func(code int) { exit = code })
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "--version": // kong has no flag for it, because unpublish has a --version too
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

// noValue matches the parser's error of a flag without a value.
var noValue = regexp.MustCompile(`expected \S+ value but got "EOL" \(<EOL>\)`)

// parserOf reads command lines into cmd. It calls exit after it printed help.
func parserOf(ctx context.Context, cmd *cli, c console, exit func(int)) *kong.Kong {
	var formats []string
	for _, f := range feed.Formats() {
		formats = append(formats, f.String())
	}
	return kong.Must(cmd, append(valueMappers(),
		kong.Name("gallerywire"),
		kong.Description(description),
		kong.Writers(c.out, c.err),
		kong.Exit(exit),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Vars{"formats": strings.Join(formats, ","), "format_names": feed.FormatNames("")},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)...)
}

// commandOf returns the command that was used wrongly, if it is known.
func commandOf(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) {
		if node := wrong.Context.Selected(); node != nil {
			return node.FullPath()
		}
	}
	return "gallerywire"
}
