package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// surviveHangup returns a context that SIGHUP does not end: it calls reload instead. SIGHUP
// is logged, because the operator may expect that the service reads all of its configuration
// again. The context still ends when the terminal of the process is gone.
func (c *console) surviveHangup(ctx context.Context, log *slog.Logger, reload func()) (alive context.Context, stop func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return ctx, func() {}
	}
	signal.Ignore(syscall.SIGHUP) // undoes the Notify of main
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
				reload()
				log.Info("SIGHUP: the files with the keys of partners and of senders were read again; restart the service to read the rest of its configuration")
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
