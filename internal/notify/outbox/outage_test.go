package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// send is what writes a record.
type send func() (*jetstream.PubAck, error)

// between lets a test stand between a node and its server.
type between struct {
	jetstream.JetStream
	write func(kind string, s send) (*jetstream.PubAck, error)
}

// PublishMsg implements [jetstream.JetStream].
func (b between) PublishMsg(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return b.write(strings.Split(msg.Subject, ".")[2], func() (*jetstream.PubAck, error) { return b.JetStream.PublishMsg(ctx, msg, opts...) })
}

// writing has the records of a node written by write, which is given their kind.
func writing(write func(kind string, s send) (*jetstream.PubAck, error)) func(*outbox.Options) {
	return func(o *outbox.Options) { o.JetStream = between{o.JetStream, write} }
}

// refusing is whether the records of retries are refused.
type refusing struct{ atomic.Bool }

func (r *refusing) late(kind string, s send) (*jetstream.PubAck, error) {
	if kind == "late" && r.Load() {
		return nil, errors.New("no answer from the server")
	}
	return s()
}

// remote has the world's nodes connect to a server of their own.
func (w *world) remote() *brokertest.External {
	w.t.Helper()
	server := brokertest.Server(w.t)
	b, err := broker.Open(w.t.Context(), broker.Options{URL: server.URL(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { b.Close() })
	w.broker = b
	return server
}

func (w *world) bucket() jetstream.KeyValue {
	w.t.Helper()
	bucket, err := w.broker.JetStream().KeyValue(w.t.Context(), w.broker.Name("outbox"))
	if err != nil {
		w.t.Fatal(err)
	}
	return bucket
}

// ofANewerRelease is a record that this release cannot read.
const ofANewerRelease = `{"format":99}`

// keys returns the keys of the records of a kind.
func (w *world) keys(kind string) []string {
	w.t.Helper()
	all, err := w.bucket().Keys(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(key string) bool { return !strings.HasPrefix(key, kind+".") })
}

// replace replaces the values of the records of a kind, and returns their keys.
func (w *world) replace(kind, value string) []string {
	w.t.Helper()
	keys := w.keys(kind)
	for _, key := range keys {
		if _, err := w.bucket().Put(w.t.Context(), key, []byte(value)); err != nil {
			w.t.Fatal(err)
		}
	}
	return keys
}

// A pass is stopped in the middle and continued with another content: no target keeps the
// first.
func TestAStoppedPassGoesOnWithTheContentOfNow(t *testing.T) {
	t.Parallel()
	const many = 60
	w := newWorld(t, many)
	gate := make(chan struct{})
	var tried atomic.Int32
	for i := range many {
		w.targets[i].Endpoint = "the same" // one after the other
		w.answers(i, func(ctx context.Context, _ outbox.Notice) error {
			if tried.Add(1) <= 20 {
				return nil
			}
			select {
			case <-gate:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
	slow := func(o *outbox.Options) { o.Concurrency, o.PerHost = 1, 1 }
	w.content("A")
	n := w.node(slow).run()
	n.put(notice("all", 1))
	eventually(t, "some have A", func() bool { return w.count("all-1") == 20 })
	n.stop()
	w.content("B")
	close(gate)
	n = w.node(slow).run()
	eventually(t, "the others have B", func() bool { return n.Pending()["test"] == 0 })
	n.put(notice("all", 2))
	eventually(t, "nothing is pending", func() bool { return n.Pending()["test"] == 0 })
	for i := range many {
		if last := w.lastContent(i); last != "B" {
			t.Errorf("target %d last got %q", i, last)
		}
	}
}

// TestANoticeJoinsARetry though NATS does not take that at first.
func TestANoticeJoinsARetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var fails atomic.Int32
	var refuses atomic.Bool
	refuses.Store(true)
	var got atomic.Value
	w.answers(0, func(_ context.Context, n outbox.Notice) error {
		if refuses.Load() {
			return errRefused
		}
		got.Store(string(n.Data))
		return nil
	})
	n := w.node(writing(func(kind string, s send) (*jetstream.PubAck, error) {
		if kind == "late" && fails.Add(-1) >= 0 {
			return nil, errors.New("no answer from the server")
		}
		return s()
	}), func(o *outbox.Options) { o.FirstRetry, o.Attempts = 500*time.Millisecond, 20 }).run()
	n.put(notice("all", 1))
	eventually(t, "it is retried", func() bool { return len(n.Retries()) == 1 && n.Pending()["test"] == 1 })
	fails.Store(1)
	n.put(notice("all", 2))
	eventually(t, "the other has joined it", func() bool { return fails.Load() < 1 && n.Pending()["test"] == 1 })
	refuses.Store(false)
	eventually(t, "nothing is pending", func() bool { return n.Pending()["test"] == 0 })
	if got.Load() != "1+2" {
		t.Errorf("got %q, want 1+2", got.Load())
	}
}

func TestANewerReleaseReplacesANoticeInFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	answer := make(chan struct{})
	w.answers(0, func(context.Context, outbox.Notice) error {
		<-answer
		return nil
	})
	n := w.node().run()
	n.put(notice("all", 1))
	eventually(t, "it is in flight", func() bool { return w.attempts(0) == 1 })
	keys := w.replace("owed", ofANewerRelease)
	eventually(t, "that is known", func() bool { return n.Pending()["test"] == 0 })
	close(answer)
	lease := "lease." + strings.Split(keys[0], ".")[1]
	n.stop()
	if e, err := w.bucket().Get(t.Context(), lease); err != nil || !strings.Contains(string(e.Value()), `"node":""`) {
		t.Errorf("the lease is not released: %v", err)
	}
	if e, err := w.bucket().Get(t.Context(), keys[0]); err != nil || string(e.Value()) != ofANewerRelease {
		t.Errorf("the newer release's record is overwritten: %v", err)
	}
}

func TestRetriesThatCannotBeReadAreLeftAlone(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"of a newer release": ofANewerRelease, "damaged": `{"format":`, "damaged in a field": `{"format":1,"notice":7}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 21)
			for i := range 20 {
				w.answers(i, refuse)
			}
			logs := make(logLines, 1000)
			n := w.node(alone, func(o *outbox.Options) {
				o.FirstRetry, o.Attempts, o.Concurrency, o.Logger = time.Hour, 8, 4, slog.New(logs)
			}).run()
			n.put(notice("all", 1))
			eventually(t, "some are retried", func() bool { return len(n.Retries()) == 20 && n.Pending()["test"] == 20 })
			w.replace("late", value)
			eventually(t, "that is known", func() bool { return len(n.Retries()) == 0 })
			n.put(notice("all", 2))
			eventually(t, "nothing is pending, and each had an attempt", func() bool {
				return n.Pending()["test"] == 0 && w.attempts(0) == 2 && w.count("all-2") == 1
			})
			if value != ofANewerRelease {
				logs.await(t, "a record is damaged and is left alone: delete the key")
				if err := n.PutTo(t.Context(), notice("all", 3), target(0).Key); err == nil || errors.Is(err, outbox.ErrNewerFormat) ||
					!strings.Contains(err.Error(), "the record is damaged: ") || !strings.Contains(err.Error(), "delete the key late.") {
					t.Errorf("error %v", err)
				}
			}
			n.putTo(notice("other", 1), 20)
			eventually(t, "others are still sent to", func() bool { return w.count("other-1") == 1 && len(n.Retries()) == 0 })
			if keys := w.replace("late", value); len(keys) != 20 {
				t.Errorf("%d records are left of 20", len(keys))
			}
		})
	}
}

// TestAnOutageIsNotLoggedAgainAndAgain has a target slow, and another no longer
// there, when NATS goes away.
func TestAnOutageIsNotLoggedAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	server := w.remote()
	w.answers(0, w.silence)
	w.answers(1, refuse)
	logs := make(logLines, 1_000_000)
	var refuses refusing
	n := w.node(writing(refuses.late), shortGrace, func(o *outbox.Options) {
		o.FirstRetry, o.Lease, o.Logger = time.Second, time.Minute, slog.New(logs)
	}).run()
	n.putTo(notice("all", 1), 1)
	eventually(t, "one is retried", func() bool { return len(n.Retries()) == 1 && n.Pending()["test"] == 1 })
	w.mu.Lock()
	w.targets = slices.Delete(w.targets, 1, 2)
	w.mu.Unlock()
	refuses.Store(true) // it is tried again soon, and cannot be removed
	n.put(notice("slow", 1))
	logs.await(t, "cannot store the retry of a slow target, which holds up others")
	server.Stop()
	refuses.Store(false)
	logs.await(t, "cannot store the retry of a slow target, which holds up others")
	logs.drain()
	wait := time.NewTimer(2 * time.Second)
	defer wait.Stop()
	<-wait.C
	if lines := len(logs); lines > 50 {
		t.Errorf("%d lines in two seconds", lines)
	}
	server.Start()
	n.stop()
}

// However many writes fail, that is logged once, and once that it is over.
func TestWritesThatFailAreLoggedOnce(t *testing.T) {
	t.Parallel()
	for kind, messages := range map[string][2]string{
		"lease": {"cannot acquire shard leases, retrying: notices wait until NATS stores the leases", "shard leases are acquired again"},
		"late":  {"cannot store what was sent, retrying: the targets get nothing else until NATS stores it", "what was sent is stored again"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 64)
			for i := range w.targets {
				w.answers(i, func(context.Context, outbox.Notice) error {
					if kind == "late" && w.attempts(i) == 1 {
						return errRefused
					}
					return nil
				})
			}
			var refuses atomic.Bool
			var refused atomic.Int32
			refuses.Store(true)
			logs := make(logLines, 10_000)
			n := w.node(writing(func(of string, s send) (*jetstream.PubAck, error) {
				if of == kind && refuses.Load() {
					refused.Add(1)
					return nil, errors.New("no answer from the server")
				}
				return s()
			}), func(o *outbox.Options) { o.Lease, o.Logger = time.Minute, slog.New(logs) }).run()
			n.put(notice("all", 1))
			eventually(t, "writes are tried again", func() bool { return refused.Load() > 100 || kind == "lease" && refused.Load() > 40 })
			refuses.Store(false)
			eventually(t, "all have it", func() bool { return w.count("all-1") == 64 && n.Pending()["test"] == 0 })
			n.stop()
			counts := map[string]int{}
			for len(logs) > 0 {
				counts[<-logs]++
			}
			if counts[messages[0]] != 1 || counts[messages[1]] != 1 {
				t.Errorf("logged %v", counts)
			}
		})
	}
}

func TestRetriesOfAChannelOfAnotherNodeAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var c clock
	w.answers(0, w.silence)
	n := w.node(alone, c.options, shortGrace).run()
	n.put(notice("slow", 1))
	n.put(notice("waits", 1)) // at the same endpoint
	eventually(t, "both are retried", func() bool { return len(n.Retries()) == 2 })
	other := w.node(alone, c.options, func(o *outbox.Options) { o.Channels = map[string]outbox.Channel{} }).run()
	before := w.records()
	if err := other.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := w.records(); after != before || len(other.Retries()) != 2 {
		t.Errorf("%d records became %d", before, after)
	}
}

// A renewal whose answer is lost is followed by another one before the lease lapses.
func TestALostAnswerToARenewalLosesNoLease(t *testing.T) {
	t.Parallel()
	const lasts = 10 * time.Second
	for name, lose := range map[string]func(send){
		"it is stored":          func(s send) { _, _ = s() },
		"it takes all its time": func(send) { <-time.After(lasts / 5) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			answer := make(chan struct{})
			w.answers(0, when(answer))
			logs := make(logLines, 1000)
			var leases atomic.Int32
			n := w.node(writing(func(kind string, s send) (*jetstream.PubAck, error) {
				if kind == "lease" && leases.Add(1) == 2 {
					lose(s)
					return nil, context.DeadlineExceeded
				}
				return s()
			}), func(o *outbox.Options) { o.Lease, o.Logger = lasts, slog.New(logs) }).run()
			n.put(notice("all", 1))
			eventually(t, "the lease is renewed again", func() bool { return leases.Load() >= 4 })
			close(answer)
			eventually(t, "it is sent", func() bool { return n.Pending()["test"] == 0 })
			if tried := w.attempts(0); tried != 1 {
				t.Errorf("%d attempts, want 1", tried)
			}
			n.stop()
			for len(logs) > 0 {
				if message := <-logs; strings.Contains(message, "the lease of a shard is lost") {
					t.Error(message)
				}
			}
		})
	}
}

func TestALeaseIsGivenBackAfterALostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var lost atomic.Bool
	answer := make(chan struct{})
	w.answers(0, func(context.Context, outbox.Notice) error {
		<-answer
		return nil
	})
	n := w.node(writing(func(kind string, s send) (*jetstream.PubAck, error) {
		ack, err := s()
		if kind == "lease" && w.attempts(0) > 0 && lost.CompareAndSwap(false, true) {
			close(answer) // the last renewal: what is in flight ends
			return nil, context.DeadlineExceeded
		}
		return ack, err
	}), func(o *outbox.Options) { o.Lease = 5 * time.Second }).run()
	n.put(notice("all", 1))
	eventually(t, "it is sent", func() bool { return w.attempts(0) > 0 && n.Pending()["test"] == 0 }) // not before it is known
	go n.stop()
	eventually(t, "the lease is given back", func() bool {
		keys, err := w.bucket().Keys(t.Context())
		if err != nil {
			return false
		}
		i := slices.IndexFunc(keys, func(key string) bool { return strings.HasPrefix(key, "lease.") })
		if i < 0 {
			return false
		}
		e, err := w.bucket().Get(t.Context(), keys[i])
		return err == nil && strings.Contains(string(e.Value()), `"node":""`)
	})
}

func TestARetryDuringAFirstAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var refused, failed atomic.Bool
	release := make(chan struct{})
	var mu sync.Mutex
	var got []string
	w.answers(0, func(_ context.Context, n outbox.Notice) error {
		if refused.CompareAndSwap(false, true) {
			return outbox.Final(errRefused)
		}
		if failed.CompareAndSwap(false, true) {
			<-release
			return errRefused
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(n.Data))
		return nil
	})
	n := w.node().run()
	n.put(notice("all", 1))
	eventually(t, "it is a dead letter", func() bool { return len(n.DeadLetters()) == 1 && len(n.Retries()) == 0 })
	n.put(notice("all", 2))
	eventually(t, "the next is in flight", failed.Load)
	if err := n.Retry(t.Context(), n.DeadLetters()[0].Key); err != nil {
		t.Fatal(err)
	}
	close(release)
	eventually(t, "nothing is pending", func() bool { return n.Pending()["test"] == 0 })
	mu.Lock()
	defer mu.Unlock()
	if all := strings.Join(got, ","); !strings.Contains(all, "2") {
		t.Errorf("got %q: the newer is lost", all)
	}
}
