package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// records is how many there are in the bucket, marks of deletions included.
func (w *world) records() uint64 {
	w.t.Helper()
	stream, err := w.broker.JetStream().Stream(w.t.Context(), "KV_"+w.broker.Name("outbox"))
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := stream.Info(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return info.State.Msgs
}

// tidied tidies until so many records are left, while the clock moves on: marks of
// deletions stay for an hour.
func (n *node) tidied(c *clock, left uint64) {
	n.w.t.Helper()
	eventually(n.w.t, "the outbox is tidy", func() bool {
		c.ahead.Add(int64(time.Minute))
		if err := n.Tidy(n.w.t.Context()); err != nil {
			n.w.t.Fatal(err)
		}
		return n.w.records() == left
	})
}

func TestAForgottenNoticeCanBePutAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 64)
	var c clock
	n := w.node(alone, c.options).run()
	for i := range 10 {
		n.put(notice(fmt.Sprint("feed", i), 1))
	}
	eventually(t, "all have it", func() bool { return n.Pending()["test"] == 0 })
	c.ahead.Store(int64(30 * time.Hour))
	n.tidied(&c, 0)
	for i := range 10 {
		n.put(notice(fmt.Sprint("feed", i), 2))
	}
	eventually(t, "all have it again", func() bool { return w.count("feed9-2") == 64 && n.Pending()["test"] == 0 })
}

func TestATargetCanHaveARetryAgain(t *testing.T) {
	t.Parallel()
	const many = 64
	w := newWorld(t, many)
	var c clock
	n := w.node(alone, c.options).run()
	for nth := 1; nth <= 2; nth++ {
		for i := range many {
			var refused atomic.Bool
			w.answers(i, func(context.Context, outbox.Notice) error {
				if refused.CompareAndSwap(false, true) {
					return errRefused
				}
				return nil
			})
		}
		n.put(notice("all", nth))
		eventually(t, "all have it", func() bool { return w.count(fmt.Sprint("all-", nth)) == many && n.Pending()["test"] == 0 })
		c.ahead.Add(int64(3 * time.Hour))
		n.tidied(&c, 16) // what all were sent
	}
}

// TestContentThatIsBackIsSentAgain goes from one content to another, which some get, and
// back: nobody keeps the other.
func TestContentThatIsBackIsSentAgain(t *testing.T) {
	t.Parallel()
	const many = 40
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart=%v", restart), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, many)
			few := func(o *outbox.Options) { o.Concurrency, o.Lease = 4, 3*time.Second } // it expires when it is not given back
			n := w.node(few).run()
			w.content("A")
			n.put(notice("all", 1))
			eventually(t, "all have A", func() bool { return n.Pending()["test"] == 0 })

			some, rest := make(chan struct{}, many), make(chan struct{})
			for range 8 {
				some <- struct{}{}
			}
			for i := range many {
				w.answers(i, func(ctx context.Context, _ outbox.Notice) error {
					select {
					case <-some:
					case <-rest:
					case <-ctx.Done():
						return ctx.Err()
					}
					return nil
				})
			}
			w.content("B")
			n.put(notice("all", 2))
			eventually(t, "some have B", func() bool { return w.count("all-2") == 8 })
			if restart {
				n.kill()
				w.content("A") // before the notice content so
				close(rest)
				n = w.node(few).run()
				eventually(t, "nothing is pending", func() bool { return n.Pending()["test"] == 0 })
			} else {
				w.content("A")
			}
			n.put(notice("all", 3))
			if !restart {
				close(rest)
			}
			eventually(t, "nothing is pending", func() bool { return n.Pending()["test"] == 0 })
			for i := range many {
				if last := w.lastContent(i); last != "A" {
					t.Errorf("target %d last got %q", i, last)
				}
			}
		})
	}
}

// kill ends the node without letting it write anything more.
func (n *node) kill() {
	n.link.killed.Store(true)
	n.stop()
}

// lastContent is what a target was told last.
func (w *world) lastContent(i int) (content string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.deliveries {
		if g.target == target(i).Key {
			content = g.content
		}
	}
	return content
}

// TestQuickChangesReachEveryTarget changes quicker than all can be sent to.
func TestQuickChangesReachEveryTarget(t *testing.T) {
	t.Parallel()
	for _, feeds := range []int{1, 8} {
		t.Run(fmt.Sprint(feeds, " feeds"), func(t *testing.T) {
			t.Parallel()
			const many = 100
			w := newWorld(t, many)
			for i := range many {
				w.answers(i, after(20*time.Millisecond))
			}
			n := w.node(func(o *outbox.Options) { o.PerHost, o.Grace = 3, 2*time.Second }).run()
			nth := 0
			eventually(t, "every target has something", func() bool {
				nth++
				n.put(notice(fmt.Sprint("feed", nth%feeds), nth))
				received := map[string]bool{}
				w.mu.Lock()
				defer w.mu.Unlock()
				for _, g := range w.deliveries {
					received[g.target] = true
				}
				return len(received) == many
			})
		})
	}
}

