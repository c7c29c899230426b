package main

import (
	"fmt"
	"slices"
	"strings"
	"text/template"

	_ "embed"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is printed below the command's usage.
func (completionCmd) Help() string {
	return `For one session, or in the start file of the shell:

    bash   source <(gallerywire completion bash)
    zsh    source <(gallerywire completion zsh)      after compinit
    fish   gallerywire completion fish | source

For all sessions, write the script to /etc/bash_completion.d/gallerywire, to a file
_gallerywire in a directory of $fpath, or to
~/.config/fish/completions/gallerywire.fish.`
}

// The scripts are generated from the command line, so they contain every command and
// flag.
var (
	//go:embed completion/bash.tmpl
	bashCompletion string
	//go:embed completion/zsh.tmpl
	zshCompletion string
	//go:embed completion/fish.tmpl
	fishCompletion string
)

// Run prints the script.
func (x completionCmd) Run(c *console, parsed *kong.Context) error {
	text := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[x.Shell]
	script, err := template.New(x.Shell).Funcs(template.FuncMap{
		"join": strings.Join, "quote": quoteForShell,
		"fish": func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" },
		// _describe parts a word and its description with a colon.
		"zsh": func(name, help string) string { return quoteForShell(strings.ReplaceAll(name, ":", `\:`) + ":" + help) },
	}).Parse(text)
	if err != nil {
		return fmt.Errorf("completion for %s: %w", x.Shell, err)
	}
	return script.Execute(c.out, placesOf(parsed.Model.Node))
}

// place is a place on the command line, after some commands.
type place struct {
	At       string // "/rejects/list"; empty at the beginning
	Commands []word
	Flags    []word
	Values   []string // of the argument
	Files    bool     // whether it is a file
}

// word is a command or a flag.
type word struct {
	Name   string // without dashes
	Short  string // a flag's letter; empty: none
	Help   string
	Takes  bool     // a flag that needs a value
	Values []string // of a flag
	Files  bool     // whether it is a file
}

// Spellings returns the forms of a flag.
func (w word) Spellings() []string {
	all := []string{"--" + w.Name}
	if w.Short != "" {
		all = append(all, "-"+w.Short)
	}
	return all
}

// placesOf returns n and all places below it.
func placesOf(n *kong.Node) []place {
	p := place{At: pathOf(n)}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			w := word{Name: f.Name, Help: f.Help, Takes: !f.IsBool() && !f.IsCounter(), Values: valuesOf(f.Value)}
			if f.Short != 0 {
				w.Short = string(f.Short)
			}
			w.Files = w.Takes && f.PlaceHolder == "FILE"
			p.Flags = append(p.Flags, w)
		}
	}
	for _, arg := range n.Positional {
		p.Values = append(p.Values, valuesOf(arg)...)
		p.Files = p.Files || arg.Name == "file"
	}
	all := []place{}
	for _, child := range n.Children {
		if child.Hidden || child.Type != kong.CommandNode {
			continue
		}
		p.Commands = append(p.Commands, word{Name: child.Name, Help: child.Help})
		all = append(all, placesOf(child)...)
	}
	return slices.Insert(all, 0, p)
}

func pathOf(n *kong.Node) string {
	if n.Parent == nil {
		return ""
	}
	return pathOf(n.Parent) + "/" + n.Name
}

func valuesOf(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

// quoteForShell returns s as one word of bash and zsh.
func quoteForShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
