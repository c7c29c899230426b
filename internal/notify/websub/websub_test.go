package websub_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const (
	// callTime is how long a hub waits for a callback, and shortTime one whose callback
	// does not answer.
	callTime  = storetest.WaitLimit
	shortTime = 300 * time.Millisecond
	// hubAddress is how the hub is named to its subscribers.
	hubAddress = "https://wire.example.com/hub"
)

// mediaTypes are those of the formats of a feed.
func mediaTypes() map[string]string {
	return map[string]string{
		"rss": "application/rss+xml; charset=utf-8", "atom": "application/atom+xml; charset=utf-8",
		"json": "application/feed+json; charset=utf-8",
	}
}

// site has a few feeds, of which every format is a topic.
type site struct {
	mu      sync.Mutex
	feeds   map[string]int     // and their version
	archive map[string]int     // likewise, of what is below the document
	keys    map[[2]string]bool // by which a feed can be read: feed and key
	made    []string
	renamed [2]string // a feed's former name and its present one
	missing error     // what Resolve returns for everything; nil: no error

	making func(format string) // called while Content makes a document; nil: nothing is
}

func newSite() *site {
	return &site{feeds: map[string]int{"all": 1, "sections/travel": 1}, archive: map[string]int{}}
}

// topic is the address of a feed in a format.
func topic(feed, format string) string {
	if !strings.Contains(feed, "/") {
		feed = "feeds/" + feed
	}
	return "https://wire.example.com/" + feed + "." + format
}

// keyed is the address of a partner's feed that opens with the key.
func keyed(feed, key, format string) string { return topic(feed+"/~"+key+"/feed", format) }

// Resolve implements [websub.Topics].
func (s *site) Resolve(address string, _ netip.Addr) (websub.Topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.missing != nil {
		return websub.Topic{}, s.missing
	}
	for format := range mediaTypes() {
		if address == topic(s.renamed[0], format) && s.renamed[1] != "" {
			return websub.Topic{Feed: s.renamed[1], Document: format}, nil
		}
		for l := range s.keys {
			if address == keyed(l[0], l[1], format) {
				return websub.Topic{Feed: l[0], Document: format, Key: l[1]}, nil
			}
		}
	}
	for feed := range s.feeds {
		for format := range mediaTypes() {
			if topic(feed, format) == address || address == "https://wire.example.com/old/"+feed+"."+format {
				return websub.Topic{Feed: feed, Document: format}, nil
			}
		}
	}
	return websub.Topic{}, errors.New("no feed is there")
}

// Holds implements [websub.Topics].
func (s *site) Holds(feed, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[[2]string{feed, key}]
}

// Content implements [websub.Topics].
func (s *site) Content(_ context.Context, t websub.Topic, order outbox.Order) (websub.Content, error) {
	feed, format := t.Feed, t.Document
	s.mu.Lock()
	making := s.making
	s.mu.Unlock()
	if making != nil {
		making(format)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	version := s.feeds[feed]
	s.made = append(s.made, feed+"."+format)
	if uint64(version) < order.Revision {
		return websub.Content{}, errors.New("this node lags")
	}
	body := fmt.Appendf(nil, "%s as %s, version %d", feed, format, version)
	if t.Key != "" {
		body = fmt.Appendf(body, " at %s", keyed(feed, t.Key, format))
	}
	return websub.Content{
		Body: body, ContentType: mediaTypes()[format],
		Version: fmt.Sprint(version), State: fmt.Sprint(version, ".", s.archive[feed]),
	}, nil
}

func (s *site) set(f func(*site)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// Former implements [websub.Topics].
func (s *site) Former(feed string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renamed[1] != feed {
		return nil
	}
	return []string{s.renamed[0]}
}

// rename gives a feed another name.
func (s *site) rename(old, name string) {
	s.renamed = [2]string{old, name}
	s.feeds[name] = s.feeds[old]
	delete(s.feeds, old)
}

// Gone implements [websub.Topics].
func (s *site) Gone(feed string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.feeds[feed] == 0 && s.renamed[0] != feed
}

// world is a bucket of subscriptions, which any number of hubs share, and what
// they put into the outbox.
type world struct {
	*storetest.World
	t      *testing.T
	bucket string
	site   *site
	log    syncBuffer

	mu    sync.Mutex
	queue []outbox.Notice
	away  error // what putting fails with
	pings []string
}

func newWorld(t *testing.T) *world { return worldIn(t, storetest.NewWorld(t), "websub") }

// sibling is another world on the same server.
func (w *world) sibling(t *testing.T) *world {
	return worldIn(t, storetest.WorldOn(t, w.Broker), "websub-"+rand.Text())
}

func worldIn(t *testing.T, store *storetest.World, bucket string) *world {
	store.Clock.Set(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	return &world{World: store, t: t, bucket: bucket, site: newSite()}
}

// set changes w under its lock.
func (w *world) set(f func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(w)
}

// take returns what was put, once.
func (w *world) take() []outbox.Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	queued := w.queue
	w.queue = nil
	return queued
}

func (w *world) ping(feed string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pings = append(w.pings, feed)
}

// pinged returns the feeds that publishers pinged so far.
func (w *world) pinged() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.pings...)
}

