package main

import (
	"context"
	"fmt"
)

type helpCmd struct {
	Command []string `arg:"" optional:"" help:"The command; without one, all commands."`
}

// Help is printed below the command's usage.
func (helpCmd) Help() string { return `--help after the command prints the same.` }

// Run prints what --help after the command would print.
func (h helpCmd) Run(ctx context.Context, c *console) error {
	var of cli
	printed := false
	_, err := parserOf(ctx, &of, *c, func(int) { printed = true }).Parse(append(h.Command, "--help"))
	if printed {
		return nil
	}
	return usageError{fmt.Errorf("%w: try \"%s --help\"", err, commandOf(err))}
}
