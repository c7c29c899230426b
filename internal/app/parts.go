package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// part is something that runs until its context ends.
type part struct {
	name string
	run  func(context.Context) error
}

// runParts starts the parts in their order and, when ctx ends or one of them
// fails, stops them in the reverse order, each waited for before the next is
// told.
func runParts(ctx context.Context, log *slog.Logger, parts []part) error {
	ended := make(chan error, len(parts))
	type running struct {
		part
		stop context.CancelFunc
		done chan struct{}
	}
	var started []running
	for _, p := range parts {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{p, stop, make(chan struct{})}
		started = append(started, r)
		go func() {
			defer close(r.done)
			if err := p.run(own); err != nil {
				ended <- fmt.Errorf("%s: %w", p.name, err)
			}
		}()
	}
	var errs []error
	select {
	case <-ctx.Done():
	case err := <-ended:
		errs = append(errs, err)
	}
	for i := len(started) - 1; i >= 0; i-- {
		started[i].stop()
		<-started[i].done
		log.Debug("stopped", "part", started[i].name)
	}
	for len(ended) > 0 {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}
