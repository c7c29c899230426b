package app

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/ping"
	"github.com/gallerywire/gallerywire/internal/notify/webhook"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

func TestRetryOfADeadLetterNamesAMissingTarget(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	c := config.Default()
	c.Webhooks = []config.Webhook{{Name: "partner", URL: "https://partner.example.com/", Secrets: []config.InlineSecret{"whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz"}}}
	c.WebSub.ExternalHubs = []string{"https://hub.example.org/"}
	c.Digests = []config.Digest{{Name: "morning", Schedule: "@daily", To: []config.InlineSecret{"smtp://mail.example.com/?from=a@example.com&to=b@example.com"}}}
	c.Intake.Keys = withCallback().Intake.Keys
	l := &DeadLetters{config: c, broker: b}

	pings, err := ping.New(ping.Options{Hubs: c.WebSub.ExternalHubs, Client: client(c)})
	if err != nil {
		t.Fatal(err)
	}
	digests, err := openDigests(c)
	if err != nil {
		t.Fatal(err)
	}
	keyOf := func(channel outbox.Channel, about string) (key string) {
		channel.Targets(outbox.Notice{About: about}, func(to outbox.Target) bool { key = to.Key; return false })
		return key
	}
	left := func(channel, about, name, key string) string {
		t.Helper()
		why, err := l.missing(t.Context(), outbox.DeadLetter{Channel: channel, About: about, Target: name, To: key})
		if err != nil {
			t.Errorf("%s %s: %v", channel, name, err)
		}
		return why
	}
	const hub, mail, reader = "https://hub.example.org/", "smtp mail.example.com", "https://reader.example.com/cb"
	if got, want := left(websub.Channel, "all", reader, "0a"), reader+" no longer subscribes to all"; got != want {
		t.Errorf("without any subscription: %q, want %q", got, want)
	}
	if _, err := b.Bucket(t.Context(), bucketSubscriptions); err != nil {
		t.Fatal(err)
	}
	subscriptions, err := b.JetStream().KeyValue(t.Context(), b.Name(bucketSubscriptions))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"0a", "0b"} {
		if _, err := subscriptions.PutString(t.Context(), key, "{}"); err != nil {
			t.Fatal(err)
		}
	}
	if err := subscriptions.Delete(t.Context(), "0b"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ channel, about, name, key, want string }{
		{webhook.Channel, "all", "partner", "partner", ""},
		{webhook.Channel, "all", "dead", "dead", `there is no webhook "dead"`},
		{webhook.Channel, "tags/night", "partner", "partner", `webhook "partner" no longer gets tags/night`},
		{webhook.CallbackChannel, "article.rejected 0a wp-1", "wp", "wp", ""},
		{webhook.CallbackChannel, "article.rejected 0a wire-1", "wp", "wp", `key "wp" has no callback any more, or another id_prefix`},
		{webhook.CallbackChannel, "article.rejected 0a wp-1", "quiet", "quiet", `key "quiet" has no callback any more, or another id_prefix`},
		{ping.Channel, "all", hub, keyOf(pings, "all"), ""},
		{ping.Channel, "all", "https://old.example.org/", "0", "https://old.example.org/ is no longer in websub.external_hubs"},
		{digest.Channel, "morning", mail, keyOf(digests, "morning"), ""},
		{digest.Channel, "morning", mail, "0", `digest "morning" no longer goes to ` + mail},
		{digest.Channel, "evening", mail, keyOf(digests, "morning"), `digest "evening" no longer goes to ` + mail},
		{websub.Channel, "all", reader, "0a", ""},
		{websub.Channel, "all", reader, "0b", reader + " no longer subscribes to all"},
		{"of a newer release", "all", "x", "x", ""},
	} {
		if got := left(tt.channel, tt.about, tt.name, tt.key); got != tt.want {
			t.Errorf("%s %s about %s: %q, want %q", tt.channel, tt.name, tt.about, got, tt.want)
		}
	}
}
