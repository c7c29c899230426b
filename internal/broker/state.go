package broker

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamState is what the server says of a stream.
type StreamState struct {
	There bool   // there is such a stream
	Last  uint64 // sequence of the newest message that it ever held
	Lost  int    // messages that the server found to be damaged since it started
}

// StreamState asks the server for the state of the stream with that name, and makes
// none. It blocks for one round trip and fails while NATS is away.
func (b *Broker) StreamState(ctx context.Context, name string) (StreamState, error) {
	answer, err := b.link.conn.RequestWithContext(ctx, "$JS.API.STREAM.INFO."+name, nil)
	if err != nil {
		return StreamState{}, fmt.Errorf("stream %s: %w", name, plain(err))
	}
	// The client does not tell what is lost.
	var info struct {
		Error *jetstream.APIError `json:"error"`
		State struct {
			Last uint64 `json:"last_seq"`
			Lost *struct {
				Messages []uint64 `json:"msgs"`
			} `json:"lost"`
		} `json:"state"`
	}
	if err := json.Unmarshal(answer.Data, &info); err != nil {
		return StreamState{}, fmt.Errorf("stream %s: %w", name, err)
	}
	switch {
	case info.Error != nil && info.Error.ErrorCode == jetstream.JSErrCodeStreamNotFound:
		return StreamState{}, nil
	case info.Error != nil:
		return StreamState{}, fmt.Errorf("stream %s: %w", name, info.Error)
	}
	state := StreamState{There: true, Last: info.State.Last}
	if info.State.Lost != nil {
		state.Lost = len(info.State.Lost.Messages)
	}
	return state, nil
}