// TestADeliveryThatWaitsSurvivesAnOutage has NATS take nothing, and then away, when
// a delivery that waits for its endpoint is to become a retry.
func TestADeliveryThatWaitsSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	server := w.remote()
	release := make(chan struct{})
	w.answers(0, func(ctx context.Context, n outbox.Notice) error {
		if n.About == "slow" {
			return when(release)(ctx, n)
		}
		return nil
	})
	logs := make(logLines, 1000)
	var refuses refusing
	refuses.Store(true)
	n := w.node(writing(refuses.late), shortGrace, func(o *outbox.Options) { o.Lease, o.Logger = time.Minute, slog.New(logs) }).run()
	n.put(notice("slow", 1))
	eventually(t, "it is in flight", func() bool { return w.attempts(0) == 1 })
	n.put(notice("other", 1))
	logs.await(t, "cannot store the retry of a slow target, which holds up others")
	server.Stop()
	refuses.Store(false)
	logs.drain()
	logs.await(t, "cannot store the retry of a slow target, which holds up others")
	server.Start()
	close(release)
	eventually(t, "the other is sent", func() bool { return w.count("other-1") == 1 })
}

// logLines is a log whose messages a test waits for.
type logLines chan string

// Enabled implements [slog.Handler].
func (logLines) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (s logLines) Handle(_ context.Context, r slog.Record) error {
	select {
	case s <- r.Message:
	default:
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (s logLines) WithAttrs([]slog.Attr) slog.Handler { return s }

// WithGroup implements [slog.Handler].
func (s logLines) WithGroup(string) slog.Handler { return s }

// await waits until all the messages are logged, in any order.
func (s logLines) await(t *testing.T, messages ...string) {
	t.Helper()
	for deadline := time.After(testTimeout); len(messages) > 0; {
		select {
		case m := <-s:
			messages = slices.DeleteFunc(messages, func(wanted string) bool { return wanted == m })
		case <-deadline:
			t.Fatalf("not logged: %q", messages)
		}
	}
}

// drain forgets what was logged so far.
func (s logLines) drain() {
	for len(s) > 0 {
		<-s
	}
}

// link is what a node writes over.
type link struct {
	jetstream.JetStream
	cut    atomic.Bool // nothing gets an answer
	hangs  atomic.Bool // nothing returns until the test ends
	killed atomic.Bool // nothing is written any more
	over   <-chan struct{}
}

// PublishMsg implements [jetstream.JetStream].
func (l *link) PublishMsg(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if l.hangs.Load() {
		<-l.over
		return nil, errors.New("the test is over")
	}
	if l.cut.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if l.killed.Load() {
		return nil, errors.New("the node was killed")
	}
	return l.JetStream.PublishMsg(ctx, msg, opts...)
}

// TestANodeCutOffStopsBeforeAnotherBegins cuts a node off from NATS: once another has taken a
// shard over, the first sends nothing more in it. That holds too if the first does not
// notice that its renewals fail, as when it is paused.
func TestANodeCutOffStopsBeforeAnotherBegins(t *testing.T) {
	t.Parallel()
	for name, cutOff := range map[string]func(*link){
		"no answer":         func(l *link) { l.cut.Store(true) },
		"a call that hangs": func(l *link) { l.hangs.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 300)
			for i := range w.targets {
				w.answers(i, after(200*time.Millisecond))
			}
			senders := map[int]string{} // in their order, by shard
			named := func(name string, perHost int) *node {
				return w.node(func(o *outbox.Options) {
					o.Channels = map[string]outbox.Channel{"test": observed{w, func(to outbox.Target) {
						w.mu.Lock()
						defer w.mu.Unlock()
						senders[outbox.ShardOf(to.Endpoint)] += name
					}}}
					o.PerHost, o.Lease = perHost, 5*time.Second
				}).run()
			}
			a := named("a", 1)
			a.put(notice("all", 1))
			eventually(t, "it has begun", func() bool { return w.count("all-1") > 5 })
			cutOff(a.link)
			b := named("b", 8)
			eventually(t, "the other sends the rest", func() bool { return b.Pending()["test"] == 0 })
			w.mu.Lock()
			defer w.mu.Unlock()
			taken := 0
			for shard, order := range senders {
				switch sent, others, took := strings.Cut(order, "b"); {
				case strings.Contains(others, "a"):
					t.Errorf("both send in shard %d: %s", shard, order)
				case took && sent != "":
					taken++
				}
			}
			if taken == 0 {
				t.Errorf("no shard was taken over: %v", senders)
			}
		})
	}
}

