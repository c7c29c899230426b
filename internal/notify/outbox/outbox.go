// Package outbox is a durable work queue of notices, keyed by channel and target.
//
// A notice is stored before any of it is sent, is sent by any node, and is forgotten
// only when it was sent. Targets fall into shards by their endpoint; one node at a time
// works on a shard, which it has leased, so that one delivery at a time goes to an
// endpoint. A notice is one record in each shard that has a target of it, however many
// those are. A target that fails or is slow gets a record of its own, a retry, which is
// tried again with a growing delay until it becomes a dead letter: no other waits for it.
//
// A newer notice about the same replaces one that is pending. A crash at any moment
// loses nothing: what was in flight is sent again, with the same id. Targets may drop
// a notice with an id that they have seen: another content never has the same id, see
// [Notice.DeliveryID].
//
// What a notice says and how it is sent are left to the channel.
package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Notice is a message to the targets of a channel.
type Notice struct {
	Channel string    `json:"channel"`
	About   string    `json:"about"` // a newer notice about the same replaces one that is pending
	ID      string    `json:"id"`    // the same however often it is stored
	Order   Order     `json:"order"`
	At      time.Time `json:"at"`              // when the change happened
	Data    []byte    `json:"data,omitzero"`   // the channel's own
	Merged  bool      `json:"merged,omitzero"` // Data includes that of older notices
	To      string    `json:"-"`               // for Pack: the key of the only target; empty: all
}

// DeliveryID identifies what the targets of n are sent, for channels that send an id:
// a target may drop a notice with an id that it has seen. It is ID, or made of ID and Data
// where Data was merged.
func (n Notice) DeliveryID() string {
	if !n.Merged {
		return n.ID
	}
	return shortHash(n.ID, string(n.Data))
}

// Order says which of two notices about the same is newer. The zero Order is
// newer than any that is pending.
type Order struct {
	Epoch    int64  `json:"epoch,omitzero"`    // instants in Unix nanoseconds
	Revision uint64 `json:"revision,omitzero"` // of one epoch
	Passed   int64  `json:"passed,omitzero"`   // of one revision
}

// Compare orders by Epoch, Revision and Passed.
func (o Order) Compare(p Order) int {
	return cmp.Or(cmp.Compare(o.Epoch, p.Epoch), cmp.Compare(o.Revision, p.Revision), cmp.Compare(o.Passed, p.Passed))
}

// Target is one receiver of a notice.
type Target struct {
	Key      string // identifies it within its channel: 1 to 80 of A-Za-z0-9_-
	Name     string // for people, in logs and lists; without secrets
	Endpoint string // one delivery at a time goes to an endpoint, of all channels
	Host     string // to which a bounded number of deliveries goes at a time
}

// Channel is a way to send notices.
type Channel interface {
	// Targets calls yield with each target of n once, until yield returns false.
	Targets(n Notice, yield func(Target) bool)
	// Target finds the target with that key. One that is not found is no longer sent
	// anything: its retries are forgotten.
	Target(n Notice, key string) (Target, bool)
	// Merge returns what is sent to a target that has not had old when n, which is not
	// older, comes: n itself where it includes everything. Its ID and Order must be
	// those of n, which may include old already: that is to be included once.
	Merge(old, n Notice) Notice
	// Pack makes the payload for all targets, or for n.To only. It may wait, as for an index that
	// lags; its error means that n is tried again later as a whole, unless it is
	// [Final]: then each target becomes a dead letter.
	Pack(ctx context.Context, n Notice) (Payload, error)
}

// Payload is a notice ready to be sent. It is safe for concurrent use.
type Payload interface {
	// Version identifies the content: a target that certainly has the same from the
	// payload before is not sent it again. Empty: always send.
	Version() string
	// Send delivers to one target and returns when it was accepted. An error is
	// tried again, unless it is [Final]; see also [RetryError]. Errors hold no secrets.
	Send(ctx context.Context, to Target) error
}

// ErrFinal is wrapped by the errors of [Final].
var ErrFinal = errors.New("not tried again")

// Final marks an error after which a delivery is not tried again: it becomes a
// dead letter at once.
func Final(err error) error { return fmt.Errorf("%w: %w", err, ErrFinal) }

// RetryError is an error of a target that says when to try again.
type RetryError struct {
	After time.Duration // a Retry-After header
	Err   error
}

// Error is that of Err.
func (l *RetryError) Error() string { return l.Err.Error() }

// Unwrap returns Err.
func (l *RetryError) Unwrap() error { return l.Err }
