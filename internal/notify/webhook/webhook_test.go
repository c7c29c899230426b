package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/webhook"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// waitLimit bounds what a test waits for.
const waitLimit = 30 * time.Second

const (
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secret2 = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// epoch is before the changes that are announced.
var epoch = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// client reaches receivers on loopback.
func client() *outbound.Client {
	return outbound.New(outbound.Options{
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true, Timeout: waitLimit,
	})
}

// request is one as it was received.
type request struct {
	*http.Request
	body []byte
}

// receiver is what is called. It answers 204 by default.
type receiver struct {
	*httptest.Server
	answer http.HandlerFunc // may be nil

	mu  sync.Mutex
	got []request
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP notes the request.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.got = append(r.got, request{req, body})
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(w, req)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// all returns what was received so far.
func (r *receiver) all() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// webhooks of a site with the feeds "all" and "news".
func webhooks(t *testing.T, hooks ...webhook.Hook) *webhook.Hooks {
	t.Helper()
	for i := range hooks {
		if hooks[i].Secrets == nil {
			hooks[i].Secrets = []string{secret}
		}
	}
	w, err := webhook.New(webhook.Options{
		Hooks: hooks, Feeds: []string{"all", "news"}, SiteID: "example.com", Client: client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func update(feed string, added ...string) event.Update {
	return event.Update{
		Feed: feed, Changed: epoch.Add(time.Minute), Added: added, Edited: []string{}, Removed: []string{},
		Formats: map[string]event.Address{"rss": {URL: "https://example.com/feeds/" + feed + ".rss", ETag: `"r"`}},
	}
}

// announced is what a channel completes.
func announced(id string, u event.Update) outbox.Notice {
	return outbox.Notice{About: u.Feed, ID: id, Order: outbox.Order{Revision: 7}, At: u.Changed}
}

// noticeOf is the one notice of an update for the webhooks.
func noticeOf(t *testing.T, w *webhook.Hooks, id string, u event.Update) outbox.Notice {
	t.Helper()
	ns, err := w.Notices(announced(id, u), u)
	if err != nil || len(ns) != 1 {
		t.Fatalf("notices %v: %v", ns, err)
	}
	return ns[0]
}

func targets(w *webhook.Hooks, n outbox.Notice) []outbox.Target {
	return slices.Collect(func(yield func(outbox.Target) bool) { w.Targets(n, yield) })
}

// deliver makes one attempt for the only target of n.
func deliver(t *testing.T, w *webhook.Hooks, n outbox.Notice) error {
	t.Helper()
	payload, err := w.Pack(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	all := targets(w, n)
	if len(all) != 1 || payload.Version() != n.DeliveryID() {
		t.Fatalf("targets %v, version %q", all, payload.Version())
	}
	return payload.Send(t.Context(), all[0])
}

func wantSigned(t *testing.T, got request, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		v, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(got.body, got.Header); err != nil {
			t.Error(err)
		}
		if err := v.Verify(append(got.body, ' '), got.Header); err == nil {
			t.Error("another body passes")
		}
	}
	if n := len(strings.Fields(got.Header.Get("webhook-signature"))); n != len(secrets) {
		t.Errorf("%d signatures, want %d", n, len(secrets))
	}
}

func TestWebhookGetsSignedEvent(t *testing.T) {
	r := newReceiver(t)
	w := webhooks(t, webhook.Hook{Name: "partner", URL: r.URL + "/in?token=a%2Fb", Secrets: []string{secret, secret2}})
	u := update("all", "b", "a")
	n := noticeOf(t, w, "n-1", u)
	for range 2 { // the second is another attempt
		if err := deliver(t, w, n); err != nil {
			t.Fatal(err)
		}
	}
	want, err := event.NewUpdate("n-1", "example.com", u).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range r.all() {
		if got.Method != http.MethodPost || got.RequestURI != "/in?token=a%2Fb" || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s with %s", got.Method, got.RequestURI, got.Header.Get("Content-Type"))
		}
		if id := got.Header.Get("webhook-id"); id != "n-1" {
			t.Errorf("webhook-id %q", id)
		}
		if diff := cmp.Diff(string(want), string(got.body)); diff != "" {
			t.Errorf("body (-want +got):\n%s", diff)
		}
		wantSigned(t, got, secret, secret2)
	}
	if n := len(r.all()); n != 2 {
		t.Errorf("received %d", n)
	}
}

func TestWebhookOfAPartnersFeedGetsPartnerUpdated(t *testing.T) {
	r := newReceiver(t)
	w := webhooks(t, webhook.Hook{Name: "msn", URL: r.URL, Feeds: []string{"partners/msn"}})
	if err := deliver(t, w, noticeOf(t, w, "n-1", update("partners/msn", "a"))); err != nil {
		t.Fatal(err)
	}
	var e struct{ Type, Subject string }
	if err := json.Unmarshal(r.all()[0].body, &e); err != nil || e.Type != "partner.updated" || e.Subject != "partners/msn" {
		t.Errorf("%v: sent %s", err, r.all()[0].body)
	}
}

func TestWebhookNotice(t *testing.T) {
	w := webhooks(t, webhook.Hook{Name: "partner", URL: "http://127.0.0.1:9/in?token=x"})
	u := update("all", "a")
	got := noticeOf(t, w, "n-1", u)
	if len(got.Data) == 0 {
		t.Error("nothing to build it from")
	}
	got.Data = nil
	want := announced("n-1", u)
	want.Channel = "webhook"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
	to := outbox.Target{Key: "partner", Name: "partner", Endpoint: "webhook.partner", Host: "127.0.0.1:9"}
	if diff := cmp.Diff([]outbox.Target{to}, targets(w, got)); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestWebhooksGetTheirFeeds(t *testing.T) {
	w := webhooks(t,
		webhook.Hook{Name: "every", URL: "http://127.0.0.1:9/1"},
		webhook.Hook{Name: "some", URL: "http://127.0.0.1:9/2", Feeds: []string{"news", "sections/travel"}},
		webhook.Hook{Name: "tag", URL: "http://127.0.0.1:9/3", Feeds: []string{"tags/night", "sections/travel"}},
		webhook.Hook{Name: "msn", URL: "http://127.0.0.1:9/4", Feeds: []string{"partners/msn"}},
	)
	for feed, want := range map[string][]string{
		"all":             {"every"},
		"news":            {"every", "some"},
		"sections/travel": {"some", "tag"},
		"tags/night":      {"tag"},
		"tags/day":        nil,
		"partners/msn":    {"msn"},
		"partners/wire":   nil,
	} {
		u := update(feed, "a")
		ns, err := w.Notices(announced("n-1", u), u)
		if err != nil || len(ns) > 1 {
			t.Fatalf("%s: notices %v: %v", feed, ns, err)
		}
		var got []string
		for _, n := range ns {
			for _, to := range targets(w, n) {
				got = append(got, to.Key)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("of %s are targets %v, want %v", feed, got, want)
		}
		for _, name := range []string{"every", "some", "tag", "msn", "none"} {
			_, found := w.Target(outbox.Notice{Channel: "webhook", About: feed}, name)
			if found != slices.Contains(want, name) {
				t.Errorf("%s of %s is found: %v", name, feed, found)
			}
		}
	}
	if got, want := w.Feeds(), []string{"partners/msn", "sections/travel", "tags/night"}; !slices.Equal(got, want) {
		t.Errorf("they ask for %v, want %v", got, want)
	}
}

func answering(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func TestRefusedWebhookIsAnError(t *testing.T) {
	r := newReceiver(t)
	r.answer = answering(http.StatusGone)
	w := webhooks(t, webhook.Hook{Name: "partner", URL: r.URL + "/in"})
	err := deliver(t, w, noticeOf(t, w, "n-1", update("all", "a")))
	if !errors.Is(err, outbox.ErrFinal) || !strings.Contains(err.Error(), "answered 410 Gone") {
		t.Errorf("error %v", err)
	}
}

func TestWebhookErrorsHoldNoSecrets(t *testing.T) {
	r := newReceiver(t)
	r.Close()
	w := webhooks(t, webhook.Hook{Name: "partner", URL: r.URL + "/in?token=hidden", Secrets: []string{secret}})
	err := deliver(t, w, noticeOf(t, w, "n-1", update("all", "a")))
	_, tested := w.Test(t.Context(), "partner")
	errs := []error{err, tested}
	for _, h := range []webhook.Hook{
		{Name: "a", URL: "ftp://example.com/?token=hidden", Secrets: []string{secret}},
		{Name: "b", URL: "https://example.com/%zz?token=hidden", Secrets: []string{secret}},
		{Name: "c", URL: "https://us er:hidden@example.com/", Secrets: []string{secret}},
		{Name: "d", URL: "https://example.com/?token=hidden", Secrets: []string{secret + "hidden"}},
	} {
		_, err := webhook.New(webhook.Options{Hooks: []webhook.Hook{h}, Client: client()})
		errs = append(errs, err)
	}
	for _, err := range errs {
		if err == nil {
			t.Error("no error")
			continue
		}
		for _, hidden := range []string{"hidden", strings.TrimPrefix(secret, "whsec_")} {
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("error %v", err)
			}
		}
	}
}

func TestUnusableWebhookRefused(t *testing.T) {
	good := webhook.Hook{Name: "good", URL: "https://example.com/in", Secrets: []string{secret}}
	for reason, h := range map[string]webhook.Hook{
		"a name is":                 {Name: "a b", URL: good.URL, Secrets: good.Secrets},
		"another one has this name": good,
		"no secret":                 {Name: "bare", URL: good.URL},
		"secret 2 is not a secret":  {Name: "short", URL: good.URL, Secrets: []string{secret, "whsec_c2hvcnQ="}},
		"secret 1 is not a secret":  {Name: "noise", URL: good.URL, Secrets: []string{"whsec_?"}},
		"secret 1 is not a":         {Name: "bare-secret", URL: good.URL, Secrets: []string{strings.TrimPrefix(secret, "whsec_")}}, // as the configuration says
	} {
		_, err := webhook.New(webhook.Options{Hooks: []webhook.Hook{good, h}, Client: client()})
		if err == nil || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), fmt.Sprintf("%q", h.Name)) {
			t.Errorf("%s: error %v", reason, err)
		}
	}
}

func TestTestEventSigned(t *testing.T) {
	r := newReceiver(t)
	w := webhooks(t, webhook.Hook{Name: "partner", URL: r.URL, Feeds: []string{"news"}})
	if status, err := w.Test(t.Context(), "partner"); status != http.StatusNoContent || err != nil {
		t.Fatalf("status %d, error %v", status, err)
	}
	got := r.all()[0]
	wantSigned(t, got, secret)
	var e struct {
		ID, Type, Subject string
		Data              event.Update
	}
	if err := json.Unmarshal(got.body, &e); err != nil {
		t.Fatal(err)
	}
	if e.Type != "gallerywire.test" || e.Subject != "news" || e.Data.Feed != "news" || e.ID != got.Header.Get("webhook-id") {
		t.Errorf("sent %s", got.body)
	}
}

func TestTestReturnsStatus(t *testing.T) {
	r := newReceiver(t)
	r.answer = answering(http.StatusForbidden)
	w := webhooks(t, webhook.Hook{Name: "partner", URL: r.URL})
	if status, err := w.Test(t.Context(), "partner"); status != http.StatusForbidden || err == nil {
		t.Errorf("status %d, error %v", status, err)
	}
	if status, err := w.Test(t.Context(), "none"); status != 0 || err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("status %d, error %v", status, err)
	}
	r.Close()
	if status, err := w.Test(t.Context(), "partner"); status != 0 || err == nil {
		t.Errorf("status %d, error %v", status, err)
	}
}

func TestUnreadableNoticeIsFinal(t *testing.T) {
	w := webhooks(t, webhook.Hook{Name: "partner", URL: "http://127.0.0.1:9/"})
	if _, err := w.Pack(t.Context(), outbox.Notice{About: "all", ID: "n-1", Data: []byte("noise")}); !errors.Is(err, outbox.ErrFinal) {
		t.Errorf("error %v", err)
	}
}

func TestUnconfiguredWebhookIsFinal(t *testing.T) {
	before := webhooks(t, webhook.Hook{Name: "partner", URL: "http://127.0.0.1:9/"})
	n := noticeOf(t, before, "n-1", update("all", "a"))
	to := targets(before, n)[0]
	payload, err := webhooks(t).Pack(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if err := payload.Send(t.Context(), to); !errors.Is(err, outbox.ErrFinal) {
		t.Errorf("error %v", err)
	}
}

func TestMissedUpdatesMerged(t *testing.T) {
	r := newReceiver(t)
	w := webhooks(t, webhook.Hook{Name: "partner", URL: r.URL})
	old, newer := update("all", "a"), update("all", "b")
	newer.Changed = epoch.Add(time.Hour)
	newer.Formats = map[string]event.Address{"rss": {URL: "https://example.com/new.rss", ETag: `"new"`}}
	plain := noticeOf(t, w, "n-2", newer)
	plain.Order.Revision++
	n := w.Merge(noticeOf(t, w, "n-1", old), plain)
	if err := deliver(t, w, n); err != nil {
		t.Fatal(err)
	}
	got := r.all()[0]
	wantSigned(t, got, secret)
	newer.Added = []string{"b", "a"}
	want, err := event.NewUpdate("n-2", "example.com", newer).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got.body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if n.Order != plain.Order || got.Header.Get("webhook-id") != "n-2" {
		t.Errorf("order %v, webhook-id %q", n.Order, got.Header.Get("webhook-id"))
	}
	noise := outbox.Notice{Channel: "webhook", About: "all", ID: "n-0", Data: []byte("noise")}
	if diff := cmp.Diff(plain, w.Merge(noise, plain)); diff != "" {
		t.Errorf("merged with noise (-want +got):\n%s", diff)
	}
}
