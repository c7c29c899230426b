package outbox_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// TestMain has more tests run at a time than there are processors: they wait for leases and
// delays most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("8") // it is a number
	}
	os.Exit(m.Run())
}

// testTimeout is how long a test waits for what must come.
const testTimeout = time.Minute

// got is a delivery that a target accepted.
type received struct{ target, about, id, content string }

// world is what the nodes of a test share: a server and the targets.
type world struct {
	t      *testing.T
	broker *broker.Broker

	mu         sync.Mutex
	targets    []outbox.Target
	contents   map[string]string                                     // by About; missing: the id of the notice
	answer     map[string]func(context.Context, outbox.Notice) error // by target; missing: accepts
	deliveries []received
	tried      map[string]int // attempts by target
	inFlight   map[string]int // deliveries, by endpoint
	overlap    bool           // two to one endpoint at once
	packErr    error          // why no payload can be made
	packed     int
	failed     []outbox.DeadLetter
	over       chan struct{} // closed when the test ends
	end        func()
}

func newWorld(t *testing.T, targets int) *world {
	t.Helper()
	w := &world{
		t: t, broker: brokertest.Start(t), contents: map[string]string{}, tried: map[string]int{}, inFlight: map[string]int{}, over: make(chan struct{}),
		answer: map[string]func(context.Context, outbox.Notice) error{},
	}
	w.end = sync.OnceFunc(func() { close(w.over) })
	for i := range targets {
		w.targets = append(w.targets, target(i))
	}
	return w
}

func target(i int) outbox.Target {
	key := fmt.Sprintf("target-%04d", i)
	return outbox.Target{Key: key, Name: "https://example.com/" + key, Endpoint: "https://example.com/" + key, Host: fmt.Sprintf("host-%d", i%7)}
}

// Targets implements [outbox.Channel].
func (w *world) Targets(_ outbox.Notice, yield func(outbox.Target) bool) {
	w.mu.Lock()
	all := slices.Clone(w.targets)
	w.mu.Unlock()
	for _, t := range all {
		if !yield(t) {
			return
		}
	}
}

// Target implements [outbox.Channel].
func (w *world) Target(_ outbox.Notice, key string) (outbox.Target, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.targets, func(t outbox.Target) bool { return t.Key == key })
	if i < 0 {
		return outbox.Target{}, false
	}
	return w.targets[i], true
}

// Merge implements [outbox.Channel].
func (w *world) Merge(old, n outbox.Notice) outbox.Notice {
	if len(old.Data) > 0 {
		n.Data = append(append(slices.Clone(old.Data), '+'), n.Data...)
	}
	return n
}

// Pack implements [outbox.Channel].
func (w *world) Pack(_ context.Context, n outbox.Notice) (outbox.Payload, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.packed++
	if w.packErr != nil {
		return nil, w.packErr
	}
	content, ok := w.contents[n.About]
	if !ok {
		content = n.ID
	}
	return payload{w, n, content}, nil
}

type payload struct {
	world   *world
	notice  outbox.Notice
	content string
}

// Version implements [outbox.Payload].
func (l payload) Version() string { return l.content }

