package websub_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// subscriber is one as the Recommendation describes it, and knows nothing of the
// hub that is tested: it confirms what it has asked for and nothing else, and
// keeps what it is sent.
type subscriber struct {
	t      *testing.T
	server *httptest.Server

	mu         sync.Mutex
	pending    map[string]string // hub.mode by hub.topic
	queries    []string          // of the requests to confirm or deny, as they came
	leases     []int
	denials    []url.Values
	deliveries []delivery
	confirm    http.HandlerFunc // in place of confirming; nil: as the Recommendation has it
	receive    http.HandlerFunc // in place of 204; nil: that
}

// delivery is a content distribution request.
type delivery struct {
	query  string
	header http.Header
	body   string
}

func newSubscriber(t *testing.T) *subscriber {
	t.Helper()
	s := &subscriber{t: t, pending: map[string]string{}}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

// callback is an address of the subscriber.
func (s *subscriber) callback() string { return s.server.URL + "/callback" }

// ask asks the hub for something; more is pairs of further parameters.
func (s *subscriber) ask(h *hub, mode, topic string, more ...string) (int, string) {
	s.t.Helper()
	form := url.Values{"hub.mode": {mode}, "hub.topic": {topic}, "hub.callback": {s.callback()}}
	for pair := range slices.Chunk(more, 2) {
		form.Set(pair[0], pair[1])
	}
	s.mu.Lock()
	s.pending[topic] = mode
	s.mu.Unlock()
	return h.post(form)
}

// subscribe asks, and has the hub verify it at once.
func (s *subscriber) subscribe(h *hub, topic string, more ...string) {
	s.t.Helper()
	if status, text := s.ask(h, "subscribe", topic, more...); status != http.StatusAccepted {
		s.t.Fatalf("subscribe: %d %s", status, text)
	}
	h.must()
}

func (s *subscriber) unsubscribe(h *hub, topic string, more ...string) {
	s.t.Helper()
	if status, text := s.ask(h, "unsubscribe", topic, more...); status != http.StatusAccepted {
		s.t.Fatalf("unsubscribe: %d %s", status, text)
	}
	h.must()
}

// ServeHTTP implements [http.Handler].
func (s *subscriber) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.receives(w, r)
		return
	}
	s.mu.Lock()
	s.queries = append(s.queries, r.URL.RawQuery)
	instead := s.confirm
	s.mu.Unlock()
	if r.URL.Query().Get("hub.mode") == "denied" {
		s.set(func(s *subscriber) { s.denials = append(s.denials, r.URL.Query()) })
		return
	}
	if instead == nil {
		instead = s.confirms
	}
	instead(w, r)
}

// confirms answers a verification of intent, section 5.3.
func (s *subscriber) confirms(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := r.URL.Query()
	mode, topic, challenge := last(asked["hub.mode"]), last(asked["hub.topic"]), last(asked["hub.challenge"])
	if s.pending[topic] != mode || challenge == "" || strings.Trim(challenge, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		http.NotFound(w, r)
		return
	}
	seconds, err := strconv.Atoi(last(asked["hub.lease_seconds"]))
	if mode == "subscribe" && (err != nil || seconds <= 0) {
		s.t.Errorf("a verification without a lease: %q", r.URL.RawQuery)
	}
	s.leases = append(s.leases, seconds)
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, challenge)
}

func (s *subscriber) receives(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Errorf("read a delivery: %v", err)
	}
	s.mu.Lock()
	s.deliveries = append(s.deliveries, delivery{query: r.URL.RawQuery, header: r.Header, body: string(body)})
	instead := s.receive
	s.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *subscriber) set(f func(*subscriber)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// received returns the deliveries since it was last asked.
func (s *subscriber) received() []delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.deliveries
	s.deliveries = nil
	return got
}

// only returns the one delivery that there was.
func (s *subscriber) only() delivery {
	s.t.Helper()
	got := s.received()
	if len(got) != 1 {
		s.t.Fatalf("%d deliveries, want 1", len(got))
	}
	return got[0]
}

// asked returns the queries of what the hub asked since it was last asked.
func (s *subscriber) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.queries
	s.queries = nil
	return got
}

// denied returns the denials so far.
func (s *subscriber) denied() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.denials)
}

// last is the value that counts where a callback has a parameter of the same name.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
