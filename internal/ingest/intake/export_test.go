package intake

import (
	"context"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Position is position for the tests.
type Position struct{ First, Reached, Handed, Waiting uint64 }

// Dropped is what the stream dropped between the two.
func Dropped(before, now Position, exact bool) uint64 {
	return now.in().dropped(before.in(), exact)
}

func (p Position) in() position {
	return position{first: p.First, reached: p.Reached, handed: p.Handed, waiting: p.Waiting}
}

// Add keeps an event as an intake does that rejects it.
func (r *Rejects) Add(ctx context.Context, m event.Message, sequence uint64, problems gallery.Problems) (number uint64, err error) {
	kept, err := r.add(ctx, rejection{message: m, sequence: sequence, problems: problems})
	return kept.Number, err
}
