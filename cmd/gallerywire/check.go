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
	Files []string `arg:"" name:"file" help:"Configurations (YAML), events (JSON, NDJSON), or directories of events; - is standard input, for events."`
	JSON  bool     `name:"json" help:"Print a line of JSON for each configuration and each event."`
}

// Help is printed below the command's usage.
func (checkCmd) Help() string {
	return `A file that ends in .yaml or .yml, or does not begin with { or [, is read as a
configuration. Of a directory, those files are read that publish would send. An
object with nothing but the fields of a take-down is read as one. Nothing is
contacted and nothing is changed. What the environment sets counts as at a
start. The limit of an event's size comes from the configuration that --config
names.

A line of JSON has name, kind (configuration, environment, article.published or
article.unpublished), id of the gallery, and problems, a list of place and
reason; where it is not JSON also line and column, in a configuration those and
source. Notes, in a list like
that of the problems, name what does nothing and was perhaps meant to: fields of
an event that are not known, pictures that are left out, variables
that are spelt nearly as that of a key. The exit code is 1 when there is a problem.`
}

// Validate refuses what can not be read.
func (k checkCmd) Validate() error {
	_, err := checkPaths(k.Files)
	return err
}

// Run checks every file and says what is wrong with each.
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

// finding is what there is to say of a configuration or of an event.
type finding struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind,omitempty"`
	ID       string    `json:"id,omitempty"`
	Problems []problem `json:"problems"`
	Notes    []problem `json:"notes,omitempty"`
}

// problem is one thing that is wrong, or may be.
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

// inspect finds out what is there and looks at it.
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
	start, _ := r.Peek(512) // a shorter file is one, too
	start = bytes.TrimSpace(start)
	return len(start) == 0 || start[0] != '{' && start[0] != '['
}

// environment is the kind of what is set there, which is looked at whatever the
// file.
const environment = "environment"

func inspectEnvironment(environ []string) finding {
	f := finding{Name: environment, Kind: environment, Problems: []problem{}}
	for _, p := range config.Stray(environ) {
		f.Notes = append(f.Notes, problem{Source: p.Source, Reason: p.Message, text: "warning: " + p.Error()})
	}
	return f
}

// inspectConfig looks at all that the file says; where that is well, also at what the
// environment says instead.
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
	for _, p := range cfg.Exposed() {
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
		findings = append(findings, inspectEvent(item, reader))
	}
	if len(findings) == 0 {
		const none = "there is no event in it"
		findings = []finding{{Name: name, Problems: []problem{{Reason: none, text: name + ": " + none}}}}
	}
	return findings, nil
}

func inspectEvent(item publish.Item, reader event.Reader) finding {
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
	}
	for _, p := range notes {
		f.Notes = append(f.Notes, problem{Place: p.Place, Reason: p.Reason, text: item.Name + ": note: " + printable(p.String())})
	}
	if m.Subject != "" {
		const reason = "is a take-down: send it on " + string(event.Unpublished) + ", or use gallerywire unpublish; a gallery has title and published"
		f.Notes = append(f.Notes, problem{Reason: reason, text: item.Name + ": note: " + reason})
	}
	return f
}
