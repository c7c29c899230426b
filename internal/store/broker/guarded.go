package broker

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// guardedJetStream ends a request that waits for a right that is missing, and so do
// the streams that it returns.
type guardedJetStream struct {
	jetstream.JetStream
	link *link
}

func (g guardedJetStream) stream(ctx context.Context, name string, do func(context.Context) (jetstream.Stream, error)) (jetstream.Stream, error) {
	names := []string{name}
	s, err := guarded(ctx, g.link, names, do)
	if err != nil {
		return nil, err
	}
	return guardedStream{s, g.link, names}, nil
}

func (g guardedJetStream) Stream(ctx context.Context, name string) (jetstream.Stream, error) {
	return g.stream(ctx, name, func(ctx context.Context) (jetstream.Stream, error) { return g.JetStream.Stream(ctx, name) })
}

func (g guardedJetStream) CreateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return g.stream(ctx, cfg.Name, func(ctx context.Context) (jetstream.Stream, error) { return g.JetStream.CreateStream(ctx, cfg) })
}

func (g guardedJetStream) UpdateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	return g.stream(ctx, cfg.Name, func(ctx context.Context) (jetstream.Stream, error) { return g.JetStream.UpdateStream(ctx, cfg) })
}

func (g guardedJetStream) Publish(ctx context.Context, subject string, data []byte, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return g.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: data}, opts...)
}

func (g guardedJetStream) PublishMsg(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return guarded(ctx, g.link, []string{msg.Subject}, func(ctx context.Context) (*jetstream.PubAck, error) { return g.JetStream.PublishMsg(ctx, msg, opts...) })
}

func (g guardedJetStream) CreateKeyValue(ctx context.Context, cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	return guarded(ctx, g.link, []string{cfg.Bucket, "KV_" + cfg.Bucket}, func(ctx context.Context) (jetstream.KeyValue, error) {
		return g.JetStream.CreateKeyValue(ctx, cfg)
	})
}

// guardedStream is a stream of a guardedJetStream.
type guardedStream struct {
	jetstream.Stream
	link  *link
	names []string
}

func (s guardedStream) Info(ctx context.Context, opts ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	return guarded(ctx, s.link, s.names, func(ctx context.Context) (*jetstream.StreamInfo, error) { return s.Stream.Info(ctx, opts...) })
}

func (s guardedStream) GetMsg(ctx context.Context, seq uint64, opts ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	return guarded(ctx, s.link, s.names, func(ctx context.Context) (*jetstream.RawStreamMsg, error) { return s.Stream.GetMsg(ctx, seq, opts...) })
}

func (s guardedStream) GetLastMsgForSubject(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	return guarded(ctx, s.link, s.names, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		return s.Stream.GetLastMsgForSubject(ctx, subject)
	})
}

func (s guardedStream) DeleteMsg(ctx context.Context, seq uint64) error {
	_, err := guarded(ctx, s.link, s.names, done(func(ctx context.Context) error { return s.Stream.DeleteMsg(ctx, seq) }))
	return err
}

func (s guardedStream) Purge(ctx context.Context, opts ...jetstream.StreamPurgeOpt) error {
	_, err := guarded(ctx, s.link, s.names, done(func(ctx context.Context) error { return s.Stream.Purge(ctx, opts...) }))
	return err
}

func (s guardedStream) Consumer(ctx context.Context, name string) (jetstream.Consumer, error) {
	return guarded(ctx, s.link, s.names, func(ctx context.Context) (jetstream.Consumer, error) { return s.Stream.Consumer(ctx, name) })
}

func (s guardedStream) CreateConsumer(ctx context.Context, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return guarded(ctx, s.link, s.names, func(ctx context.Context) (jetstream.Consumer, error) { return s.Stream.CreateConsumer(ctx, cfg) })
}

func (s guardedStream) OrderedConsumer(ctx context.Context, cfg jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	return guarded(ctx, s.link, s.names, func(ctx context.Context) (jetstream.Consumer, error) { return s.Stream.OrderedConsumer(ctx, cfg) })
}
