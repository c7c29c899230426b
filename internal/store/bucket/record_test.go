package bucket_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// open returns the bucket of things, which nobody follows.
func open(b *broker.Broker) *bucket.Bucket {
	return bucket.New(bucket.Options{
		JetStream: b.JetStream(),
		Bucket:    b.Name("things"),
		Open:      func(ctx context.Context) (jetstream.Stream, error) { return b.Bucket(ctx, "things") },
		Reconnect: b.OnReconnect,
		Logger:    slog.New(slog.DiscardHandler),
	})
}

type note struct {
	Format int    `json:"format"`
	Text   string `json:"text"`
}

// load returns the note at the key "one".
func load(t *testing.T, b *bucket.Bucket) (bucket.Record, note, int) {
	t.Helper()
	r, err := b.Get(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	var n note
	format, err := r.Decode(1, &n)
	if err != nil {
		t.Fatal(err)
	}
	return r, n, format
}

func TestRecordIsStoredAndDecoded(t *testing.T) {
	t.Parallel()
	things := open(brokertest.Start(t))
	if r, _, _ := load(t, things); r.Revision != 0 {
		t.Errorf("of no record: %+v", r)
	}
	first, err := things.Store(t.Context(), "one", note{1, "first"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := things.Store(t.Context(), "one", note{1, "again"}, 0); !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("made twice: %v", err)
	}
	second, err := things.Store(t.Context(), "one", note{1, "second"}, first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := things.Store(t.Context(), "one", note{1, "late"}, first); !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("replaced what was replaced: %v", err)
	}
	if r, n, format := load(t, things); n.Text != "second" || r.Revision != second || format != 1 || r.Stored.IsZero() {
		t.Errorf("loaded %+v, %+v", n, r)
	}
	newer, err := things.Store(t.Context(), "one", map[string]any{"format": 2, "text": []int{1}}, second)
	if err != nil {
		t.Fatal(err)
	}
	if _, n, format := load(t, things); format != 2 || n != (note{}) {
		t.Errorf("of a newer release: format %d, %+v", format, n)
	}
	damaged, err := things.Put(t.Context(), "one", []byte("?"), newer)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := things.Get(t.Context(), "one"); err != nil {
		t.Error(err)
	} else if _, err := r.Decode(1, &note{}); err == nil || !strings.Contains(err.Error(), "delete the key one") {
		t.Errorf("of a damaged record: %v", err)
	}
	if _, err := things.Delete(t.Context(), "one", damaged); err != nil {
		t.Fatal(err)
	}
	if _, err := things.Store(t.Context(), "one", note{1, "anew"}, 0); err != nil {
		t.Errorf("where one was deleted: %v", err)
	}
}

type failing struct{}

func (*failing) UnmarshalJSON([]byte) error { panic("of no use") }

func TestPanicOfDecodingIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := bucket.Decode([]byte(`{"format":1}`), 1, &failing{}); err == nil || !strings.Contains(err.Error(), "a bug of gallerywire, report it: of no use") {
		t.Errorf("error %v", err)
	}
}

func TestRevisionIsReadUntilItIsReplaced(t *testing.T) {
	t.Parallel()
	things := open(brokertest.Start(t))
	first, err := things.Write(t.Context(), bucket.Record{Key: "one", Header: nats.Header{"Kind": {"x"}}, Value: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := things.At(t.Context(), first); err != nil || r.Key != "one" || string(r.Value) != "1" || r.Header.Get("Kind") != "x" || r.Revision != first {
		t.Errorf("read %+v, %v", r, err)
	}
	if _, err := things.Put(t.Context(), "one", []byte("2"), first); err != nil {
		t.Fatal(err)
	}
	if r, err := things.At(t.Context(), first); err != nil || r.Revision != 0 {
		t.Errorf("replaced, but read %+v, %v", r, err)
	}
}

func TestAmendIsRepeatedAfterAConflict(t *testing.T) {
	t.Parallel()
	things := open(brokertest.Start(t))
	var seen []string
	revision, err := things.Amend(t.Context(), "one", func(r bucket.Record) ([]byte, error) {
		seen = append(seen, string(r.Value))
		if len(seen) < 3 { // another writer is first
			if _, err := things.Put(t.Context(), "one", []byte{byte('0' + len(seen))}, r.Revision); err != nil {
				t.Fatal(err)
			}
		}
		return append(r.Value, '!'), nil
	})
	if got := strings.Join(seen, ","); err != nil || got != ",1,2" {
		t.Errorf("called with %q, %v", got, err)
	}
	r, err := things.Get(t.Context(), "one")
	if err != nil || string(r.Value) != "2!" || r.Revision != revision {
		t.Errorf("there is %+v, amended at %d, %v", r, revision, err)
	}
	same, err := things.Amend(t.Context(), "one", func(bucket.Record) ([]byte, error) { return nil, bucket.ErrKeep })
	if err != nil || same != revision {
		t.Errorf("kept as it was: revision %d, %v", same, err)
	}
	refused := errors.New("refused")
	if _, err := things.Amend(t.Context(), "one", func(bucket.Record) ([]byte, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
	for range 2 { // the second time there is none
		if _, err := things.Amend(t.Context(), "one", func(bucket.Record) ([]byte, error) { return nil, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := things.Get(t.Context(), "one"); err != nil || r.Value != nil || r.Revision != revision+1 {
		t.Errorf("after its deletion %+v, %v", r, err)
	}
}

func TestAmendGivesUpAfterManyConflicts(t *testing.T) {
	t.Parallel()
	things := open(brokertest.Start(t))
	calls := 0
	_, err := things.Amend(t.Context(), "one", func(r bucket.Record) ([]byte, error) {
		calls++
		if _, err := things.Put(t.Context(), "one", []byte{byte(calls)}, r.Revision); err != nil {
			t.Fatal(err)
		}
		return []byte("mine"), nil
	})
	if !errors.Is(err, bucket.ErrConflict) || calls != 16 {
		t.Errorf("%d calls, error %v", calls, err)
	}
}

// The first use of a bucket that somebody deleted fails, and the next one makes it.
func TestDeletedBucketIsMadeByTheSecondUse(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(context.Context, *bucket.Bucket) error{
		"get": func(ctx context.Context, b *bucket.Bucket) error {
			_, err := b.Get(ctx, "key")
			return err
		},
		"put": func(ctx context.Context, b *bucket.Bucket) error {
			_, err := b.Put(ctx, "key", nil, 0)
			return err
		},
		"delete": func(ctx context.Context, b *bucket.Bucket) error {
			_, err := b.Delete(ctx, "key", 0)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := brokertest.Start(t)
			things := open(b)
			if err := use(t.Context(), things); err != nil {
				t.Fatal(err)
			}
			if err := b.JetStream().DeleteKeyValue(t.Context(), b.Name("things")); err != nil {
				t.Fatal(err)
			}
			if err := use(t.Context(), things); err == nil {
				t.Fatal("no error of a bucket that is not there")
			}
			if err := use(t.Context(), things); err != nil {
				t.Fatal(err)
			}
		})
	}
}
