package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// buckets are those that are open. Opening one asks the server twice, which a
// sweep over thousands of feeds must not do for each.
type buckets struct {
	mu   sync.Mutex
	open map[string]*handle
}

// handle is one of them. It is forgotten after an error that is not about the key:
// it may be there no more, and is then made anew when it is opened next.
type handle struct {
	jetstream.KeyValue
	forget func(*handle)
}

// keyValue returns a handle of ours, making it when missing. It is to be asked for
// anew for each piece of work, and not to be kept.
func (a *App) keyValue(ctx context.Context, name string) (jetstream.KeyValue, error) {
	if b := a.buckets.get(name); b != nil {
		return b, nil
	}
	if _, err := a.broker.Bucket(ctx, name); err != nil {
		return nil, err
	}
	kv, err := a.broker.JetStream().KeyValue(ctx, a.broker.Name(name))
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", name, err)
	}
	return a.buckets.keep(name, kv), nil
}

func (b *buckets) get(name string) *handle {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open[name]
}

func (b *buckets) keep(name string, kv jetstream.KeyValue) *handle {
	opened := &handle{KeyValue: kv, forget: func(of *handle) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.open[name] == of {
			delete(b.open, name)
		}
	}}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = map[string]*handle{}
	}
	b.open[name] = opened
	return opened
}

// forget has every handle opened anew, and so looked at whether it is as it must
// be: after a connection is made it may be another server's.
func (b *buckets) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.open)
}

// judge returns err.
func (b *handle) judge(err error) error {
	for _, aboutTheKey := range []error{jetstream.ErrKeyNotFound, jetstream.ErrKeyDeleted, jetstream.ErrKeyExists, jetstream.ErrKeyRevisionMismatch} {
		if errors.Is(err, aboutTheKey) {
			return err
		}
	}
	if err != nil {
		b.forget(b)
	}
	return err
}

// Get implements [jetstream.KeyValue].
func (b *handle) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	entry, err := b.KeyValue.Get(ctx, key)
	return entry, b.judge(err)
}

// Put implements [jetstream.KeyValue].
func (b *handle) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	revision, err := b.KeyValue.Put(ctx, key, value)
	return revision, b.judge(err)
}

// Create implements [jetstream.KeyValue].
func (b *handle) Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error) {
	revision, err := b.KeyValue.Create(ctx, key, value, opts...)
	return revision, b.judge(err)
}

// Update implements [jetstream.KeyValue].
func (b *handle) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	next, err := b.KeyValue.Update(ctx, key, value, revision)
	return next, b.judge(err)
}

// Delete implements [jetstream.KeyValue].
func (b *handle) Delete(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	return b.judge(b.KeyValue.Delete(ctx, key, opts...))
}
