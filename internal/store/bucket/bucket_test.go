package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// node follows a bucket and remembers its records.
type node struct {
	*bucket.Bucket
	t       *testing.T
	mu      sync.Mutex
	known   map[string]string
	resets  int
	ordered bool // every revision was higher than the one before it
	last    uint64
	later   time.Duration // how far its clock is ahead
}

func start(t *testing.T, b *broker.Broker) *node {
	t.Helper()
	n := &node{t: t, known: map[string]string{}, ordered: true}
	n.Bucket = bucket.New(bucket.Options{
		JetStream: b.JetStream(),
		Bucket:    b.Name("things"),
		Open:      func(ctx context.Context) (jetstream.Stream, error) { return b.Bucket(ctx, "things") },
		Apply:     n.apply,
		Reset:     n.reset,
		Reconnect: b.OnReconnect,
		Now:       func() time.Time { return time.Now().Add(n.later) },
		Logger:    slog.New(slog.DiscardHandler),
	})
	run(t, n.Bucket)
	storetest.Eventually(t, "the bucket is read", func() bool { return n.Ready() == nil })
	return n
}

func (n *node) apply(r bucket.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ordered = n.ordered && r.Revision > n.last
	n.last = r.Revision
	if r.Value == nil {
		delete(n.known, r.Key)
		return
	}
	n.known[r.Key] = string(r.Value)
}

func (n *node) reset(bucket.State) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known, n.last = map[string]string{}, 0
	n.resets++
}

func (n *node) all() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.known)
}

// put must succeed; the node knows of it then.
func (n *node) put(key, value string, revision uint64) uint64 {
	n.t.Helper()
	next, err := n.Put(n.t.Context(), key, []byte(value), revision)
	if err != nil {
		n.t.Fatalf("put %s: %v", key, err)
	}
	if err := n.Wait(n.t.Context(), next); err != nil {
		n.t.Fatal(err)
	}
	return next
}

func TestEveryNodeAppliesEveryRecordInOrder(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	early := start(t, b)
	var last uint64
	want := map[string]string{}
	for i := range 50 {
		key := fmt.Sprintf("thing.%d", i%20)
		there, err := early.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		last = early.put(key, fmt.Sprint(i), there.Revision)
		want[key] = fmt.Sprint(i)
	}
	late := start(t, b)
	for name, n := range map[string]*node{"early": early, "late": late} {
		if err := n.Wait(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, n.all()); diff != "" || !n.ordered {
			t.Errorf("%s: in order %v, knows (-want +got):\n%s", name, n.ordered, diff)
		}
	}
}

func TestOneOfManyWritersWins(t *testing.T) {
	t.Parallel()
	n := start(t, brokertest.Start(t))
	first := n.put("a", "1", 0)
	for name, revision := range map[string]uint64{"as if there were none": 0, "upon one that never was": first + 7} {
		if _, err := n.Put(t.Context(), "a", []byte("2"), revision); !errors.Is(err, bucket.ErrConflict) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	second := n.put("a", "2", first)
	if _, err := n.Delete(t.Context(), "a", first); !errors.Is(err, bucket.ErrConflict) {
		t.Errorf("deleting what was replaced: error %v", err)
	}
	if _, err := n.Delete(t.Context(), "a", second); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, "the record is gone", func() bool { return len(n.all()) == 0 })
	if r, err := n.Get(t.Context(), "a"); err != nil || r.Value != nil || r.Revision <= second {
		t.Errorf("a deleted record is %+v, %v", r, err)
	}
}

// A node that does not know of a deletion writes all the same.
func TestDeletedRecordCanBeWrittenAgain(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	n, other := start(t, b), start(t, b)
	for range 3 {
		revision := n.put("a", "1", 0)
		if _, err := other.Delete(t.Context(), "a", revision); err != nil {
			t.Fatal(err)
		}
	}
	n.put("a", "last", 0)
	if got := n.all()["a"]; got != "last" {
		t.Errorf("knows %q", got)
	}
}

func TestEmptyValueIsARecord(t *testing.T) {
	t.Parallel()
	n := start(t, brokertest.Start(t))
	n.put("a", "", 0)
	if r, err := n.Get(t.Context(), "a"); err != nil || r.Value == nil {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, known := n.all()["a"]; !known {
		t.Error("applied as deleted")
	}
}

func TestRecreatedBucketIsWrittenAnew(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	b, err := broker.Open(t.Context(), broker.Options{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	n := start(t, b)
	n.put("a", "1", 0)
	server.Restart()
	storetest.Eventually(t, "it writes after a restart", func() bool {
		_, err := n.Put(t.Context(), "b", []byte("2"), 0)
		return err == nil || errors.Is(err, bucket.ErrConflict)
	})
	storetest.Eventually(t, "it applies it", func() bool { return n.all()["b"] == "2" && n.all()["a"] == "1" })
	server.Wipe()
	server.Start()
	storetest.Eventually(t, "it forgets what is no longer there", func() bool { return len(n.all()) == 0 && n.Ready() == nil })
	n.put("c", "3", 0)
	if diff := cmp.Diff(map[string]string{"c": "3"}, n.all()); diff != "" {
		t.Errorf("knows (-want +got):\n%s", diff)
	}
}

func TestTidyForgetsOldMarkersOnly(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	n := start(t, b)
	n.put("kept", "1", 0)
	deleted, err := n.Delete(t.Context(), "gone", n.put("gone", "1", 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Wait(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	if err := n.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := n.Get(t.Context(), "gone"); err != nil || r.Revision == 0 {
		t.Errorf("a fresh marker: %+v, %v", r, err)
	}
	n.later = 2 * time.Hour
	if err := n.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := n.Get(t.Context(), "gone"); err != nil || r.Revision != 0 {
		t.Errorf("an old marker: %+v, %v", r, err)
	}
	n.put("gone", "again", 0)
	if diff := cmp.Diff(map[string]string{"kept": "1", "gone": "again"}, n.all()); diff != "" {
		t.Errorf("knows (-want +got):\n%s", diff)
	}
}
