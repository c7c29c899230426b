package app

import (
	"context"
	"errors"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go/jetstream"
)

func openBucket(t *testing.T, a *App) jetstream.KeyValue {
	t.Helper()
	kv, err := a.keyValue(t.Context(), bucketNotices)
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

func TestABucketIsOpenedOnce(t *testing.T) {
	a := &App{broker: brokertest.Start(t)}
	first := openBucket(t, a)
	_, missing := first.Get(t.Context(), "none")
	revision, err := first.Create(t.Context(), "key", []byte("value"))
	_, exists := first.Create(t.Context(), "key", []byte("value"))
	_, mismatch := first.Update(t.Context(), "key", []byte("value"), revision+1)
	stale := first.Delete(t.Context(), "key", jetstream.LastRevision(revision+1))
	for got, want := range map[error]error{
		missing: jetstream.ErrKeyNotFound, exists: jetstream.ErrKeyExists, mismatch: jetstream.ErrKeyRevisionMismatch, stale: jetstream.ErrKeyRevisionMismatch,
	} {
		if !errors.Is(got, want) {
			t.Errorf("error %v, want %v", got, want)
		}
	}
	if again := openBucket(t, a); err != nil || again != first {
		t.Errorf("opened anew after errors that are about the key; %v", err)
	}
	if other, err := a.keyValue(t.Context(), bucketDigests); err != nil || other == first {
		t.Errorf("another bucket is the same; %v", err)
	}
	a.buckets.forget()
	if again := openBucket(t, a); again == first {
		t.Error("not opened anew after a connection was made")
	}
}

// Whatever is done first with a bucket that somebody deleted fails, and finds it
// made anew when it is repeated.
func TestABucketThatIsDeletedIsMadeAnew(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(context.Context, jetstream.KeyValue) error{
		"get": func(ctx context.Context, kv jetstream.KeyValue) error {
			if _, err := kv.Get(ctx, "key"); !errors.Is(err, jetstream.ErrKeyNotFound) {
				return err
			}
			return nil
		},
		"put": func(ctx context.Context, kv jetstream.KeyValue) error {
			_, err := kv.Put(ctx, "key", nil)
			return err
		},
		"create": func(ctx context.Context, kv jetstream.KeyValue) error {
			_, err := kv.Create(ctx, "key", nil)
			return err
		},
		"update": func(ctx context.Context, kv jetstream.KeyValue) error {
			_, err := kv.Update(ctx, "key", nil, 0)
			return err
		},
		"delete": func(ctx context.Context, kv jetstream.KeyValue) error { return kv.Delete(ctx, "key") },
	} {
		t.Run(name, func(t *testing.T) {
			a := &App{broker: brokertest.Start(t)}
			if err := use(t.Context(), openBucket(t, a)); err != nil {
				t.Fatal(err)
			}
			if err := a.broker.JetStream().DeleteKeyValue(t.Context(), a.broker.Name(bucketNotices)); err != nil {
				t.Fatal(err)
			}
			if err := use(t.Context(), openBucket(t, a)); err == nil {
				t.Fatal("no error of a bucket that is not there")
			}
			if err := use(t.Context(), openBucket(t, a)); err != nil {
				t.Fatal(err)
			}
		})
	}
}
