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
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// unsent is a channel through which nothing is sent yet.
type unsent struct{ outbox.Channel }

// Pack implements [outbox.Channel].
func (unsent) Pack(context.Context, outbox.Notice) (outbox.Payload, error) {
	return nil, errors.New("not yet")
}

// startTellers has a webhook and a hub elsewhere, to which is owed through the
// channels named.
func startTellers(t *testing.T, b *broker.Broker, log *slog.Logger, channels ...string) *notifiers {
	t.Helper()
	c := config.Default()
	c.Webhooks = []config.Webhook{{Name: "partner", URL: "https://partner.example.com/", Secrets: []config.InlineSecret{"whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz"}}}
	hooks, err := webhooks(c, client(c), "news.example.com")
	if err != nil {
		t.Fatal(err)
	}
	pings, err := notice.NewPings(notice.PingOptions{Hubs: []string{"https://hub.example.org/"}, Client: client(c)})
	if err != nil {
		t.Fatal(err)
	}
	o := outboxOptions(b, slog.New(slog.DiscardHandler))
	o.Channels = map[string]outbox.Channel{}
	for _, name := range channels {
		o.Channels[name] = map[string]outbox.Channel{notice.ChannelWebhook: unsent{hooks}, notice.ChannelHub: unsent{pings}}[name]
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

// announcement is the nth announcement of a feed.
func announcement(n uint64) notice.Announcement {
	return notice.Announcement{
		Feed: "all", ID: fmt.Sprint("notice-", n), Position: notice.Position{Revision: n},
		Update: event.Update{Feed: "all", Formats: map[string]event.Address{"rss": {URL: "https://news.example.com/feeds/all.rss"}}},
	}
}

// writtenByANewerRelease replaces what is owed.
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
		t.Fatal("nothing is owed")
	}
}

func TestAChannelThatANewerReleaseWroteToStopsNoOther(t *testing.T) {
	b, log := brokertest.Start(t), new(bytes.Buffer)
	old := startTellers(t, b, slog.New(slog.DiscardHandler), notice.ChannelWebhook)
	if err := old.enqueue(t.Context(), announcement(1)); err == nil {
		t.Fatal("no error of the channel that is not there")
	}
	writtenByANewerRelease(t, b)
	notify := startTellers(t, b, slog.New(slog.NewTextHandler(log, nil)), notice.ChannelWebhook, notice.ChannelHub)
	for n := range uint64(3) {
		if err := notify.enqueue(t.Context(), announcement(n+2)); err != nil {
			t.Fatal(err)
		}
	}
	if got := notify.box.Pending(); got[notice.ChannelHub] == 0 || got[notice.ChannelWebhook] != 0 {
		t.Errorf("owed %v", got)
	}
	if got := strings.Count(log.String(), "a newer release wrote"); got != 1 {
		t.Errorf("said %d times:\n%s", got, log)
	}
}

func TestWhatCannotBeOwedThroughOneChannelIsOwedThroughTheOthers(t *testing.T) {
	for missing, there := range map[string]string{
		notice.ChannelWebhook: notice.ChannelHub,
		notice.ChannelHub:     notice.ChannelWebhook,
	} {
		t.Run("without "+missing, func(t *testing.T) {
			notify := startTellers(t, brokertest.Start(t), slog.New(slog.DiscardHandler), there)
			if err := notify.enqueue(t.Context(), announcement(1)); err == nil || !strings.Contains(err.Error(), `no channel "`+missing+`"`) {
				t.Errorf("error %v", err)
			}
			if got := notify.box.Pending(); got[there] != 1 {
				t.Errorf("owed %v", got)
			}
		})
	}
}

func TestOnlyANewerReleaseIsNoReasonToRepeat(t *testing.T) {
	newer, other := outbox.ErrNewerFormat, errors.New("storage is away")
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{newer, true},
		{other, false},
		{fmt.Errorf("owe: %w", newer), true},
		{fmt.Errorf("owe: %w", errors.Join(newer, newer)), true},
		{fmt.Errorf("owe: %w", errors.Join(newer, other)), false},
		{fmt.Errorf("owe: %w", errors.Join(other, fmt.Errorf("more: %w", newer))), false},
	} {
		if got := onlyNewer(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
