package intake

import (
	"context"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// StreamState is streamState for the tests.
type StreamState struct{ First, Reached, Delivered, Waiting uint64 }

// Dropped is how many events the stream dropped between the two.
func Dropped(before, now StreamState, exact bool) uint64 {
	return now.in().dropped(before.in(), exact)
}

func (s StreamState) in() streamState {
	return streamState{first: s.First, reached: s.Reached, delivered: s.Delivered, waiting: s.Waiting}
}

// Add keeps an event as an intake does that rejects it.
func (r *Rejects) Add(ctx context.Context, m event.Message, sequence uint64, problems gallery.Problems) (number uint64, err error) {
	m.Sequence = sequence
	kept, err := r.add(ctx, rejection{message: m, problems: problems})
	return kept.Number, err
}
