package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// service is something that runs until its context ends.
type service struct {
	name string
	run  func(context.Context) error
}

// runServices starts the services in order. When ctx ends or one of them fails, it stops
// them in the reverse order, and waits for each before it stops the next.
func runServices(ctx context.Context, log *slog.Logger, list []service) error {
	ended := make(chan error, len(list))
	type running struct {
		service
		stop context.CancelFunc
		done chan struct{}
	}
	var started []running
	for _, s := range list {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{s, stop, make(chan struct{})}
		started = append(started, r)
		go func() {
			defer close(r.done)
			if err := s.run(own); err != nil {
				ended <- fmt.Errorf("%s: %w", s.name, err)
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
		log.Debug("stopped", "service", started[i].name)
	}
	for len(ended) > 0 {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}
