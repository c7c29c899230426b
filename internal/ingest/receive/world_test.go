package receive_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	maxEvent = 64 << 10
	secret   = "a-secret-of-the-key-wp-0123456789"
	prefix   = "wp-"
	bare     = `{"id":"wp-1","title":"Harbour lights","published":"1999-01-01T00:00:00Z"}`
)

// world is a receiver with one key, and the stream behind it.
type world struct {
	*receive.Receiver
	stream stream
}

// newWorld returns a receiver with the keys, or else with a bearer key with a prefix.
func newWorld(t testing.TB, keys ...receive.Key) *world {
	if len(keys) == 0 {
		keys = []receive.Key{{Name: "wp", Kind: receive.Bearer, Secret: secret, IDPrefix: prefix}}
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	w := &world{}
	w.Receiver = receive.New(receive.Options{
		Keys:   receive.NewKeys(receive.KeysOptions{Keys: keys, RequestsPerMinute: 1_000_000, Network: network, Registerer: prometheus.NewRegistry(), Logger: log}),
		Reader: event.Reader{MaxBytes: maxEvent, SiteID: "news.example.com"}, Subject: func(k event.Kind) string { return "cms." + string(k) },
		Stream: &w.stream, Away: func() error { return w.stream.away }, Client: client, Network: network, RequestsPerMinute: 600, Logger: log,
	})
	return w
}

func client(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at.Addr()
}

func network(a netip.Addr) string { return a.String() }

// stream acknowledges what is published, and remembers it.
type stream struct {
	away, broken error
	silent       bool // it never answers

	mu   sync.Mutex
	msgs []*nats.Msg
}

// PublishMsgAsync implements [receive.Publisher].
func (s *stream) PublishMsgAsync(m *nats.Msg, opts ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := future{ok: make(chan *jetstream.PubAck, 1), err: make(chan error, 1)}
	switch {
	case s.silent:
	case s.broken != nil:
		f.err <- s.broken
	default:
		s.msgs = append(s.msgs, m)
		f.ok <- &jetstream.PubAck{Stream: "ARTICLES", Sequence: uint64(len(s.msgs))}
	}
	return f, nil
}

func (s *stream) published() []*nats.Msg {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.msgs
}

type future struct {
	ok  chan *jetstream.PubAck
	err chan error
}

func (f future) Ok() <-chan *jetstream.PubAck { return f.ok }
func (f future) Err() <-chan error            { return f.err }
func (f future) Msg() *nats.Msg               { return nil }

// post returns a request to the path with the headers, "Name: value" each.
func post(path, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Del(name)
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	return r
}

// reply is what a sender is told.
type reply struct {
	header    http.Header
	status    int
	Stream    string `json:"stream"`
	Sequence  uint64 `json:"sequence"`
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Duplicate *bool  `json:"duplicate"`
	Problems  []struct{ Place, Reason string }
	Events    []reply
	LeftOut   jsontext.Value `json:"left_out"`
}

func (w *world) ask(t testing.TB, r *http.Request) reply {
	t.Helper()
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	got := reply{header: rec.Header(), status: rec.Code}
	if err := json.Unmarshal(rec.Body.Bytes(), &got, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("the answer is not JSON: %v: %s", err, rec.Body)
	}
	want := "application/json"
	if got.status >= 400 {
		want = "application/problem+json"
		if got.Status != got.status || got.Title != http.StatusText(got.status) || got.Type != "about:blank" || got.Detail == "" {
			t.Errorf("not a problem document: %s", rec.Body)
		}
	}
	if g := got.header.Get("Content-Type"); g != want || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Content-Type %q, want %q; Cache-Control %q", g, want, got.header.Get("Cache-Control"))
	}
	if later := got.status == http.StatusServiceUnavailable || got.status == http.StatusTooManyRequests; later != (got.header.Get("Retry-After") != "") {
		t.Errorf("status %d with Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	return got
}
