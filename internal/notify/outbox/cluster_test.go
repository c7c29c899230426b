package outbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// TestLeadersOfAClusterChange has another server of a cluster take the bucket
// over, again and again, while two nodes tell everyone of one notice after the
// other: each ends with the last, and none gets an old one after a new one. It is not
// parallel: three servers keep the machine busy.
func TestLeadersOfAClusterChange(t *testing.T) {
	const many, notices = 300, 6
	c := brokertest.StartCluster(t)
	w := newWorld(t, many)
	b, err := broker.Open(t.Context(), broker.Options{URL: c.URL(), Replicas: 3, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	w.broker = b
	for i := range many {
		w.answers(i, after(5*time.Millisecond))
	}
	one, other := w.node(few), w.node(few)
	one.run()
	other.run()
	for nth := 1; nth <= notices; nth++ {
		eventually(t, "it is stored", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			return one.Put(ctx, notice("all", nth)) == nil
		})
		got := fmt.Sprint("all-", nth)
		eventually(t, "some have it", func() bool { return w.count(got) > many/10 })
		c.StepDown("KV_" + b.Name("outbox"))
	}
	last := fmt.Sprint("all-", notices)
	eventually(t, "nothing is pending", func() bool { return one.Pending()["test"] == 0 && other.Pending()["test"] == 0 })
	if n := w.count(last); n < many {
		t.Errorf("%d of %d got the last", n, many)
	}
	for i := range many {
		received := w.received(i)
		for j := range received {
			if j > 0 && received[j] < received[j-1] {
				t.Fatalf("target %d received %q", i, received)
			}
		}
		if received[len(received)-1] != last {
			t.Errorf("target %d ended with %s", i, received[len(received)-1])
		}
	}
	if w.overlap {
		t.Error("two deliveries to one endpoint at once")
	}
}

// few has a node send few at a time.
func few(o *outbox.Options) { o.Concurrency, o.PerHost = 4, 2 }
