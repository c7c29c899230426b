package catalogue_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// archive is how many galleries the benchmarks load.
const archive = 100_000

// BenchmarkLoad reads an archive into an index, and measures the floor: reading the
// same headers and doing nothing with them. It reports how many times as long
// the index takes, and what it holds in memory for each gallery.
func BenchmarkLoad(b *testing.B) {
	node := brokertest.Start(b)
	store(b, node, archive)
	for b.Loop() {
		bare := readBare(b, node)
		before := heap()
		began := time.Now()
		c := catalogue.New(options(node))
		stop := storetest.Run(b, c.Run)
		awaitReady(b, c)
		took := time.Since(began)
		b.ReportMetric(float64(heap()-before)/archive, "B/gallery")
		b.ReportMetric(bare.Seconds(), "floor-s")
		b.ReportMetric(took.Seconds(), "load-s")
		b.ReportMetric(took.Seconds()/bare.Seconds(), "ratio")
		if c.Index().Len() != archive {
			b.Fatalf("loaded %d galleries", c.Index().Len())
		}
		stop()
	}
	b.ReportMetric(0, "ns/op")
}

// store fills the bucket with n small records.
func store(b *testing.B, node *broker.Broker, n int) {
	b.Helper()
	stream(b, node)
	for i := range n {
		if _, err := node.JetStream().PublishMsgAsync(small(b, node, i)); err != nil {
			b.Fatal(err)
		}
	}
	select {
	case <-node.JetStream().PublishAsyncComplete():
	case <-time.After(time.Minute):
		b.Fatal("the bucket takes too long to fill")
	}
}

// small is the record of a gallery with a section, a language, three tags and
// an author, as the catalogue writes it.
func small(b *testing.B, node *broker.Broker, i int) *nats.Msg {
	id := fmt.Sprintf("gallery-about-something-%06d", i)
	line, err := json.Marshal(map[string]any{
		"id": id, "u": noon.UnixNano() + int64(i), "v": 1, "h": gallery.HashOf([]byte(id)).String(), "p": noon.UnixNano() + int64(i),
		"f": []string{"sTravel", "len", fmt.Sprintf("ttag %d", i%5000), "tnight", fmt.Sprintf("tplace %d", i%300), fmt.Sprintf("aWriter %d", i%200)},
	})
	if err != nil {
		b.Fatal(err)
	}
	return &nats.Msg{Subject: subject(node, id), Data: []byte("{}"), Header: nats.Header{
		"Gallerywire-Format": {"1"}, "Gallerywire-Index": {string(line)}, "Gallerywire-Event": {`{"kind":"article.published"}`},
	}}
}

// readBare reads all headers with an ordered consumer.
func readBare(b *testing.B, node *broker.Broker) time.Duration {
	b.Helper()
	began := time.Now()
	consumer, err := stream(b, node).OrderedConsumer(b.Context(), jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(4096))
	if err != nil {
		b.Fatal(err)
	}
	defer messages.Stop()
	for range archive {
		if _, err := messages.Next(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
