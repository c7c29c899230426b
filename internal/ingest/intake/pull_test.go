package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// The server is not taken for silent because nobody listened: while events are
// stored slowly, what it says waits.
func TestSlowStoreIsNoSilentServer(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	stream, _, err := b.Events(t.Context(), broker.EventStream{Name: "ARTICLES", Subjects: []string{"article.published"}, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := b.Consumer(t.Context(), stream, broker.Consumer{Name: "intake", AckWait: time.Minute, MaxAckPending: 64})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := b.JetStream().Publish(t.Context(), "article.published", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	calls := 0
	p, err := newPull(b.JetStream(), consumer, 8, func() { calls++ })
	if err != nil {
		t.Fatal(err)
	}
	defer p.drain()
	if _, err := p.next(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); len(p.ch) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the second event does not come")
		}
	}
	p.lastContact = time.Now().Add(-time.Hour) // for which the first was being stored
	if msg, err := p.next(); err != nil || string(msg.Data) != "1" {
		t.Fatalf("next: %v, %v", msg, err)
	}
	if msg, err := p.receive(); err != nil {
		t.Errorf("after an hour without an error: %v, %v", msg, err)
	}
	if calls != 2 {
		t.Errorf("%d calls of 2", calls)
	}
}

// No consumer for ten seconds is trouble, with the reason, until the server
// speaks.
func TestNoConsumerIsTrouble(t *testing.T) {
	why := errors.New("make stream ARTICLES: no room: make room")
	for name, consumers := range map[string]func(context.Context) ([]Consumer, error){
		"not known": func(context.Context) ([]Consumer, error) { return nil, why },
		"not made": func(context.Context) ([]Consumer, error) {
			return []Consumer{func(context.Context) (jetstream.Consumer, bool, error) { return nil, false, why }}, nil
		},
	} {
		t.Run(name, func(t *testing.T) { testNoConsumer(t, consumers) })
	}
}

func testNoConsumer(t *testing.T, consumers func(context.Context) ([]Consumer, error)) {
	synctest.Test(t, func(t *testing.T) {
		metrics := prometheus.NewRegistry()
		in := New(Options{
			Consumers: consumers,
			Rejects:   NewRejects(RejectsOptions{}), Registerer: metrics, Logger: slog.New(slog.DiscardHandler),
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		trouble := func(want string) {
			t.Helper()
			got := ""
			if err := in.Trouble(); err != nil {
				got = err.Error()
			}
			stuck := 0.0
			if want != "" {
				stuck = 1
			}
			if n := gauge(t, metrics, "gallerywire_intake_stuck"); got != want || n != stuck {
				t.Errorf("gallerywire_intake_stuck is %v, trouble is %q, want %q", n, got, want)
			}
		}
		since := time.Now().UTC().Format(time.RFC3339)
		<-time.After(troubleAfter - time.Second)
		trouble("")
		<-time.After(time.Second)
		trouble("events cannot be read since " + since + " and are not taken in: make stream ARTICLES: no room: make room")
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		in.reading.note(nil)
		for _, s := range *in.sources.Load() {
			s.reading.note(nil) // as when the server says something
		}
		trouble("")
	})
}
