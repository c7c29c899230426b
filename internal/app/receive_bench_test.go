package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// keyed is a configuration with a key, and the key.
func keyed(tb testing.TB) (config, key string) {
	tb.Helper()
	key = "a-key-of-a-test-0123456789abcdef"
	file := filepath.Join(tb.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf("intake: {requests_per_minute: 1000000, keys: [{name: cms, kind: bearer, secret_file: %q}]}\n", file), key
}

// BenchmarkReceive publishes galleries of thirty slides, eight at a time, over HTTP and, as
// the floor, over NATS, and waits for the acknowledgement of each. The ratio is of both at
// once: events a second over HTTP to those over NATS, in turns that end before the next begins.
func BenchmarkReceive(b *testing.B) {
	config, key := keyed(b)
	node := serve(b, oneFeed+config+fmt.Sprintf("nats: {embedded: {listen: %q, data_dir: %q}}", "127.0.0.1:0", b.TempDir()))
	node.ready()
	conn := connect(b, node.nats)
	js, err := jetstream.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	var number atomic.Int64
	next := func() string {
		n := number.Add(1)
		return galleryJSON(strconv.FormatInt(n, 10), "Harbour lights", "Travel", time.Now(), 30)
	}
	ways := map[string]func() error{
		"nats": func() error {
			_, err := js.Publish(b.Context(), "article.published", []byte(next()))
			return err
		},
		"http": func() error { return send(b.Context(), client, node.http, key, next()) },
	}
	took := map[string]time.Duration{}
	events := 0
	for b.Loop() {
		for name, send := range ways {
			began := time.Now()
			inParallel(b, 8, 100, send)
			took[name] += time.Since(began)
			node.eventually("all are taken in", func() bool { return node.metric("gallerywire_index_galleries") == float64(number.Load()) })
		}
		events += 8 * 100
	}
	b.ReportMetric(float64(events)/took["http"].Seconds(), "http-events/s")
	b.ReportMetric(float64(events)/took["nats"].Seconds(), "nats-events/s")
	b.ReportMetric(took["nats"].Seconds()/took["http"].Seconds(), "ratio")
}

// send sends a bare gallery to the node at the address, and waits until it is stored.
func send(ctx context.Context, client *http.Client, address, key, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/events", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("answered %s: %s", resp.Status, answer)
	}
	return nil
}

// inParallel has so many goroutines call f so many times each.
func inParallel(tb testing.TB, goroutines, times int, f func() error) {
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range times {
				if err := f(); err != nil {
					tb.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkReceiveLargest sends 64 events at once, each as large as is allowed, and reports
// how much more memory the node had at most than before. They are of embargoed galleries, so
// that no feed is rendered, and the floor sends them over NATS.
func BenchmarkReceiveLargest(b *testing.B) {
	const largest = 1 << 20
	embargoed := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	body := func(n int64) string {
		text := galleryJSON(strconv.FormatInt(n, 10), "Harbour lights", "Travel", time.Now(), 1000)
		text = strings.Replace(text, "2026-01-02T03:04:05Z", embargoed, 1)
		return text + strings.Repeat(" ", largest-len(text))
	}
	for _, way := range []string{"nats", "http"} {
		b.Run(way, func(b *testing.B) {
			config, key := keyed(b)
			node := serve(b, oneFeed+config+fmt.Sprintf("nats: {embedded: {listen: %q, data_dir: %q}}", "127.0.0.1:0", b.TempDir()))
			node.ready()
			js, err := jetstream.New(connect(b, node.nats))
			if err != nil {
				b.Fatal(err)
			}
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			var number atomic.Int64
			idle := node.peak()
			for b.Loop() {
				inParallel(b, 64, 1, func() error {
					if way == "http" {
						return send(b.Context(), client, node.http, key, body(number.Add(1)))
					}
					_, err := js.Publish(b.Context(), "article.published", []byte(body(number.Add(1))))
					return err
				})
			}
			b.ReportMetric(float64(node.peak()-idle)/(1<<20), "MB")
		})
	}
}
