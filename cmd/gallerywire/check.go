package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/publish"
)

type checkCmd struct {
	Files []string `arg:"" name:"file" help:"Configurations (YAML) or events (JSON, NDJSON)." type:"existingfile"`
}

// Help is printed below the command's usage.
func (checkCmd) Help() string {
	return `A file that ends in .yaml or .yml, or does not begin with { or [, is read as a
configuration. Nothing is contacted and nothing is changed.`
}

// Run checks every file and says what is wrong with each.
func (k checkCmd) Run(c *console) error {
	failed := false
	for _, name := range k.Files {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if isConfig(name, data) {
			failed = !c.checkConfig(name) || failed
		} else {
			failed = !c.checkEvents(name, data) || failed
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

func isConfig(name string, data []byte) bool {
	switch filepath.Ext(name) {
	case ".yaml", ".yml":
		return true
	case ".json", ".ndjson", ".jsonl":
		return false
	}
	data = bytes.TrimSpace(data)
	return len(data) == 0 || data[0] != '{' && data[0] != '['
}

func (c *console) checkConfig(name string) bool {
	_, err := app.LoadConfig(name, nil)
	if err == nil {
		fmt.Fprintf(c.out, "%s: good\n", name)
		return true
	}
	fmt.Fprintln(c.err, err)
	return false
}

func (c *console) checkEvents(name string, data []byte) bool {
	good, n := true, 0
	for item := range publish.Read(name, bytes.NewReader(data), int64(config.Default().Events.MaxEvent)) {
		n++
		if item.Fault != nil {
			fmt.Fprintf(c.err, "%s: %v\n", item.Name, item.Fault)
			good = false
			continue
		}
		fmt.Fprintf(c.out, "%s: good, %s of %s\n", item.Name, item.Kind, item.ID)
	}
	if n == 0 {
		fmt.Fprintf(c.err, "%s: holds no event\n", name)
	}
	return good && n > 0
}
