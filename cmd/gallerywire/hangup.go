package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// surviveHangup returns a context that a SIGHUP no longer ends, which is logged
// instead: it may mean that a service reads its configuration again, which this one
// does at a start only. It still ends when the terminal of the process is gone.
func (c *console) surviveHangup(ctx context.Context, log *slog.Logger) (alive context.Context, stop func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return ctx, func() {}
	}
	signal.Ignore(syscall.SIGHUP) // undoes what main asked for
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	alive, end := context.WithCancelCause(ctx)
	attended := isTerminal(c.in)
	go func() {
		for {
			select {
			case <-hangups:
				if attended && !isTerminal(c.in) {
					end(errors.New("hangup signal received"))
					return
				}
				log.Warn("a SIGHUP changes nothing: restart the service to have it read its configuration again")
			case <-alive.Done():
				return
			}
		}
	}()
	return alive, func() {
		signal.Stop(hangups)
		end(nil)
	}
}
