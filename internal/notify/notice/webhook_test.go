package notice_test

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
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secret2 = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// caller reaches receivers on loopback.
func caller() *outbound.Client {
	return outbound.New(outbound.Options{
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true, Timeout: patience,
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
func webhooks(t *testing.T, hooks ...notice.Hook) *notice.Webhooks {
	t.Helper()
	for i := range hooks {
		if hooks[i].Secrets == nil {
			hooks[i].Secrets = []string{secret}
		}
	}
	w, err := notice.NewWebhooks(notice.WebhookOptions{
		Hooks: hooks, Feeds: []string{"all", "news"}, SiteID: "example.com", Client: caller(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func announcement(id, feed string, added ...string) notice.Announcement {
	return notice.Announcement{
		Feed: feed, ID: id, Position: notice.Position{Epoch: epoch, Revision: 7}, At: epoch.Add(time.Minute),
		Update: event.Update{
			Feed: feed, Changed: epoch.Add(time.Minute), Added: added, Edited: []string{}, Removed: []string{},
			Formats: map[string]event.Address{
				"rss":  {URL: "https://example.com/feeds/" + feed + ".rss", ETag: `"r"`},
				"atom": {URL: "https://example.com/feeds/" + feed + ".atom", ETag: `"a"`},
			},
		},
	}
}

// notifier makes notices of announcements.
type notifier interface {
	outbox.Channel
	Notices(notice.Announcement) ([]outbox.Notice, error)
}

// noticeOf is the one notice of an announcement for a channel.
func noticeOf(t *testing.T, channel notifier, a notice.Announcement) outbox.Notice {
	t.Helper()
	ns, err := channel.Notices(a)
	if err != nil || len(ns) != 1 {
		t.Fatalf("notices %v: %v", ns, err)
	}
	return ns[0]
}

func targets(channel outbox.Channel, n outbox.Notice) []outbox.Target {
	var all []outbox.Target
	channel.Targets(n, func(to outbox.Target) bool {
		all = append(all, to)
		return true
	})
	return all
}

// deliver makes one attempt for the only target of n.
func deliver(t *testing.T, channel outbox.Channel, n outbox.Notice) error {
	t.Helper()
	payload, err := channel.Pack(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	all := targets(channel, n)
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
	w := webhooks(t, notice.Hook{Name: "partner", URL: r.URL + "/in?token=a%2Fb", Secrets: []string{secret, secret2}})
	a := announcement("n-1", "all", "b", "a")
	n := noticeOf(t, w, a)
	for range 2 { // the second is another attempt
		if err := deliver(t, w, n); err != nil {
			t.Fatal(err)
		}
	}
	want, err := event.NewUpdate("n-1", "example.com", a.Update).Encode()
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

func TestWebhookNotice(t *testing.T) {
	w := webhooks(t, notice.Hook{Name: "partner", URL: "http://127.0.0.1:9/in?token=x"})
	a := announcement("n-1", "all", "a")
	got := noticeOf(t, w, a)
	if len(got.Data) == 0 {
		t.Error("nothing to build it from")
	}
	got.Data = nil
	want := outbox.Notice{Channel: "webhook", About: "all", ID: "n-1", Order: a.Order(), At: a.At}
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
		notice.Hook{Name: "every", URL: "http://127.0.0.1:9/1"},
		notice.Hook{Name: "some", URL: "http://127.0.0.1:9/2", Feeds: []string{"news", "sections/travel"}},
		notice.Hook{Name: "tag", URL: "http://127.0.0.1:9/3", Feeds: []string{"tags/night", "sections/travel"}},
	)
	for feed, want := range map[string][]string{
		"all":             {"every"},
		"news":            {"every", "some"},
		"sections/travel": {"some", "tag"},
		"tags/night":      {"tag"},
		"tags/day":        nil,
	} {
		ns, err := w.Notices(announcement("n-1", feed, "a"))
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
		for _, name := range []string{"every", "some", "tag", "none"} {
			_, found := w.Target(outbox.Notice{Channel: "webhook", About: feed}, name)
			if found != slices.Contains(want, name) {
				t.Errorf("%s of %s is found: %v", name, feed, found)
			}
		}
	}
	if got, want := w.Feeds(), []string{"sections/travel", "tags/night"}; !slices.Equal(got, want) {
		t.Errorf("they ask for %v, want %v", got, want)
	}
}

// answering answers with the status and the headers, in pairs.
func answering(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

func TestWebhookResponses(t *testing.T) {
	for _, c := range []struct {
		status int
		header []string
		want   string // what is done
	}{
		{200, nil, "accepted"},
		{202, nil, "accepted"},
		{299, nil, "accepted"},
		{301, []string{"Location", "/elsewhere"}, "again"},
		{307, []string{"Location", "/elsewhere"}, "again"},
		{400, nil, "again"},
		{404, []string{"Retry-After", "30"}, "again"},
		{410, []string{"Retry-After", "30"}, "given up"},
		{429, nil, "again"},
		{429, []string{"Retry-After", "30"}, "after 30s"},
		{500, []string{"Retry-After", "30"}, "again"},
		{502, []string{"Retry-After", "30"}, "after 30s"},
		{503, []string{"Retry-After", "120"}, "after 2m0s"},
		{503, []string{"Retry-After", "soon"}, "again"},
		{504, []string{"Retry-After", "30"}, "after 30s"},
		{999, nil, "again"},
	} {
		t.Run(fmt.Sprint(c.status, c.header), func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			r.answer = answering(c.status, c.header...)
			w := webhooks(t, notice.Hook{Name: "partner", URL: r.URL + "/in"})
			err := deliver(t, w, noticeOf(t, w, announcement("n-1", "all", "a")))
			if got := outcome(err); got != c.want {
				t.Errorf("%s, want %s (%v)", got, c.want, err)
			}
			if err != nil && !strings.Contains(err.Error(), fmt.Sprint("answered ", c.status)) {
				t.Errorf("error %v", err)
			}
			if n := len(r.all()); n != 1 {
				t.Errorf("called %d times", n)
			}
		})
	}
}

// outcome is what the outbox does after an attempt.
func outcome(err error) string {
	if later, ok := errors.AsType[*outbox.RetryError](err); ok {
		return "after " + later.After.String()
	}
	switch {
	case err == nil:
		return "accepted"
	case errors.Is(err, outbox.ErrFinal):
		return "given up"
	}
	return "again"
}

func TestWebhookErrorsHoldNoSecrets(t *testing.T) {
	r := newReceiver(t)
	r.Close()
	w := webhooks(t, notice.Hook{Name: "partner", URL: r.URL + "/in?token=hidden", Secrets: []string{secret}})
	err := deliver(t, w, noticeOf(t, w, announcement("n-1", "all", "a")))
	_, tested := w.Test(t.Context(), "partner")
	errs := []error{err, tested}
	for _, h := range []notice.Hook{
		{Name: "a", URL: "ftp://example.com/?token=hidden", Secrets: []string{secret}},
		{Name: "b", URL: "https://example.com/%zz?token=hidden", Secrets: []string{secret}},
		{Name: "c", URL: "https://us er:hidden@example.com/", Secrets: []string{secret}},
		{Name: "d", URL: "https://example.com/?token=hidden", Secrets: []string{secret + "hidden"}},
	} {
		_, err := notice.NewWebhooks(notice.WebhookOptions{Hooks: []notice.Hook{h}, Client: caller()})
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
	good := notice.Hook{Name: "good", URL: "https://example.com/in", Secrets: []string{secret}}
	for reason, h := range map[string]notice.Hook{
		"a name is":                 {Name: "a b", URL: good.URL, Secrets: good.Secrets},
		"another one has this name": good,
		"no secret":                 {Name: "bare", URL: good.URL},
		"secret 2 is not whsec_":    {Name: "short", URL: good.URL, Secrets: []string{secret, "whsec_c2hvcnQ="}},
		"secret 1 is not whsec_":    {Name: "noise", URL: good.URL, Secrets: []string{"whsec_?"}},
	} {
		_, err := notice.NewWebhooks(notice.WebhookOptions{Hooks: []notice.Hook{good, h}, Client: caller()})
		if err == nil || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), fmt.Sprintf("%q", h.Name)) {
			t.Errorf("%s: error %v", reason, err)
		}
	}
}

func TestTestEventSigned(t *testing.T) {
	r := newReceiver(t)
	w := webhooks(t, notice.Hook{Name: "partner", URL: r.URL, Feeds: []string{"news"}})
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
	w := webhooks(t, notice.Hook{Name: "partner", URL: r.URL})
	if status, err := w.Test(t.Context(), "partner"); status != http.StatusForbidden || err == nil {
		t.Errorf("status %d, error %v", status, err)
	}
	if status, err := w.Test(t.Context(), "nobody"); status != 0 || err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("status %d, error %v", status, err)
	}
	r.Close()
	if status, err := w.Test(t.Context(), "partner"); status != 0 || err == nil {
		t.Errorf("status %d, error %v", status, err)
	}
}

func TestUnreadableNoticeIsFinal(t *testing.T) {
	w := webhooks(t, notice.Hook{Name: "partner", URL: "http://127.0.0.1:9/"})
	if _, err := w.Pack(t.Context(), outbox.Notice{About: "all", ID: "n-1", Data: []byte("noise")}); !errors.Is(err, outbox.ErrFinal) {
		t.Errorf("error %v", err)
	}
}

func TestUnconfiguredWebhookIsFinal(t *testing.T) {
	before := webhooks(t, notice.Hook{Name: "partner", URL: "http://127.0.0.1:9/"})
	n := noticeOf(t, before, announcement("n-1", "all", "a"))
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
	w := webhooks(t, notice.Hook{Name: "partner", URL: r.URL})
	old, newer := announcement("n-1", "all", "a"), announcement("n-2", "all", "b")
	newer.Update.Changed = epoch.Add(time.Hour)
	newer.Update.Formats = map[string]event.Address{"rss": {URL: "https://example.com/new.rss", ETag: `"new"`}}
	newer.Position.Revision++
	n := w.Merge(noticeOf(t, w, old), noticeOf(t, w, newer))
	if err := deliver(t, w, n); err != nil {
		t.Fatal(err)
	}
	got := r.all()[0]
	wantSigned(t, got, secret)
	newer.Update.Added = []string{"b", "a"}
	want, err := event.NewUpdate("n-2", "example.com", newer.Update).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got.body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if n.Order != newer.Order() || got.Header.Get("webhook-id") != "n-2" {
		t.Errorf("order %v, webhook-id %q", n.Order, got.Header.Get("webhook-id"))
	}
	plain := noticeOf(t, w, newer)
	noise := outbox.Notice{Channel: "webhook", About: "all", ID: "n-0", Data: []byte("noise")}
	if diff := cmp.Diff(plain, w.Merge(noise, plain)); diff != "" {
		t.Errorf("merged with noise (-want +got):\n%s", diff)
	}
}