// Send implements [outbox.Payload].
func (l payload) Send(ctx context.Context, to outbox.Target) error {
	w := l.world
	w.mu.Lock()
	w.tried[to.Key]++
	w.inFlight[to.Endpoint]++
	w.overlap = w.overlap || w.inFlight[to.Endpoint] > 1
	answer := w.answer[to.Key]
	w.mu.Unlock()
	var err error
	if answer != nil {
		err = answer(ctx, l.notice)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight[to.Endpoint]--
	if err == nil {
		w.deliveries = append(w.deliveries, received{to.Key, l.notice.About, l.notice.ID, l.content})
	}
	return err
}

// answers has a target answer so; nil: it accepts.
func (w *world) answers(i int, f func(context.Context, outbox.Notice) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer[target(i).Key] = f
}

// content sets what the payloads about all say.
func (w *world) content(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.contents["all"] = s
}

// received is what a target accepted, the ids in their order.
func (w *world) received(i int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for _, g := range w.deliveries {
		if g.target == target(i).Key {
			ids = append(ids, g.id)
		}
	}
	return ids
}

func (w *world) count(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, g := range w.deliveries {
		if g.id == id {
			n++
		}
	}
	return n
}

func (w *world) attempts(i int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tried[target(i).Key]
}

// node is one of them.
type node struct {
	*outbox.Outbox
	w       *world
	metrics *prometheus.Registry
	stop    func()

	stopping <-chan struct{} // closed when the node that runs begins to stop
	link     *link           // to the server
}

// node adds a node that does not run. Options can be changed before it is made.
func (w *world) node(change ...func(*outbox.Options)) *node {
	w.t.Helper()
	n := &node{w: w, metrics: prometheus.NewRegistry(), stop: func() {}}
	n.link = &link{JetStream: w.broker.JetStream(), over: w.over}
	o := outbox.Options{
		JetStream: n.link, Bucket: w.broker.Name("outbox"),
		Open:      func(ctx context.Context) (jetstream.Stream, error) { return w.broker.Bucket(ctx, "outbox") },
		Reconnect: w.broker.OnReconnect,
		Channels:  map[string]outbox.Channel{"test": w},
		Attempts:  4, FirstRetry: 10 * time.Millisecond,
		// None is reached because the machine is busy: tests that are about one shorten it.
		Grace: time.Minute, Timeout: time.Minute, Lease: 10 * time.Second,
		Failed: func(_ context.Context, d outbox.DeadLetter) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.failed = append(w.failed, d)
			return nil
		},
		Registerer: n.metrics, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&o)
	}
	n.Outbox = outbox.New(o)
	return n
}

// run runs the node until it is stopped or the test ends.
func (n *node) run() *node {
	n.w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	n.stopping = ctx.Done()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := n.Run(ctx); err != nil {
			n.w.t.Errorf("run: %v", err)
		}
	}()
	n.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	n.w.t.Cleanup(func() {
		n.w.end()
		n.stop()
	})
	eventually(n.w.t, "the outbox is read", func() bool { return n.Ready() == nil })
	return n
}

// put stores a notice for all targets. It is repeated while a busy server does not answer.
func (n *node) put(notice outbox.Notice) {
	n.w.t.Helper()
	eventually(n.w.t, "the notice is stored", func() bool { return n.Put(n.w.t.Context(), notice) == nil })
}

// putTo stores a notice for one target.
func (n *node) putTo(notice outbox.Notice, to int) {
	n.w.t.Helper()
	eventually(n.w.t, "the notice is stored", func() bool { return n.PutTo(n.w.t.Context(), notice, target(to).Key) == nil })
}

// notice is the nth about a feed.
func notice(about string, nth int) outbox.Notice {
	return outbox.Notice{
		Channel: "test", About: about, ID: fmt.Sprintf("%s-%d", about, nth),
		Order: outbox.Order{Epoch: 1, Revision: uint64(nth)}, At: time.Now(), Data: fmt.Appendf(nil, "%d", nth),
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(testTimeout)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
		<-tick.C
	}
}

// alone has a node need no leases, which it could lose on a busy machine.
func alone(o *outbox.Options) { o.Alone = true }

var errRefused = errors.New("refused")

func refuse(context.Context, outbox.Notice) error { return errRefused }

// shortGrace has a node leave slow targets behind soon.
func shortGrace(o *outbox.Options) { o.Grace = 100 * time.Millisecond }

// silence never answers, as long as the test lasts.
func (w *world) silence(ctx context.Context, _ outbox.Notice) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.over:
		return errRefused
	}
}

// after answers after that time.
func after(d time.Duration) func(context.Context, outbox.Notice) error {
	return func(ctx context.Context, n outbox.Notice) error { return when(time.After(d))(ctx, n) }
}

// when answers when it is told to.
func when[T any](told <-chan T) func(context.Context, outbox.Notice) error {
	return func(ctx context.Context, _ outbox.Notice) error {
		select {
		case <-told:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
