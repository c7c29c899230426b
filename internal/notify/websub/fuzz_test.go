package websub_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
)

// Whatever is sent, the answer is plain text and yes or the sender's fault; and
// nothing is owed to a callback that would never be called.
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
		var owed []outbox.Notice
		h, err := websub.New(websub.Options{
			Topics: newSite(), Client: client, RequestsPerMinute: 10,
			Put: func(_ context.Context, n outbox.Notice) error {
				owed = append(owed, n)
				return nil
			},
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
		if (status == http.StatusAccepted) != (len(owed) == 1) {
			t.Fatalf("status %d, owed %v", status, owed)
		}
		for _, n := range owed {
			to, found := h.VerificationChannel().Target(n, n.To[0])
			u, err := client.Check(to.Endpoint)
			if !found || err != nil {
				t.Fatalf("%q is owed to %+v: %v", body, to, err)
			}
			if host := strings.Trim(to.Host, "[]"); host != strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) {
				t.Errorf("%q is on the host %q", to.Endpoint, to.Host)
			}
		}
	})
}
