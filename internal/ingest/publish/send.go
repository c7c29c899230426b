package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
)

// Receipt is the service's acknowledgement.
type Receipt struct {
	Item     Item
	Stream   string
	Sequence uint64
	Err      error
}

// EndError ends a run: no other event would be stored either.
type EndError struct {
	Why, Next string // what happened, and what to do about it
	Open      bool   // the event may be stored or not
}

// Error returns both.
func (e *EndError) Error() string { return e.Why + ": " + e.Next }

// way is how events reach the service.
type way interface {
	// start begins to send the item, and returns what waits for its receipt. There is no
	// use in sending more once a receipt had, or will have, an [*EndError].
	start(ctx context.Context, item Item) (receipt func() Receipt, more bool)
}

// Sender sends events, over NATS or HTTP. Its methods are not for concurrent use.
type Sender struct {
	way    way
	window int // how many events may be in flight at once
	bytes  int // with so many bytes in flight it waits before it sends more
}

// Send sends the items and calls done with each one's receipt, in their order. An item
// with a fault is not sent; its receipt has the fault. Send returns early only when ctx
// ends, or with an [*EndError]; the receipts of items in flight that are not acknowledged
// then have that error.
func (s *Sender) Send(ctx context.Context, items iter.Seq[Item], done func(Receipt)) error {
	var queue []func() Receipt
	var gone error   // an EndError
	var inFlight int // bytes
	settle := func() {
		r := queue[0]()
		if end, ok := errors.AsType[*EndError](r.Err); ok {
			gone = cmp.Or(gone, error(end))
		}
		done(r)
		queue, inFlight = queue[1:], inFlight-len(r.Item.Data)
	}
	for item := range items {
		if ctx.Err() != nil {
			break
		}
		receipt, more := func() Receipt { return Receipt{Item: item, Err: item.Fault} }, true
		if item.Fault == nil {
			receipt, more = s.way.start(ctx, item)
		}
		queue, inFlight = append(queue, receipt), inFlight+len(item.Data)
		for len(queue) == s.window || inFlight >= s.bytes {
			settle()
		}
		if !more || gone != nil {
			break
		}
	}
	for len(queue) > 0 {
		settle()
	}
	return cmp.Or(ctx.Err(), gone)
}

func interrupted(ctx context.Context) error {
	return fmt.Errorf("it may be stored or not, send it again: %w", ctx.Err())
}
