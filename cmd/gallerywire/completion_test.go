package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// completion returns the script for a shell.
func completion(t *testing.T, shell string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"completion", shell}, console{out: &out, err: &errs}); code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	return out.String()
}

// ways are how each shell is asked what completes a command line: the program
// gets the script's file and the line, whose last word is completed, and
// prints a candidate a line.
var ways = map[string]string{
	"bash": `
		source "$1"
		read -ra COMP_WORDS <<<"$2"
		[[ $2 == *' ' ]] && COMP_WORDS+=('')
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_gallerywire
		printf '%s\n' "${COMPREPLY[@]}"`,
	// The completion system itself needs a terminal; these take its place.
	"zsh": `
		_describe() {
			[[ $1 == -o ]] && shift
			local -a list=("${(@P)2}")
			list=("${(@)list%%:*}")
			print -rl -- ${(M)list:#$PREFIX*}
		}
		_files() { print -rl -- $PREFIX*(N) }
		compset() { PREFIX=${PREFIX#--*=} }
		source "$1"
		words=(${=2}) PREFIX=
		[[ $2 == *' ' ]] && words+=('')
		CURRENT=$#words PREFIX=$words[-1]
		_gallerywire || true`,
	"fish": `
		source $argv[1]
		complete -C $argv[2] | string replace -r '\t.*' ''; true`,
}

// candidates returns what the shell makes of a command line, in order.
func candidates(t *testing.T, shell, script, line string) []string {
	t.Helper()
	args := []string{"-c", ways[shell]}
	if shell != "fish" {
		args = append(args, shell) // its own name
	}
	c := exec.CommandContext(t.Context(), shell, append(args, script, line)...)
	c.Dir = filepath.Dir(script)
	c.Env = append(os.Environ(), "HOME="+c.Dir, "XDG_CONFIG_HOME="+c.Dir)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%s, %q: %v\n%s", shell, line, err, errs.String())
	}
	words := strings.Fields(string(out))
	slices.Sort(words)
	return slices.Compact(words)
}

func TestShellsCompleteTheCommandLine(t *testing.T) {
	for shell := range ways {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("there is no %s to complete in: apt-get install %s", shell, shell)
				}
				t.Skipf("there is no %s to complete in: apt-get install %s", shell, shell)
			}
			dir := t.TempDir()
			script := filepath.Join(dir, "script")
			for name, text := range map[string]string{"script": completion(t, shell), "gallery.json": "{}"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for line, want := range map[string][]string{
				"gallerywire re":                           {"rejects", "render"},
				"gallerywire rejects ":                     {"list", "replay", "show"},
				"gallerywire rejects re":                   {"replay"},
				"gallerywire rejects list --":              {"--config", "--help", "--json", "--timeout"},
				"gallerywire status --":                    {"--config", "--help", "--json", "--timeout", "--url"},
				"gallerywire --config serve rejects l":     {"list"}, // the first is a file
				"gallerywire --config gal":                 {"gallery.json"},
				"gallerywire -c gal":                       {"gallery.json"},
				"gallerywire render --format ":             {"atom", "json", "rss"},
				"gallerywire render --format json --feed ": nil,
				"gallerywire render gal":                   {"gallery.json"},
				"gallerywire publish --unc":                {"--unchecked"},
				"gallerywire publish gal":                  {"gallery.json"},
				"gallerywire unpublish gal":                nil,
				"gallerywire completion ":                  {"bash", "fish", "zsh"},
				"gallerywire serve ":                       nil,
			} {
				got := candidates(t, shell, script, line)
				if len(got) == 0 {
					got = nil
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%q (-want +got):\n%s", line, diff)
				}
			}
			var commands []string
			for _, p := range everyPlace(t)[0].Commands {
				commands = append(commands, p.Name)
			}
			slices.Sort(commands)
			if diff := cmp.Diff(commands, candidates(t, shell, script, "gallerywire ")); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
		})
	}
}

// everyPlace is what the scripts are made of.
func everyPlace(t *testing.T) []place {
	t.Helper()
	return placesOf(parserOf(context.Background(), new(cli), console{}, func(int) {}).Model.Node)
}

func TestCompletionKnowsEveryCommandAndFlag(t *testing.T) {
	scripts := map[string]string{}
	for shell := range ways {
		scripts[shell] = completion(t, shell)
	}
	flags := 0
	for _, p := range everyPlace(t) {
		for _, f := range p.Flags {
			flags++
			for shell, want := range map[string]string{"bash": "--" + f.Name, "zsh": "'--" + f.Name + ":", "fish": `"` + p.At + `"'`} {
				if !strings.Contains(scripts[shell], want) {
					t.Errorf("%s does not know --%s at %q", shell, f.Name, p.At)
				}
			}
		}
	}
	if flags < 40 {
		t.Errorf("only %d flags were looked for", flags)
	}
}
