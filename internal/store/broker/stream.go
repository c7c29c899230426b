package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Error codes of the server that the client has no name for.
const (
	codeConsumerCreate  jetstream.ErrorCode = 10012
	codeNoSpace         jetstream.ErrorCode = 10047
	codeSubjectsOverlap jetstream.ErrorCode = 10065
	codeQueueTakenWhole jetstream.ErrorCode = 10099
	codeQueueTaken      jetstream.ErrorCode = 10100
)

// Stream returns the stream of ours with cfg.Name (see [Broker.Name]) and makes
// it from cfg when there is none; Replicas, when 0, are those of the options.
// One that is there is used as it is, unless its subjects, retention or storage
// cannot do what cfg asks for, which is an error. It blocks for a few round
// trips and fails while NATS is away; it can be repeated.
func (b *Broker) Stream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	if cfg.Replicas == 0 {
		cfg.Replicas = b.replicas
	}
	s, err := b.js.Stream(ctx, cfg.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = b.createStream(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", cfg.Name, plain(err))
	}
	got := s.CachedInfo().Config
	b.warnReplicas(got)
	if err := checkStream(got, cfg); err != nil {
		return nil, err
	}
	return s, nil
}

// StreamState is the state of a stream as the server reports it. Its count of lost
// messages is left out: after a crash nats-server 2.15 counts messages that were
// consumed before, and does not count those in the damaged end of a file.
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

// leastReserved is the smallest size limit of a stream that gets less than it
// asks for.
const leastReserved = 1 << 20

// createStream makes the stream, or takes the one that another process made
// meanwhile. The server reserves max_bytes on the disk; where it has less
// to give, the stream gets a part of that and a warning says so.
func (b *Broker) createStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	wanted := cfg.MaxBytes
	s, err := b.js.CreateStream(ctx, cfg)
	for isCode(err, codeNoSpace) && cfg.MaxBytes > leastReserved {
		cfg.MaxBytes = max(min(cfg.MaxBytes, b.unreserved())/2, leastReserved) // half: others come after it
		s, err = b.js.CreateStream(ctx, cfg)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return b.js.Stream(ctx, cfg.Name)
	}
	if isCode(err, codeSubjectsOverlap) {
		holders, lookErr := b.holders(ctx, cfg.Subjects)
		if lookErr != nil {
			return nil, errors.Join(err, lookErr)
		}
		return nil, fmt.Errorf("make stream %s: %w: %w", cfg.Name, spread(holders), err)
	}
	if err != nil {
		return nil, fmt.Errorf("make stream %s: %w", cfg.Name, noRoom(err))
	}
	if cfg.MaxBytes != wanted {
		b.log.Warn("the disk has less room than the stream should have: the stream is smaller, make room on the disk",
			"stream", cfg.Name, "max_bytes", cfg.MaxBytes, "wanted", wanted)
	}
	return s, nil
}

// noRoom adds to the error of a server without room what to do.
func noRoom(err error) error {
	if isCode(err, codeNoSpace) {
		return fmt.Errorf("nats has no room on its disk: make room there, then restart nats, which is this process when it is embedded: %w", err)
	}
	return err
}

// unreserved is how much of its disk the embedded server has not promised to
// streams yet, and the largest number where that is not known.
func (b *Broker) unreserved() int64 {
	info := b.serverInfo()
	if info == nil {
		return math.MaxInt64
	}
	return info.Config.MaxStore - int64(info.ReservedStore)
}

func checkStream(got, want jetstream.StreamConfig) error {
	return unfit("stream "+got.Name, []rule{
		sealed(got), coverage(got, want.Subjects),
		{got.NoAck, "no_ack", "true", "must be false"},
		{got.Retention != want.Retention, "retention", word(got.Retention), "must be " + word(want.Retention)},
		{got.Storage != want.Storage, "storage", word(got.Storage), "must be " + word(want.Storage)},
		{want.Discard == jetstream.DiscardNew && got.Discard != want.Discard, "discard", word(got.Discard), "must be " + word(want.Discard)},
	})
}

// word is how the value of a setting is written for the server and its tools.
func word(value json.Marshaler) string {
	text, err := value.MarshalJSON()
	if err != nil {
		return fmt.Sprint(value)
	}
	return strings.Trim(string(text), `"`)
}

// rule is a requirement of a setting: whether it is broken, the value and the requirement.
type rule struct {
	broken            bool
	setting, is, must string
}

// unfit joins the broken rules to one error about what; none, no error.
func unfit(what string, rules []rule) error {
	var each []string
	for _, r := range rules {
		if r.broken {
			each = append(each, fmt.Sprintf("%s is %s, it %s", r.setting, r.is, r.must))
		}
	}
	if len(each) == 0 {
		return nil
	}
	return fmt.Errorf("%s cannot be used: %s", what, strings.Join(each, "; "))
}

func sealed(got jetstream.StreamConfig) rule {
	return rule{got.Sealed, "sealed", "true", "must be false"}
}

func coverage(got jetstream.StreamConfig, subjects []string) rule {
	missed := uncovered(subjects, got.Subjects)
	return rule{len(missed) > 0, "subjects", strings.Join(got.Subjects, ", "), "must take in " + strings.Join(missed, ", ")}
}

func (b *Broker) warnReplicas(got jetstream.StreamConfig) {
	if got.Replicas < b.replicas {
		b.log.Warn("the stream has fewer replicas than configured: change it with nats stream edit",
			"stream", got.Name, "replicas", got.Replicas, "configured", b.replicas)
	}
}

func isCode(err error, codes ...jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode)
}
