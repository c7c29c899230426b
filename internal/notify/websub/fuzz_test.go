package websub_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Whatever is sent, the answer is plain text and yes or the sender's fault; and
// nothing is queued to a callback that would never be called.
func FuzzRequest(f *testing.F) {
	for _, seed := range []url.Values{
		form(), form("hub.mode", "unsubscribe"), form("hub.secret", "s", "hub.lease_seconds", "3600"), twice("hub.topic"),
		form("hub.callback", "http://[::ffff:127.0.0.1]:80/?a=b#c"), form("hub.callback", "HTTP://Reader.Example.com.:8080?x"),
		{"hub.mode": {"publish"}, "hub.url": {topic("all", "rss"), "x"}},
	} {
		f.Add("application/x-www-form-urlencoded", seed.Encode())
	}
	f.Add("application/json", "{}")
	f.Add("application/x-www-form-urlencoded; charset=\"", "hub.mode=%")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		client := outbound.New(outbound.Options{AllowHTTP: true})
		store := &memory{}
		h, err := websub.NewForTest(websub.Options{
			Bucket: bucket.Options{JetStream: store, Open: func(context.Context) (jetstream.Stream, error) { return nothing{}, nil }},
			Topics: newSite(), Client: client, ClientOf: peerOf, RequestsPerMinute: 10,
		})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/hub", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		status, text := checkAnswer(t, w.Result())
		if status/100 != 2 && status/100 != 4 || status/100 == 4 && text == "" {
			t.Errorf("%d %q", status, text)
		}
		if (status == http.StatusAccepted) != (len(store.written) == 1) {
			t.Fatalf("status %d, stored %q", status, store.written)
		}
		for _, data := range store.written {
			var stored struct{ Callback string }
			if err := json.Unmarshal(data, &stored); err != nil {
				t.Fatal(err)
			}
			u, err := client.Check(stored.Callback)
			if err != nil {
				t.Fatalf("%q has %q asked: %v", body, stored.Callback, err)
			}
			if host := websub.GroupOf(stored.Callback); host != strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) {
				t.Errorf("%q is on the host %q", stored.Callback, host)
			}
		}
	})
}

// memory is a bucket that keeps what is written.
type memory struct {
	jetstream.JetStream
	written [][]byte
}

// PublishMsg implements [jetstream.JetStream].
func (m *memory) PublishMsg(_ context.Context, msg *nats.Msg, _ ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	m.written = append(m.written, msg.Data)
	return &jetstream.PubAck{Sequence: uint64(len(m.written))}, nil
}

// nothing is the stream of a bucket without records.
type nothing struct{ jetstream.Stream }

// GetLastMsgForSubject implements [jetstream.Stream].
func (nothing) GetLastMsgForSubject(context.Context, string) (*jetstream.RawStreamMsg, error) {
	return nil, jetstream.ErrMsgNotFound
}
