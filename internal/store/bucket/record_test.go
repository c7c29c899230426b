package bucket_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

type note struct {
	Format int    `json:"format"`
	Text   string `json:"text"`
}

func TestARecordIsLoadedAndReplaced(t *testing.T) {
	b := brokertest.Start(t)
	if _, err := b.Bucket(t.Context(), "notes"); err != nil {
		t.Fatal(err)
	}
	kv, err := b.JetStream().KeyValue(t.Context(), b.Name("notes"))
	if err != nil {
		t.Fatal(err)
	}
	var n note
	if e, err := bucket.Load(t.Context(), kv, "one", 1, &n); err != nil || e.Revision != 0 {
		t.Errorf("of what is not there: %+v, %v", e, err)
	}
	first, err := bucket.Store(t.Context(), kv, "one", note{1, "first"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Store(t.Context(), kv, "one", note{1, "again"}, 0); !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("made twice: %v", err)
	}
	second, err := bucket.Store(t.Context(), kv, "one", note{1, "second"}, first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Store(t.Context(), kv, "one", note{1, "late"}, first); !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("replaced what was replaced: %v", err)
	}
	e, err := bucket.Load(t.Context(), kv, "one", 1, &n)
	if err != nil || n.Text != "second" || e.Revision != second || e.Format != 1 || e.Stored.IsZero() {
		t.Errorf("loaded %+v, %+v, %v", n, e, err)
	}

	if _, err := bucket.Store(t.Context(), kv, "one", map[string]any{"format": 2, "text": []int{1}}, second); err != nil {
		t.Fatal(err)
	}
	n = note{}
	if e, err := bucket.Load(t.Context(), kv, "one", 1, &n); err != nil || e.Format != 2 || n != (note{}) {
		t.Errorf("of a newer release: %+v, %+v, %v", n, e, err)
	}
	if _, err := kv.Put(t.Context(), "one", []byte("?")); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Load(t.Context(), kv, "one", 1, &n); err == nil {
		t.Error("no error of what is no JSON")
	}
	if err := kv.Delete(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Store(t.Context(), kv, "one", note{1, "anew"}, 0); err != nil {
		t.Errorf("where one was deleted: %v", err)
	}
}

type failing struct{}

func (*failing) UnmarshalJSON([]byte) error { panic("of no use") }

func TestARecordAtWhichTheProgramFailsIsAnError(t *testing.T) {
	if _, err := bucket.Decode([]byte(`{"format":1}`), 1, &failing{}); err == nil || !strings.Contains(err.Error(), "a bug of gallerywire, report it: of no use") {
		t.Errorf("error %v", err)
	}
}