// failing writes nothing while storage is away.
type failing struct {
	jetstream.JetStream
	w *world
}

// PublishMsg implements [jetstream.JetStream].
func (f failing) PublishMsg(ctx context.Context, msg *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	f.w.mu.Lock()
	away := f.w.away
	f.w.mu.Unlock()
	if away != nil {
		return nil, away
	}
	return f.JetStream.PublishMsg(ctx, msg, opts...)
}

// hub is one of them, behind a real server.
type hub struct {
	*websub.Hub
	w       *world
	url     string
	metrics *prometheus.Registry
}

// hub starts one; options can be changed before. It has read the bucket.
func (w *world) hub(change ...func(*websub.Options)) *hub {
	w.t.Helper()
	h := w.made(change...)
	run(w.t, h.Hub)
	return h
}

// run runs a hub until the test ends, and returns when it has read the bucket.
func run(t testing.TB, h *websub.Hub) {
	t.Helper()
	storetest.Run(t, h.Follow)
	storetest.Eventually(t, "the subscriptions are read", func() bool { return h.Ready() == nil })
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// made is a hub that does not run.
func (w *world) made(change ...func(*websub.Options)) *hub {
	w.t.Helper()
	h := &hub{w: w, metrics: prometheus.NewRegistry()}
	log := slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o := websub.Options{
		Bucket: bucket.Options{
			JetStream: failing{w.Broker.JetStream(), w}, Bucket: w.Broker.Name(w.bucket), Open: w.Open(w.bucket),
			Reconnect: w.Broker.OnReconnect, Logger: log,
		},
		Topics: w.site, Address: hubAddress,
		Client: client(callTime), ClientOf: peerOf,
		Pinged: w.ping, Now: w.Clock.Now, Registerer: h.metrics, Logger: log,
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if h.Hub, err = websub.NewForTest(o); err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(h)
	w.t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// peerOf is the address of the peer of a request; empty: private, so that the client is unknown.
func peerOf(r *http.Request) (addr netip.Addr, network string) {
	peer := netip.MustParseAddrPort(r.RemoteAddr).Addr()
	if peer.IsPrivate() || peer.IsLoopback() {
		return peer, ""
	}
	return peer, peer.String()
}

// client calls this machine.
func client(timeout time.Duration) *outbound.Client {
	return outbound.New(outbound.Options{
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true, Timeout: timeout, MaxPerHost: 2 * parallel,
	})
}

// settle has callbacks asked and sends everything that was put, once, and returns the
// errors.
func (h *hub) settle() error {
	errs := []error{h.ask()}
	for _, n := range h.w.take() {
		errs = append(errs, h.send(n))
	}
	return errors.Join(errs...)
}

// ask has the callbacks asked of all verifications that wait.
func (h *hub) ask() error {
	stream, err := h.w.Broker.JetStream().Stream(h.w.t.Context(), "KV_"+h.w.Broker.Name(h.w.bucket))
	if err != nil {
		return err
	}
	return h.AskPending(h.w.t.Context(), stream.CachedInfo().State.LastSeq)
}

func (h *hub) send(n outbox.Notice) error {
	channel := h.Deliveries()
	payload, err := channel.Pack(h.w.t.Context(), n)
	if err != nil {
		return err
	}
	var errs []error
	for to := range h.targets(n) {
		errs = append(errs, payload.Send(h.w.t.Context(), to))
	}
	return errors.Join(errs...)
}

// targets are those of n.
func (h *hub) targets(n outbox.Notice) func(yield func(outbox.Target) bool) {
	return func(yield func(outbox.Target) bool) { h.Deliveries().Targets(n, yield) }
}

// change gives a feed its next version, enqueues it and delivers it.
func (h *hub) change(feed string) error {
	h.w.t.Helper()
	var revision uint64
	h.w.site.set(func(s *site) {
		s.feeds[feed]++
		revision = uint64(s.feeds[feed])
	})
	notices, err := h.Notices(outbox.Notice{About: feed, ID: fmt.Sprintf("notice-%d", revision), Order: outbox.Order{Revision: revision}})
	if err != nil {
		h.w.t.Fatalf("notices of %s: %v", feed, err)
	}
	h.w.set(func(w *world) { w.queue = append(w.queue, notices...) })
	return h.settle()
}

// must is settle without an error.
func (h *hub) must() {
	h.w.t.Helper()
	if err := h.settle(); err != nil {
		h.w.t.Fatal(err)
	}
}

// post sends a form and returns the answer's status and text.
func (h *hub) post(form url.Values) (int, string) {
	h.w.t.Helper()
	res, err := http.PostForm(h.url, form)
	if err != nil {
		h.w.t.Fatal(err)
	}
	return checkAnswer(h.w.t, res)
}

// checkAnswer holds an answer to what all of them have in common.
func checkAnswer(t *testing.T, res *http.Response) (int, string) {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("status %d has %s %q", res.StatusCode, name, got)
		}
	}
	return res.StatusCode, string(body)
}

// syncBuffer is a buffer for loggers.
type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

// Write implements [io.Writer].
func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *syncBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}
