package notice

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// Announcement is what the outside is about to be told of a feed.
type Announcement struct {
	Feed     string
	ID       string // of the event, the same however often it is told
	Position Position
	Update   event.Update
	At       time.Time // when the content changed
}

// Order is the place of the announcement among those of its feed.
func (a Announcement) Order() outbox.Order {
	p := a.Position
	return outbox.Order{Epoch: nanoseconds(p.Epoch), Revision: p.Revision, Passed: nanoseconds(p.Passed)}
}

// nanoseconds are those since 1970; no instant at all is 0.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
