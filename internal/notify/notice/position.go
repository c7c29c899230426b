package notice

import (
	"cmp"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// Position is how much a snapshot takes account of. Positions are ordered.
type Position struct {
	Epoch    time.Time `json:"epoch"`    // when the bucket of galleries was made
	Revision uint64    `json:"revision"` // the newest of its records
	Passed   time.Time `json:"passed"`   // the newest embargo or expiry that has passed
}

// compare orders positions by Epoch, Revision and Passed.
func (p Position) compare(o Position) int {
	return cmp.Or(p.Epoch.Compare(o.Epoch), cmp.Compare(p.Revision, o.Revision), p.Passed.Compare(o.Passed))
}

// covers reports whether p takes account of everything that o does.
func (p Position) covers(o Position) bool {
	return p.Epoch.Equal(o.Epoch) && p.Revision >= o.Revision && !p.Passed.Before(o.Passed)
}

// join returns the position that takes account of what p does, and of what o does
// of the same bucket.
func (p Position) join(o Position) Position {
	if p.Epoch.Equal(o.Epoch) {
		p.Revision = max(p.Revision, o.Revision)
		if o.Passed.After(p.Passed) {
			p.Passed = o.Passed
		}
	}
	return p
}

// Order is the place of the position among those of a feed's notices.
func (p Position) Order() outbox.Order {
	return outbox.Order{Epoch: nanoseconds(p.Epoch), Revision: p.Revision, Passed: nanoseconds(p.Passed)}
}

// nanoseconds since 1970; 0 for the zero time.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
