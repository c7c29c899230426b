package app_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go/jetstream"
)

// BenchmarkFromPublishToHTTP measures the way of an event: from publishing it
// until its bytes are served. Its floor, measured in the same run, is what NATS
// alone takes: publish, consume, put in a bucket, watch the bucket. Both flush
// to the disk on every write. The ratio is that of the medians.
func BenchmarkFromPublishToHTTP(b *testing.B) {
	floor := newFloor(b)
	subject := newSubject(b)
	var floors, subjects []time.Duration
	for i := 0; b.Loop(); i++ {
		floors = append(floors, floor(i))
		subjects = append(subjects, subject(i))
	}
	b.ReportMetric(float64(median(subjects).Microseconds()), "µs/event")
	b.ReportMetric(float64(median(floors).Microseconds()), "floor-µs/event")
	b.ReportMetric(float64(median(subjects))/float64(median(floors)), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// runNode runs a node until the benchmark ends.
func runNode(b *testing.B, environ ...string) *app.App {
	c, err := config.Load("", append([]string{
		"GALLERYWIRE_HTTP_LISTEN=127.0.0.1:0", "GALLERYWIRE_HTTP_ADMIN_LISTEN=127.0.0.1:0",
	}, environ...))
	if err != nil {
		b.Fatal(err)
	}
	a, err := app.New(b.Context(), app.Options{Config: c, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return a
}

// newSubject runs a node and returns how long its feed takes to hold an event.
func newSubject(b *testing.B) func(i int) time.Duration {
	a := runNode(b, "GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR="+b.TempDir())
	js, err := jetstream.New(connect(b, a.PublisherURL()))
	if err != nil {
		b.Fatal(err)
	}
	var etag string // of what the reader has
	get := func() (body string) {
		body, etag = fetch(b, a.URL()+"/feeds/all.atom", etag)
		return body
	}
	poll := time.NewTicker(100 * time.Microsecond)
	b.Cleanup(poll.Stop)
	n := 0
	measure := func(int) time.Duration {
		n++
		title := fmt.Sprintf("Revision %d.", n)
		data := []byte(galleryJSON(fmt.Sprintf("gallery-%d", n%50), title, "Travel", time.Now(), 30))
		began := time.Now()
		if _, err := js.Publish(b.Context(), "article.published", data); err != nil {
			b.Fatal(err)
		}
		// Polling without a pause would take the processor from what it waits for.
		for !strings.Contains(get(), title) {
			<-poll.C
		}
		return time.Since(began)
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, err := js.Publish(b.Context(), "article.published", []byte(galleryJSON("first", "First", "Travel", time.Now(), 1))); err == nil {
			break
		} else if time.Now().After(deadline) {
			b.Fatal(err)
		}
	}
	for i := range 50 {
		measure(i) // a full feed
	}
	return measure
}

// fetch asks as a reader does: for what is not the version that it has. Of that
// it gets no body.
func fetch(b *testing.B, url, have string) (body, etag string) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("If-None-Match", have)
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	return string(data), resp.Header.Get("Etag")
}

// newFloor returns how long publish, consume, put and watch take.
func newFloor(b *testing.B) func(i int) time.Duration {
	br := brokertest.Start(b, func(o *broker.Options) { o.Embedded.SyncInterval = 0 })
	ctx, js := b.Context(), br.JetStream()
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events"}, Retention: jetstream.WorkQueuePolicy})
	if err != nil {
		b.Fatal(err)
	}
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		b.Fatal(err)
	}
	bucket, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "floor"})
	if err != nil {
		b.Fatal(err)
	}
	watch, err := bucket.WatchAll(ctx, jetstream.UpdatesOnly())
	if err != nil {
		b.Fatal(err)
	}
	consuming, err := consumer.Consume(func(msg jetstream.Msg) {
		if _, err := bucket.Put(ctx, "key", msg.Data()); err != nil {
			b.Error(err)
		}
		_ = msg.Ack()
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(consuming.Stop)
	publisher, err := jetstream.New(br.Conn())
	if err != nil {
		b.Fatal(err)
	}
	return func(i int) time.Duration {
		data := []byte(galleryJSON(fmt.Sprintf("gallery-%d", i%50), "Floor", "Travel", time.Now(), 30))
		began := time.Now()
		if _, err := publisher.Publish(ctx, "events", data); err != nil {
			b.Fatal(err)
		}
		<-watch.Updates()
		return time.Since(began)
	}
}

// BenchmarkTakeDown measures from the acknowledgement of a take-down until the
// last of three nodes no longer serves the gallery. Its floor, measured in the
// same run on the same server, is publishing to a stream until a watcher receives it
// it. The ratio is that of the medians.
func BenchmarkTakeDown(b *testing.B) {
	server := brokertest.Server(b)
	var nodes []*app.App
	for range 3 {
		nodes = append(nodes, runNode(b, "GALLERYWIRE_NATS_URL="+server.URL()))
	}
	js, err := jetstream.New(connect(b, server.URL()))
	if err != nil {
		b.Fatal(err)
	}
	floor := watchFloor(b, js)
	poll := time.NewTicker(100 * time.Microsecond)
	b.Cleanup(poll.Stop)
	everywhere := func(id string, status int) {
		for _, node := range nodes {
			for deadline := time.Now().Add(20 * time.Second); answer(b, node.URL()+"/galleries/"+id) != status; <-poll.C {
				if time.Now().After(deadline) {
					b.Fatalf("%s does not answer %d", id, status)
				}
			}
		}
	}
	var floors, subjects []time.Duration
	for n := 0; b.Loop(); n++ {
		id := fmt.Sprintf("gallery-%d", n)
		publish(b, js.Conn(), "article.published", galleryJSON(id, "Title", "Travel", time.Now(), 5))
		everywhere(id, http.StatusOK)
		publish(b, js.Conn(), "article.unpublished", fmt.Sprintf(`{"id":%q}`, id))
		began := time.Now()
		everywhere(id, http.StatusGone)
		subjects = append(subjects, time.Since(began))
		floors = append(floors, floor())
	}
	b.ReportMetric(float64(median(subjects).Microseconds()), "µs/take-down")
	b.ReportMetric(float64(subjects[len(subjects)-1].Microseconds()), "worst-µs")
	b.ReportMetric(float64(median(floors).Microseconds()), "floor-µs")
	b.ReportMetric(float64(median(subjects))/float64(median(floors)), "ratio")
}

func answer(b *testing.B, url string) int {
	resp, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		b.Fatal(err)
	}
	return resp.StatusCode
}

// watchFloor returns how long it takes from publishing to receiving.
func watchFloor(b *testing.B, js jetstream.JetStream) func() time.Duration {
	bucket, err := js.CreateKeyValue(b.Context(), jetstream.KeyValueConfig{Bucket: "floor"})
	if err != nil {
		b.Fatal(err)
	}
	watch, err := bucket.WatchAll(b.Context(), jetstream.UpdatesOnly())
	if err != nil {
		b.Fatal(err)
	}
	return func() time.Duration {
		began := time.Now()
		if _, err := bucket.Put(b.Context(), "key", []byte(`{"id":"gallery"}`)); err != nil {
			b.Fatal(err)
		}
		<-watch.Updates()
		return time.Since(began)
	}
}
