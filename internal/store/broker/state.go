package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamState is what the server says of a stream. What it calls lost is not part of
// it: after a crash nats-server 2.15 counts messages so that were taken before, and
// does not count those that it cuts off with a damaged end of a file.
type StreamState struct {
	There bool   // there is such a stream
	Last  uint64 // sequence of the newest message that it ever held
}

// StreamState asks the server for the state of the stream with that name, and makes
// none. It blocks for one round trip and fails while NATS is away.
func (b *Broker) StreamState(ctx context.Context, name string) (StreamState, error) {
	stream, err := b.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return StreamState{}, nil
	}
	if err != nil {
		return StreamState{}, fmt.Errorf("stream %s: %w", name, plain(err))
	}
	return StreamState{There: true, Last: stream.CachedInfo().State.LastSeq}, nil
}
