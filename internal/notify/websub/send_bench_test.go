package websub_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go/jetstream"
)

const secret = "0123456789abcdef0123456789abcdef"

// large is a site whose one feed is of 100 KB.
type large struct{ body []byte }

// Resolve implements [websub.Topics].
func (large) Resolve(address string, _ netip.Addr) (websub.Topic, error) {
	if address != topic("all", "atom") {
		return websub.Topic{}, errors.New("no feed is there")
	}
	return websub.Topic{Feed: "all", Document: "atom"}, nil
}

// Content implements [websub.Topics].
func (l large) Content(context.Context, websub.Topic, outbox.Order) (websub.Content, error) {
	return websub.Content{Body: l.body, ContentType: mediaTypes()["atom"], Version: "1"}, nil
}

// Holds implements [websub.Topics].
func (large) Holds(string, string) bool { return true }

// Former implements [websub.Topics].
func (large) Former(string) []string { return nil }

// Gone implements [websub.Topics].
func (large) Gone(string) bool { return false }

// sink is a subscriber that confirms everything and counts what it is sent.
func sink(b *testing.B) (callback string, got *atomic.Int64) {
	b.Helper()
	got = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			echo(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		got.Add(1)
	}))
	b.Cleanup(server.Close)
	return server.URL + "/callback", got
}

// parallel is how many are sent at once, for each of two processors.
const parallel = 32

// BenchmarkSend is a signed delivery of 100 KB to a subscriber on this machine.
func BenchmarkSend(b *testing.B) {
	callback, got := sink(b)
	payload, to := packed(b, callback, large{bytes.Repeat([]byte("x"), 100<<10)})
	b.SetParallelism(parallel)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := payload.Send(b.Context(), to); err != nil {
				b.Error(err)
			}
		}
	})
	if got.Load() != int64(b.N) {
		b.Errorf("%d of %d arrived", got.Load(), b.N)
	}
}

// BenchmarkBareSend is the same as a bare loop of an http.Client.
func BenchmarkBareSend(b *testing.B) {
	callback, _ := sink(b)
	body := bytes.Repeat([]byte("x"), 100<<10)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * parallel}}
	b.SetParallelism(parallel)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(body)
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, callback, bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
			res, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	})
}

// packed is the payload of a feed, with its one target, which has subscribed.
func packed(b *testing.B, callback string, topics websub.Topics) (outbox.Payload, outbox.Target) {
	b.Helper()
	nats := brokertest.Start(b)
	h, err := websub.NewForTest(websub.Options{
		Bucket: bucket.Options{
			JetStream: nats.JetStream(), Bucket: nats.Name("websub"),
			Open:   func(ctx context.Context) (jetstream.Stream, error) { return nats.Bucket(ctx, "websub") },
			Logger: discard(),
		},
		Topics: topics, Address: hubAddress,
		Client: client(time.Minute), ClientOf: peerOf,
	})
	if err != nil {
		b.Fatal(err)
	}
	run(b, h)
	asks := form("hub.callback", callback, "hub.secret", secret)
	h.ServeHTTP(httptest.NewRecorder(), posted(asks))
	if err := h.AskPending(b.Context(), 1); err != nil {
		b.Fatal(err)
	}
	payload, err := h.Deliveries().Pack(b.Context(), notice("all"))
	if err != nil {
		b.Fatal(err)
	}
	to := slices.Collect(func(yield func(outbox.Target) bool) { h.Deliveries().Targets(notice("all"), yield) })
	if len(to) != 1 {
		b.Fatalf("targets %v", to)
	}
	return payload, to[0]
}

func posted(form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hub", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}
