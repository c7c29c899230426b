package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/go-json-experiment/json"
)

// Publish sends one event and returns when it is stored.
type Publish func(ctx context.Context, kind event.Kind, data []byte) error

// Play publishes the samples, then a step every so often, until ctx ends. It
// calls say with a line for each.
func (s *Studio) Play(ctx context.Context, every time.Duration, publish Publish, say func(string)) error {
	galleries, err := s.Galleries()
	if err != nil {
		return err
	}
	for i := len(galleries) - 1; i >= 0; i-- {
		step := Step{Gallery: &galleries[i], Says: fmt.Sprintf("%s, %d slides", galleries[i].ID, len(galleries[i].Slides))}
		if err := step.publish(ctx, s.start, publish, say); err != nil {
			return err
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case at := <-tick.C:
			step, err := s.Next(n, at)
			if err != nil {
				return err
			}
			if err := step.publish(ctx, at, publish, say); err != nil {
				return err
			}
		}
	}
}

func (step Step) publish(ctx context.Context, at time.Time, publish Publish, say func(string)) error {
	kind, data, err := step.encode(at)
	if err != nil {
		return err
	}
	if err := publish(ctx, kind, data); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("publish the sample: %w", err)
	}
	say(step.Says)
	return nil
}

func (step Step) encode(at time.Time) (event.Kind, []byte, error) {
	if step.Gallery == nil {
		data, err := json.Marshal(event.TakeDown{ID: step.TakeDown, Updated: at.UTC()})
		return event.Unpublished, data, err
	}
	data, err := json.Marshal(step.Gallery)
	return event.Published, data, err
}
