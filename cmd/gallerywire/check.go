package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
)

type checkCmd struct {
	Files []string `arg:"" name:"file" help:"Configurations (YAML), events (JSON, NDJSON), or directories of events; - reads events from standard input."`
	JSON  bool     `name:"json" help:"Print a line of JSON for each configuration and each event."`
}

// Help is printed below the command's usage.
func (checkCmd) Help() string {
	return `Checks without a connection and without changes. A file is a configuration if its name
ends in .yaml or .yml, or if it does not begin with { or [. Of a directory, the files
that publish would send are checked. An object with only the fields of a take-down is a
take-down. The environment overrides a configuration as at a start. The limit of an
event's size and the names of partners come from the configuration of --config.

A line of JSON has name, kind (configuration, environment, article.published or
article.unpublished), id of the gallery, and problems, a list of place and reason, with
line and column of a JSON error, or line, column and source in a configuration. notes
is a list of what may be a mistake or needs attention: unknown fields of an event,
pictures that are left out, misspelt variables, secrets that others can read, names in
rights that nobody has, and keys of partners that end. The exit code is 1 if there is a
problem.`
}

// Validate rejects names that cannot be read.
func (k checkCmd) Validate() error {
	_, err := checkPaths(k.Files)
	return err
}

// Run checks every file and prints the problems of each.
func (k checkCmd) Run(c *console) error {
	if f := inspectEnvironment(c.environ); len(f.Notes) > 0 {
		if err := k.print(c, f); err != nil {
			return err
		}
	}
	good := true
	for _, name := range k.Files {
		findings, err := c.inspect(name)
		if err != nil {
			return err
		}
		for _, f := range findings {
			good = good && len(f.Problems) == 0
			if err := k.print(c, f); err != nil {
				return err
			}
		}
	}
	if !good {
		return errFailed
	}
	return nil
}

// finding is the result for a configuration or an event.
type finding struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind,omitempty"`
	ID       string    `json:"id,omitempty"`
	Problems []problem `json:"problems"`
	Notes    []problem `json:"notes,omitempty"`
}

// problem is a problem or a note.
type problem struct {
	Source string `json:"source,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Place  string `json:"place,omitempty"`
	Reason string `json:"reason"`
	text   string // for people
}

func (k checkCmd) print(c *console, f finding) error {
	if k.JSON {
		return c.line(f)
	}
	for _, p := range f.Problems {
		fmt.Fprintln(c.out, p.text)
	}
	for _, p := range f.Notes {
		fmt.Fprintln(c.out, p.text)
	}
	var err error
	switch {
	case len(f.Problems) > 0 || f.Kind == environment:
	case f.ID == "":
		_, err = fmt.Fprintf(c.out, "%s: good\n", f.Name)
	default:
		_, err = fmt.Fprintf(c.out, "%s: good, %s of %s\n", f.Name, f.Kind, printable(f.ID))
	}
	return err
}

// inspect checks the configuration, the event or the directory of that name.
func (c *console) inspect(name string) ([]finding, error) {
	if name == "-" {
		return c.inspectEvents(name, func(r event.Reader) iter.Seq[publish.Item] { return publish.Read(name, c.in, r) })
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(file)
	switch {
	case info.IsDir():
		return c.inspectEvents(name, func(r event.Reader) iter.Seq[publish.Item] { return publish.ReadFiles([]string{name}, nil, r) })
	case isConfig(name, r):
		return []finding{c.inspectConfig(name)}, nil
	}
	return c.inspectEvents(name, func(events event.Reader) iter.Seq[publish.Item] { return publish.Read(name, r, events) })
}

func isConfig(name string, r *bufio.Reader) bool {
	switch filepath.Ext(name) {
	case ".yaml", ".yml":
		return true
	case ".json", ".ndjson", ".jsonl":
		return false
	}
	start, _ := r.Peek(512) // or less
	start = bytes.TrimSpace(start)
	return len(start) == 0 || start[0] != '{' && start[0] != '['
}

// environment is the kind of the findings about variables, which do not depend on a
// file.
const environment = "environment"

func inspectEnvironment(environ []string) finding {
	f := finding{Name: environment, Kind: environment, Problems: []problem{}}
	for _, p := range config.Stray(environ) {
		f.Notes = append(f.Notes, problem{Source: p.Source, Reason: p.Message, text: "warning: " + p.Error()})
	}
	return f
}

// inspectConfig checks the file, and if it is good, the file with the environment.
func (c *console) inspectConfig(name string) finding {
	f := finding{Name: name, Kind: "configuration", Problems: []problem{}}
	cfg, err := app.LoadConfig(name, nil)
	if err == nil {
		cfg, err = app.LoadConfig(name, c.environ)
	}
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		problems = config.Problems{{Source: name, Message: err.Error()}}
	}
	for _, p := range problems {
		f.Problems = append(f.Problems, problem{
			Source: p.Source, Line: p.Line, Column: p.Column, Place: p.Key, Reason: p.Message, text: p.Error(),
		})
	}
	for _, p := range cfg.Warnings(time.Now()) {
		f.Notes = append(f.Notes, problem{Source: p.Source, Line: p.Line, Column: p.Column, Place: p.Key, Reason: p.Message, text: "warning: " + p.Error()})
	}
	return f
}

func (c *console) inspectEvents(name string, read func(event.Reader) iter.Seq[publish.Item]) ([]finding, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	var findings []finding
	reader := app.EventReader(cfg)
	for item := range read(reader) {
		findings = append(findings, inspectEvent(item, reader, cfg))
	}
	if len(findings) == 0 {
		const none = "contains no event"
		findings = []finding{{Name: name, Problems: []problem{{Reason: none, text: name + ": " + none}}}}
	}
	return findings, nil
}

func inspectEvent(item publish.Item, reader event.Reader, cfg config.Config) finding {
	m := event.Message{Data: item.Data}
	if item.Fault != nil && event.OnlyTakesDown(item.Data) {
		m.Subject, m.Stored, item.Kind = string(event.Unpublished), time.Now(), event.Unpublished
		_, item.Fault = reader.Decode(m)
	}
	f := finding{Name: item.Name, Kind: string(item.Kind), ID: item.ID, Problems: []problem{}}
	var problems gallery.Problems
	if item.Fault != nil && !errors.As(item.Fault, &problems) {
		problems = gallery.Problems{{Reason: item.Fault.Error()}}
	}
	for _, p := range problems {
		f.Problems = append(f.Problems, problem{
			Line: item.Broken.Line, Column: item.Broken.Column, Place: p.Place, Reason: p.Reason, text: item.Name + ": " + printable(p.String()),
		})
	}
	notes := event.Unknown(m)
	if item.Event != nil {
		notes = append(notes, item.Event.LeftOut...)
		if g := item.Event.Gallery; g != nil {
			notes = append(notes, app.UnknownAudiences(cfg, g)...)
		}
	}
	for _, p := range notes {
		f.Notes = append(f.Notes, problem{Place: p.Place, Reason: p.Reason, text: item.Name + ": note: " + printable(p.String())})
	}
	if m.Subject != "" {
		const reason = "is a take-down: send it on " + string(event.Unpublished) + ", or use gallerywire unpublish; a gallery needs title and published"
		f.Notes = append(f.Notes, problem{Reason: reason, text: item.Name + ": note: " + reason})
	}
	return f
}
