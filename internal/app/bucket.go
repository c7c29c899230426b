package app

import (
	"context"
	"log/slog"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go/jetstream"
)

// bucket returns a bucket of ours that nobody follows.
func (a *App) bucket(name string) *bucket.Bucket {
	return bucket.New(bucketOptions(a.broker, name, a.log))
}

// bucketOptions are those of a bucket of ours.
func bucketOptions(b *broker.Broker, name string, log *slog.Logger) bucket.Options {
	return bucket.Options{
		JetStream: b.JetStream(),
		Bucket:    b.Name(name),
		Open:      func(ctx context.Context) (jetstream.Stream, error) { return b.Bucket(ctx, name) },
		Reconnect: b.OnReconnect,
		Logger:    log,
	}
}
