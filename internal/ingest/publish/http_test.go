package publish_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const httpKey = "a-key-that-nobody-guesses-0123456789"

// taken is a request that a service got.
type taken struct {
	path, body string
	header     http.Header
}

// service answers as answer says, or with 202 and the number of the event if it says
// nothing.
type service struct {
	*httptest.Server
	answer func(w http.ResponseWriter, r *http.Request, n int) bool

	mu       sync.Mutex
	requests []taken
	stored   uint64
}

func newService(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int) bool) *service {
	t.Helper()
	s := &service{answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests = append(s.requests, taken{r.URL.Path, string(body), r.Header})
	n := len(s.requests)
	s.mu.Unlock()
	if s.answer != nil && s.answer(w, r, n) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored++
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"stream":"ARTICLES","sequence":%d,"duplicate":false}`, s.stored)
}

// taken returns the requests so far.
func (s *service) taken() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// problem answers with a problem document.
func problem(w http.ResponseWriter, status int, detail string) bool {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	quoted, _ := json.Marshal(detail)
	fmt.Fprintf(w, `{"type":"about:blank","title":"x","status":%d,"detail":%s}`, status, quoted)
	return true
}

func overHTTP(url string, change ...func(*publish.HTTPOptions)) *publish.Sender {
	o := publish.HTTPOptions{URL: url + "/events", Proof: publish.Bearer(httpKey), Timeout: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&o)
	}
	return publish.OverHTTP(o)
}

func within(limit time.Duration) func(*publish.HTTPOptions) {
	return func(o *publish.HTTPOptions) { o.Timeout = limit }
}

// sendAll returns the receipts and the error of a run.
func sendAll(ctx context.Context, s *publish.Sender, items ...publish.Item) (receipts []publish.Receipt, err error) {
	err = s.Send(ctx, slices.Values(items), func(r publish.Receipt) { receipts = append(receipts, r) })
	return receipts, err
}

func numbered(n int) (items []publish.Item) {
	for i := range n {
		items = append(items, item(fmt.Sprint("g", i)))
	}
	return items
}

func TestEventsOverHTTPAreInFlightTogetherAndReceiptsInOrder(t *testing.T) {
	t.Parallel()
	const together = 32
	var meet sync.WaitGroup
	meet.Add(together)
	s := newService(t, func(_ http.ResponseWriter, _ *http.Request, n int) bool {
		if n > 1 && n <= 1+together { // the first goes alone
			meet.Done()
			meet.Wait()
		}
		return false
	})
	items := numbered(50)
	down, err := publish.TakeDown("g0", "", 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	receipts, err := sendAll(t.Context(), overHTTP(s.URL), append(items, down)...)
	if err != nil || len(receipts) != len(items)+1 {
		t.Fatalf("%d receipts, error %v", len(receipts), err)
	}
	for n, r := range receipts[:len(items)] {
		if r.Err != nil || r.Item.ID != items[n].ID || r.Stream != "ARTICLES" || r.Sequence == 0 {
			t.Errorf("receipt %d: %+v", n, r)
		}
	}
	for _, r := range s.taken() {
		path := "/events/article.published"
		if r.body == string(down.Data) {
			path = "/events/article.unpublished"
		}
		if r.path != path || r.header.Get("Content-Type") != "application/json" || r.header.Get("Authorization") != "Bearer "+httpKey {
			t.Errorf("request %+v", r)
		}
	}
}

// A service that cannot store now is asked again as it says; the event keeps its id, so
// that it is stored once.
func TestLargeEventsOverHTTPAreFewAtOnce(t *testing.T) {
	t.Parallel()
	const together, most = 2, 1 << 20
	var meet sync.WaitGroup
	meet.Add(together)
	var mu sync.Mutex
	var inFlight, peak int64
	add := func(n int64) {
		mu.Lock()
		defer mu.Unlock()
		inFlight += n
		peak = max(peak, inFlight)
	}
	s := newService(t, func(_ http.ResponseWriter, r *http.Request, n int) bool {
		add(r.ContentLength)
		defer add(-r.ContentLength)
		if n > 1 && n <= 1+together { // the first goes alone
			meet.Done()
			meet.Wait()
		}
		return false
	})
	items := numbered(10)
	for i := range items {
		items[i].Data = append(items[i].Data, strings.Repeat(" ", most/together-len(items[i].Data))...)
	}
	if receipts, err := sendAll(t.Context(), overHTTP(s.URL), items...); err != nil || len(receipts) != len(items) {
		t.Errorf("%d receipts, error %v", len(receipts), err)
	}
	if peak != most {
		t.Errorf("%d bytes were in flight at once, not %d", peak, most)
	}
}

func TestWhatMayPassIsWaitedFor(t *testing.T) {
	t.Parallel()
	const secret = "whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz"
	prove, err := publish.StandardWebhooks(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	var asked time.Time
	s := newService(t, func(w http.ResponseWriter, _ *http.Request, n int) bool {
		switch n {
		case 1:
			asked = time.Now()
			w.Header().Set("Retry-After", "1")
			return problem(w, http.StatusServiceUnavailable, "the event could not be stored")
		case 2:
			if waited := time.Since(asked); waited < 900*time.Millisecond {
				t.Errorf("asked again after %s", waited)
			}
			w.Header().Set("Retry-After", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			return problem(w, http.StatusTooManyRequests, "too many requests")
		case 3: // of a proxy
			w.WriteHeader(http.StatusBadGateway)
			return true
		case 4:
			panic(http.ErrAbortHandler) // the connection is lost
		}
		return false
	})
	var log bytes.Buffer
	receipts, err := sendAll(t.Context(), overHTTP(s.URL, func(o *publish.HTTPOptions) {
		o.Proof, o.Logger = prove, slog.New(slog.NewTextHandler(&log, nil))
	}), item("a"))
	if err != nil || len(receipts) != 1 || receipts[0].Err != nil || receipts[0].Sequence != 1 {
		t.Fatalf("receipts %+v, error %v", receipts, err)
	}
	requests := s.taken()
	if len(requests) != 5 {
		t.Fatalf("%d requests", len(requests))
	}
	for _, r := range requests {
		if err := verifier.Verify([]byte(r.body), r.header); err != nil || r.header.Get("Webhook-Id") != requests[0].header.Get("Webhook-Id") {
			t.Errorf("%v of %v: %v", r.header, requests[0].header, err)
		}
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "answers 503 (the event could not be stored)") || !strings.Contains(text, "wait=1s") {
		t.Errorf("log %q", text)
	}
}

func TestWhatIsOfOneEventEndsNothing(t *testing.T) {
	t.Parallel()
	s := newService(t, func(w http.ResponseWriter, _ *http.Request, n int) bool {
		switch n {
		case 1:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"title":"Bad Request","status":400,"detail":"x","problems":[{"place":"/title","reason":"missing or blank"},{"place":"/url","reason":"unsafe"}]}`)
			return true
		case 2:
			return problem(w, http.StatusRequestEntityTooLarge, "the body has more than 9 bytes")
		case 3:
			return problem(w, http.StatusUnsupportedMediaType, "gzip only")
		case 4:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"title":"Forbidden","status":403,"detail":"x","problems":[{"place":"/id","reason":"does not begin with \"b-\""}]}`)
			return true
		}
		return false
	})
	sender := overHTTP(s.URL)
	for _, want := range []string{"/title: missing or blank; /url: unsafe", "larger than the service takes: make it smaller: the body has more than 9 bytes", "gzip only", `use the key of the CMS that has this gallery: /id: does not begin with "b-"`, ""} {
		receipts, err := sendAll(t.Context(), sender, item("a"))
		if err != nil || len(receipts) != 1 || (receipts[0].Err == nil) != (want == "") || want != "" && receipts[0].Err.Error() != want {
			t.Errorf("receipts %+v, error %v, want %s", receipts, err, want)
		}
	}
}

func TestWhatConcernsEveryEventEndsTheRun(t *testing.T) {
	t.Parallel()
	other := newService(t, nil)
	bare := func(o *publish.HTTPOptions) { o.Proof = publish.Proof{} }
	for _, tt := range []struct {
		name   string
		answer func(http.ResponseWriter) bool
		change func(*publish.HTTPOptions)
		want   []string
	}{
		{"unknown key", func(w http.ResponseWriter) bool { return problem(w, 401, "the key is not known") }, within(time.Second),
			[]string{"answers 401 (the key is not known)", "--key-file"}},
		{"no key", func(w http.ResponseWriter) bool { return problem(w, 401, "no key") }, bare, []string{"--key-file"}},
		{"a proxy", func(w http.ResponseWriter) bool { w.WriteHeader(403); fmt.Fprint(w, "<html>"); return true }, within(time.Second),
			[]string{"answers 403 (Forbidden)", "between this machine and the service"}},
		{"no keys there", func(w http.ResponseWriter) bool { return problem(w, 404, "intake.keys names no key") }, within(time.Second),
			[]string{"answers 404 (intake.keys names no key)", "configure intake.keys there, or give another address"}},
		{"redirect", func(w http.ResponseWriter) bool {
			w.Header().Set("Location", other.URL+"/events")
			w.WriteHeader(http.StatusPermanentRedirect)
			return true
		}, within(time.Second), []string{"points to " + other.URL + "/events", "no redirect is followed with a key"}},
		{"another service", func(w http.ResponseWriter) bool { fmt.Fprint(w, "<html>"); return true }, within(time.Second),
			[]string{"answers 200", "give the address of a gallerywire service"}},
		{"no JSON", func(w http.ResponseWriter) bool { w.WriteHeader(400); fmt.Fprint(w, "\x1b[31mno"); return true }, within(time.Second),
			[]string{"answers 400 (Bad Request)"}},
		{"detail for a terminal", func(w http.ResponseWriter) bool { return problem(w, 405, "a\x1b[31m\nb") }, within(time.Second),
			[]string{"answers 405 (a[31m b)"}},
	} {
		s := newService(t, func(w http.ResponseWriter, _ *http.Request, _ int) bool { return tt.answer(w) })
		receipts, err := sendAll(t.Context(), overHTTP(s.URL, tt.change), numbered(30)...)
		end, ok := errors.AsType[*publish.EndError](err)
		if !ok || end.Open || len(receipts) != 1 || receipts[0].Err != err || len(s.taken()) != 1 {
			t.Errorf("%s: error %v, %d receipts, %d requests", tt.name, err, len(receipts), len(s.taken()))
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", tt.name, err, want)
			}
		}
		if strings.Contains(err.Error(), httpKey) {
			t.Errorf("%s: the key is in the error %v", tt.name, err)
		}
	}
	if n := len(other.taken()); n > 0 {
		t.Errorf("%d requests followed the redirect", n)
	}
}

func TestAnAddressWithoutAServiceEndsTheRunAtOnce(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	receipts, err := sendAll(t.Context(), overHTTP(s.URL, within(time.Hour)), numbered(3)...)
	end, ok := errors.AsType[*publish.EndError](err)
	if !ok || end.Open || len(receipts) != 1 || !strings.Contains(err.Error(), `start "gallerywire serve" there`) {
		t.Errorf("error %v, %d receipts", err, len(receipts))
	}
}

// writer is called for each line that is logged.
type writer func()

func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}

func TestAServiceThatComesBackHasEveryEvent(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	where := s.Listener.Addr().String()
	items := numbered(40)
	given := func(yield func(publish.Item) bool) {
		for n, one := range items {
			if n == 20 {
				s.Listener.Close() // nobody listens
				s.CloseClientConnections()
			}
			if !yield(one) {
				return
			}
		}
	}
	var ids []string
	back := writer(func() { // once the sender says that it waits
		listener, err := net.Listen("tcp", where)
		if err != nil {
			t.Error(err)
			return
		}
		again := &httptest.Server{Listener: listener, Config: &http.Server{Handler: s}}
		again.Start()
		t.Cleanup(again.Close)
	})
	err := overHTTP(s.URL, func(o *publish.HTTPOptions) { o.Logger = slog.New(slog.NewTextHandler(back, nil)) }).Send(t.Context(), given, func(r publish.Receipt) {
		if r.Err != nil {
			t.Errorf("%s: %v", r.Item.ID, r.Err)
		}
		ids = append(ids, r.Item.ID)
	})
	if err != nil || len(ids) != len(items) {
		t.Errorf("%d receipts, error %v", len(ids), err)
	}
}

func TestAServiceThatStaysAwayEndsTheRun(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	given := 0
	endless := func(yield func(publish.Item) bool) {
		for yield(item(fmt.Sprint("g", given))) {
			if given++; given == 60 {
				s.Listener.Close()
				s.CloseClientConnections()
			}
		}
	}
	stored, open := 0, 0
	err := overHTTP(s.URL, within(time.Second)).Send(t.Context(), endless, func(r publish.Receipt) {
		if r.Err == nil {
			stored++
		} else if end, ok := errors.AsType[*publish.EndError](r.Err); ok && end.Open {
			open++
		}
	})
	if end, ok := errors.AsType[*publish.EndError](err); !ok || !strings.Contains(end.Why, "was lost") || stored+open != given+1 || stored < 28 || open == 0 {
		t.Errorf("error %v; %d given, %d stored, %d open", err, given, stored, open)
	}
}

func TestAServiceThatDoesNotAnswerEndsTheRun(t *testing.T) {
	t.Parallel()
	s := newService(t, func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		<-r.Context().Done()
		return true
	})
	receipts, err := sendAll(t.Context(), overHTTP(s.URL, within(200*time.Millisecond)), numbered(3)...)
	end, ok := errors.AsType[*publish.EndError](err)
	if !ok || !end.Open || len(receipts) != 1 || !strings.Contains(err.Error(), "no answer from "+s.URL+"/events within 200ms: check /readyz") {
		t.Errorf("error %v, %d receipts", err, len(receipts))
	}
}

func TestWaitingForAServiceEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := newService(t, func(w http.ResponseWriter, _ *http.Request, n int) bool {
		if n == 1 {
			return false
		}
		w.Header().Set("Retry-After", "60")
		if n == 33 {
			defer cancel()
		}
		return problem(w, http.StatusTooManyRequests, "too many requests")
	})
	receipts, err := sendAll(ctx, overHTTP(s.URL), numbered(100)...)
	if !errors.Is(err, context.Canceled) || len(receipts) != 33 || receipts[0].Err != nil || !errors.Is(receipts[32].Err, context.Canceled) {
		t.Errorf("error %v, receipts %+v", err, receipts)
	}
}

func TestAServiceThatAsksToWaitTooLongEndsTheRun(t *testing.T) {
	t.Parallel()
	s := newService(t, func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.Header().Set("Retry-After", "3600")
		return problem(w, http.StatusServiceUnavailable, "closed")
	})
	_, err := sendAll(t.Context(), overHTTP(s.URL), item("a"))
	if end, ok := errors.AsType[*publish.EndError](err); !ok || !end.Open || !strings.Contains(err.Error(), "answers 503 (closed)") {
		t.Errorf("error %v", err)
	}
}

func TestASecretThatIsNoneIsNotQuoted(t *testing.T) {
	t.Parallel()
	if _, err := publish.StandardWebhooks("whsec_not base64 at all"); err == nil || strings.Contains(err.Error(), "at all") {
		t.Errorf("error %v", err)
	}
}
