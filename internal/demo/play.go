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

// Play publishes the samples, then a step at every interval, until ctx ends.
// It calls say with a line for each.
func (c *CMS) Play(ctx context.Context, every time.Duration, publish Publish, say func(string)) error {
	galleries := c.Galleries()
	for i := len(galleries) - 1; i >= 0; i-- {
		g := &galleries[i]
		step := Step{Gallery: g, Says: fmt.Sprintf("%s, %d slides", g.ID, len(g.Slides))}
		if err := step.publish(ctx, c.start, publish, say); err != nil {
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
			step, err := c.Next(n, at)
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
	kind, content := event.Published, any(step.Gallery)
	if step.Gallery == nil {
		kind, content = event.Unpublished, event.TakeDown{ID: step.TakeDown, Updated: at.UTC()}
	}
	data, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode the sample: %w", err)
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
