package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
)

// diary notes what is handed over, a word for each call.
type diary struct {
	t       *testing.T
	mu      sync.Mutex
	entries []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, fmt.Sprintf(format, args...))
}

func (d *diary) reset(s bucket.State) { d.note("begin %d", s.Records) }

func (d *diary) apply(r bucket.Record) { d.note("%d %s", r.Revision, r.Value) }

func (d *diary) whole(last uint64) { d.note("whole %d", last) }

// says waits until the diary says exactly that.
func (d *diary) says(want ...string) {
	d.t.Helper()
	var got []string
	deadline := time.Now().Add(storetest.WaitLimit)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		d.mu.Lock()
		got = slices.Clone(d.entries)
		d.mu.Unlock()
		if slices.Equal(got, want) {
			return
		}
		if len(got) > len(want) || time.Now().After(deadline) {
			d.t.Fatalf("the diary (-want +got):\n%s", cmp.Diff(want, got))
		}
		<-tick.C
	}
}

// follow follows the bucket of things until the test ends.
func follow(t *testing.T, b *broker.Broker, change ...func(*diary, *bucket.Options)) *diary {
	t.Helper()
	d := &diary{t: t}
	o := bucket.Options{
		JetStream: b.JetStream(),
		Bucket:    b.Name("things"),
		Open:      func(ctx context.Context) (jetstream.Stream, error) { return b.Bucket(ctx, "things") },
		Reconnect: b.OnReconnect,
		Logger:    slog.New(slog.DiscardHandler),
		Apply:     d.apply,
		Reset:     d.reset,
		Whole:     d.whole,
	}
	for _, f := range change {
		f(d, &o)
	}
	run(t, bucket.New(o))
	return d
}

// run runs the bucket until the test ends.
func run(t *testing.T, b *bucket.Bucket) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = b.Run(ctx) }) // returns nothing else
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// makeBucket makes the bucket of things.
func makeBucket(t *testing.T, b *broker.Broker) {
	t.Helper()
	if _, err := b.Bucket(t.Context(), "things"); err != nil {
		t.Fatal(err)
	}
}

// put writes one record, which may take until a server is back.
func put(t *testing.T, b *broker.Broker, key, value string) {
	t.Helper()
	// One that was stored and not answered is not stored again.
	once := jetstream.WithMsgID(key + "/" + value)
	deadline := time.Now().Add(storetest.WaitLimit)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := b.JetStream().Publish(ctx, "$KV."+b.Name("things")+"."+key, []byte(value), once)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func dial(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	b, err := broker.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestFollowsAfterReplay(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	makeBucket(t, b)
	put(t, b, "a", "one")
	put(t, b, "b", "two")
	put(t, b, "a", "three") // in place of the first
	d := follow(t, b)
	d.says("begin 2", "2 two", "3 three", "whole 3")
	put(t, b, "a", "four")
	d.says("begin 2", "2 two", "3 three", "whole 3", "4 four")
}

func TestEmptyBucketIsReadyAtOnce(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	d := follow(t, b)
	d.says("begin 0", "whole 0")
	put(t, b, "a", "one")
	d.says("begin 0", "whole 0", "1 one")
}

func TestHeadersOnly(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	makeBucket(t, b)
	put(t, b, "a", "one")
	d := follow(t, b, func(_ *diary, o *bucket.Options) { o.HeadersOnly = true })
	d.says("begin 1", "1 ", "whole 1")
}

// A server that was away has nothing read again and nothing left out.
func TestFollowsAfterTheServerWasAway(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	b := dial(t, broker.Options{URL: server.URL()})
	makeBucket(t, b)
	put(t, b, "a", "one")
	d := follow(t, b)
	want := []string{"begin 1", "1 one", "whole 1"}
	d.says(want...)
	for i, value := range []string{"two", "three", "four"} {
		server.Restart()
		put(t, b, "a", value)
		want = append(want, fmt.Sprintf("%d %s", i+2, value))
		d.says(want...)
	}
}

func TestRecreatedBucketIsReplayed(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	b := dial(t, broker.Options{URL: server.URL()})
	makeBucket(t, b)
	put(t, b, "a", "one")
	put(t, b, "a", "two")
	d := follow(t, b)
	d.says("begin 1", "2 two", "whole 2")
	server.Wipe()
	server.Start()
	d.says("begin 1", "2 two", "whole 2", "begin 0", "whole 0")
	put(t, b, "a", "other")
	d.says("begin 1", "2 two", "whole 2", "begin 0", "whole 0", "1 other")
}

// Who was out of touch while a deletion was made and forgotten reads anew: else
// what was deleted would be there for good.
func TestReplayAfterALongDisconnection(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	b := dial(t, broker.Options{URL: server.URL()})
	makeBucket(t, b)
	put(t, b, "a", "one")
	put(t, b, "b", "two")
	var suspended atomic.Int64
	d := follow(t, b, func(_ *diary, o *bucket.Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(suspended.Load())) }
	})
	d.says("begin 2", "1 one", "2 two", "whole 2")
	suspended.Store(int64(25 * time.Minute))
	server.Restart()
	put(t, b, "a", "three")
	d.says("begin 2", "1 one", "2 two", "whole 2", "3 three")
	purge(t, b, "b")
	suspended.Store(int64(2 * time.Hour))
	server.Restart()
	d.says("begin 2", "1 one", "2 two", "whole 2", "3 three", "begin 1", "3 three", "whole 3")
}

// The last records may be deleted after it is known that there are some, and
// before they come.
func TestReadyWhenTheLastRecordsAreDeleted(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	makeBucket(t, b)
	put(t, b, "a", "one")
	put(t, b, "b", "two")
	purge(t, b, "b")
	d := follow(t, b)
	d.says("begin 1", "1 one", "whole 1")

	d = follow(t, b, func(d *diary, o *bucket.Options) {
		o.Reset = func(s bucket.State) {
			d.reset(s)
			purge(t, b, "a")
		}
	})
	d.says("begin 1", "whole 0")
	put(t, b, "a", "three")
	d.says("begin 1", "whole 0", "3 three")
}

// purge deletes a record and leaves no trace of it.
func purge(t *testing.T, b *broker.Broker, key string) {
	t.Helper()
	stream, err := b.Bucket(t.Context(), "things")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("$KV."+b.Name("things")+"."+key)); err != nil {
		t.Fatal(err)
	}
}

func TestRunRetriesUntilTheBucketOpens(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	makeBucket(t, b)
	put(t, b, "a", "one")
	failures := 0
	var log strings.Builder
	d := follow(t, b, func(_ *diary, o *bucket.Options) {
		open := o.Open
		o.Open = func(ctx context.Context) (jetstream.Stream, error) {
			if failures++; failures <= 2 {
				return nil, errors.New("no quorum")
			}
			return open(ctx)
		}
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	d.says("begin 1", "1 one", "whole 1")
	if got := strings.Count(log.String(), "no quorum"); got != 2 {
		t.Errorf("the log tells of %d failures, want 2:\n%s", got, log.String())
	}
}
