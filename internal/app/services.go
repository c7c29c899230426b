package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
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

const (
	readyCheck = 20 * time.Millisecond
	retryLeast = 100 * time.Millisecond
	retryMost  = 5 * time.Second
)

// until waits until ready has no error; it is false when ctx ended before.
func until(ctx context.Context, ready func() error) bool {
	tick := time.NewTicker(readyCheck)
	defer tick.Stop()
	for ready() != nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// retry calls try, with growing pauses, until it has no error; it is false when ctx ended
// before. failed is called with each error and the pause after it.
func retry(ctx context.Context, try func() error, failed func(error, time.Duration)) bool {
	for pause := retryLeast; ; pause = min(2*pause, retryMost) {
		err := try()
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		failed(err, pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
	}
}
