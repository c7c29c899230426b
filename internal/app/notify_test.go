package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/ping"
	"github.com/gallerywire/gallerywire/internal/notify/webhook"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// unsent is a channel through which nothing is sent yet.
type unsent struct{ outbox.Channel }

// Pack implements [outbox.Channel].
func (unsent) Pack(context.Context, outbox.Notice) (outbox.Payload, error) {
	return nil, errors.New("not yet")
}

// startNotifiers has a webhook and a hub elsewhere, notified through the
// channels named.
func startNotifiers(t *testing.T, b *broker.Broker, log *slog.Logger, channels ...string) *notifiers {
	t.Helper()
	c := config.Default()
	c.Webhooks = []config.Webhook{{Name: "partner", URL: "https://partner.example.com/", Secrets: []config.InlineSecret{"whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz"}}}
	hooks, err := webhooks(c, client(c), "news.example.com")
	if err != nil {
		t.Fatal(err)
	}
	pings, err := ping.New(ping.Options{Hubs: []string{"https://hub.example.org/"}, Client: client(c)})
	if err != nil {
		t.Fatal(err)
	}
	o := outboxOptions(b, slog.New(slog.DiscardHandler))
	o.Channels = map[string]outbox.Channel{}
	for _, name := range channels {
		o.Channels[name] = map[string]outbox.Channel{webhook.Channel: unsent{hooks}, ping.Channel: unsent{pings}}[name]
	}
	notify := &notifiers{hooks: hooks, pings: pings, log: log, box: outbox.New(o)}
	run, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- notify.box.Run(run) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if !until(run, notify.box.Ready) {
		t.Fatal(run.Err())
	}
	return notify
}

// announce enqueues the nth notice of a feed.
func (ns *notifiers) announce(ctx context.Context, n uint64) error {
	return ns.enqueue(ctx, outbox.Notice{About: "all", ID: fmt.Sprint("notice-", n), Order: outbox.Order{Revision: n}},
		event.Update{Feed: "all", Formats: map[string]event.Address{"rss": {URL: "https://news.example.com/feeds/all.rss"}}})
}

// writtenByANewerRelease replaces the pending notices.
func writtenByANewerRelease(t *testing.T, b *broker.Broker) {
	t.Helper()
	bucket, err := b.JetStream().KeyValue(t.Context(), b.Name(bucketOutbox))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := bucket.ListKeysFiltered(t.Context(), "owed.>", "late.>")
	if err != nil {
		t.Fatal(err)
	}
	replaced := 0
	for key := range keys.Keys() {
		if _, err := bucket.Put(t.Context(), key, []byte(`{"format":1000}`)); err != nil {
			t.Fatal(err)
		}
		replaced++
	}
	if replaced == 0 {
		t.Fatal("no notice is pending")
	}
}

func TestAChannelThatANewerReleaseWroteToStopsNoOther(t *testing.T) {
	t.Parallel()
	b, log := brokertest.Start(t), new(bytes.Buffer)
	old := startNotifiers(t, b, slog.New(slog.DiscardHandler), webhook.Channel)
	if err := old.announce(t.Context(), 1); err == nil {
		t.Fatal("no error of the channel that is not there")
	}
	writtenByANewerRelease(t, b)
	notify := startNotifiers(t, b, slog.New(slog.NewTextHandler(log, nil)), webhook.Channel, ping.Channel)
	for n := range uint64(3) {
		if err := notify.announce(t.Context(), n+2); err != nil {
			t.Fatal(err)
		}
	}
	if got := notify.box.Pending(); got[ping.Channel] == 0 || got[webhook.Channel] != 0 {
		t.Errorf("pending %v", got)
	}
	if got := strings.Count(log.String(), "a newer release wrote"); got != 1 {
		t.Errorf("logged %d times:\n%s", got, log)
	}
}

func TestMissingChannelHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for missing, there := range map[string]string{
		webhook.Channel: ping.Channel,
		ping.Channel:    webhook.Channel,
	} {
		t.Run("without "+missing, func(t *testing.T) {
			notify := startNotifiers(t, brokertest.Start(t), slog.New(slog.DiscardHandler), there)
			if err := notify.announce(t.Context(), 1); err == nil || !strings.Contains(err.Error(), `no channel "`+missing+`"`) {
				t.Errorf("error %v", err)
			}
			if got := notify.box.Pending(); got[there] != 1 {
				t.Errorf("pending %v", got)
			}
		})
	}
}

func TestOnlyANewerReleaseIsNoReasonToRepeat(t *testing.T) {
	t.Parallel()
	newer, other := outbox.ErrNewerFormat, errors.New("storage is away")
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{newer, true},
		{other, false},
		{fmt.Errorf("put: %w", newer), true},
		{fmt.Errorf("put: %w", errors.Join(newer, newer)), true},
		{fmt.Errorf("put: %w", errors.Join(newer, other)), false},
		{fmt.Errorf("put: %w", errors.Join(other, fmt.Errorf("more: %w", newer))), false},
	} {
		if got := onlyNewer(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