// observed calls sends before each delivery.
type observed struct {
	*world
	sends func(outbox.Target)
}

// Pack implements [outbox.Channel].
func (o observed) Pack(ctx context.Context, n outbox.Notice) (outbox.Payload, error) {
	p, err := o.world.Pack(ctx, n)
	return observedPayload{p, o.sends}, err
}

type observedPayload struct {
	outbox.Payload
	sends func(outbox.Target)
}

// Send implements [outbox.Payload].
func (p observedPayload) Send(ctx context.Context, to outbox.Target) error {
	p.sends(to)
	return p.Payload.Send(ctx, to)
}

func TestDeadLettersOfATargetAreOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	var got []string
	refuses := true
	w.answers(0, func(_ context.Context, n outbox.Notice) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if refuses {
			return errRefused
		}
		got = append(got, string(n.Data))
		return nil
	})
	n := w.node(func(o *outbox.Options) { o.Attempts = 1 }).run()
	for nth := 1; nth <= 2; nth++ {
		n.put(notice("all", nth))
		eventually(t, "it is a dead letter", func() bool {
			dead := n.DeadLetters()
			// While its pass is not noted as done, the next says what it did once more.
			return len(dead) == 1 && dead[0].ID == fmt.Sprint("all-", nth) && n.Pending()["test"] == 0
		})
	}
	n.stop()

	// Something newer waits for long when they are retried.
	n = w.node(func(o *outbox.Options) { o.Attempts, o.FirstRetry = 3, time.Hour }).run()
	n.put(notice("all", 3))
	eventually(t, "something newer waits", func() bool { return len(n.Retries()) == 1 && n.Retries()[0].Due.After(time.Now()) })
	w.mu.Lock()
	refuses = false
	w.mu.Unlock()
	if err := n.Retry(t.Context(), n.DeadLetters()[0].Key); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is sent", func() bool { return len(n.Retries()) == 0 && len(n.DeadLetters()) == 0 && w.count("all-3") == 1 })
	if len(got) != 1 || got[0] != "1+2+3" {
		t.Errorf("got %q, want 1+2+3 at once", got)
	}
}

func TestChannelsHaveLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.answers(0, func(ctx context.Context, n outbox.Notice) error {
		if n.Channel == "own" {
			return w.silence(ctx, n)
		}
		return nil
	})
	w.targets[0].Endpoint = "an endpoint of the channel" // but the other channel has another
	n := w.node(func(o *outbox.Options) {
		o.Concurrency = 1
		o.Channels = map[string]outbox.Channel{"test": atEndpoint{w, "other"}, "own": w}
	}).run()
	hangs := notice("question", 1)
	hangs.Channel = "own"
	n.put(hangs)
	eventually(t, "it hangs", func() bool { return w.attempts(0) == 1 })
	n.put(notice("all", 1))
	eventually(t, "the other channel sends", func() bool { return w.count("all-1") == 1 })
}

// atEndpoint has all targets at one endpoint.
type atEndpoint struct {
	*world
	endpoint string
}

// Targets implements [outbox.Channel].
func (c atEndpoint) Targets(n outbox.Notice, yield func(outbox.Target) bool) {
	c.world.Targets(n, func(t outbox.Target) bool {
		t.Endpoint = c.endpoint
		return yield(t)
	})
}

func TestNoticesOfARemovedChannelAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	var c clock
	writer := w.node(alone, c.options)
	writer.put(notice("all", 1))
	n := w.node(alone, c.options, func(o *outbox.Options) { o.Channels = map[string]outbox.Channel{} }).run()
	if err := n.Tidy(t.Context()); err != nil || w.records() == 0 {
		t.Errorf("%d records are left, error %v: another node may have the channel", w.records(), err)
	}
	c.ahead.Store(int64(8 * 24 * time.Hour))
	n.tidied(&c, 0)
}

func TestALeaseOfANewerReleaseIsRespected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 40)
	if _, err := w.broker.Bucket(t.Context(), "outbox"); err != nil {
		t.Fatal(err)
	}
	for shard := range 16 {
		if _, err := w.bucket().Put(t.Context(), fmt.Sprint("lease.", shard), []byte(`{"format":99,"holder":{"node":"newer"}}`)); err != nil {
			t.Fatal(err)
		}
	}
	const lasts = 3 * time.Second
	began := time.Now()
	n := w.node(func(o *outbox.Options) { o.Lease = lasts }).run()
	n.put(notice("all", 1))
	eventually(t, "one has it", func() bool { return w.count("all-1") > 0 })
	if took := time.Since(began); took < lasts {
		t.Errorf("the lease was taken after %s", took)
	}
	eventually(t, "all have it", func() bool { return w.count("all-1") == 40 })
}
