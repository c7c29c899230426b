package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/webhook"
	"github.com/google/go-cmp/cmp"
)

// stored is what was put into an outbox for callbacks.
type stored struct {
	notices []outbox.Notice
	targets []string
	err     error // of the next attempt to store
	waiting int   // for each target
	bytes   int   // of these
	log     bytes.Buffer
}

// callbacks are those configured, which store in s.
func (s *stored) callbacks(t *testing.T, configured ...webhook.Callback) *webhook.Callbacks {
	t.Helper()
	for i := range configured {
		if configured[i].Secrets == nil {
			configured[i].Secrets = []string{secret}
		}
		if configured[i].URL == "" {
			configured[i].URL = "http://127.0.0.1:9/"
		}
	}
	c, err := webhook.NewCallbacks(webhook.CallbackOptions{
		Callbacks: configured, SiteID: "example.com", Client: client(), Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
		Waiting: func(string, outbox.Target) (int, int) { return s.waiting, s.bytes },
		PutTo: func(_ context.Context, n outbox.Notice, target string) error {
			if err := s.err; err != nil {
				s.err = nil
				return err
			}
			s.notices, s.targets = append(s.notices, n), append(s.targets, target)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func superseded(id, gallery string) event.CloudEvent {
	return event.NewSuperseded(id, "example.com", event.Outcome{
		Subject: "article.published", Gallery: gallery, Stored: epoch, Revision: event.Revision{Updated: epoch}, Stands: event.Revision{Updated: epoch.Add(1)},
	})
}

func notify(t *testing.T, c *webhook.Callbacks, e event.CloudEvent) {
	t.Helper()
	if err := c.Notify(t.Context(), e.ID, e); err != nil {
		t.Fatal(err)
	}
}

func TestCallbackGetsSignedStructuredEvent(t *testing.T) {
	r := newReceiver(t)
	var s stored
	c := s.callbacks(t, webhook.Callback{Name: "cms", URL: r.URL + "/in?token=a", Secrets: []string{secret, secret2}})
	e := superseded("s-1", "a gallery")
	notify(t, c, e)
	if !slices.Equal(s.targets, []string{"cms"}) {
		t.Fatalf("stored for %v", s.targets)
	}
	n := s.notices[0]
	if n.Channel != webhook.CallbackChannel || n.ID != "s-1" || !n.At.Equal(epoch) {
		t.Errorf("notice %+v", n)
	}
	target, found := c.Target(outbox.Notice{Channel: n.Channel, About: n.About}, "cms")
	payload, err := c.Pack(t.Context(), n)
	if err != nil || !found {
		t.Fatalf("found: %t, %v", found, err)
	}
	if diff := cmp.Diff([]outbox.Target{target}, slices.Collect(func(yield func(outbox.Target) bool) { c.Targets(n, yield) })); diff != "" {
		t.Errorf("targets (-found +all):\n%s", diff)
	}
	if err := payload.Send(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	got, want := r.all()[0], func() string { data, _ := e.Encode(); return string(data) }()
	if got.Method != http.MethodPost || got.Header.Get("Content-Type") != "application/cloudevents+json" || got.Header.Get("webhook-id") != "s-1" {
		t.Errorf("%s with %v", got.Method, got.Header)
	}
	if diff := cmp.Diff(want, string(got.body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	wantSigned(t, got, secret, secret2)
	r.answer = answering(http.StatusGone)
	if err := payload.Send(t.Context(), target); !errors.Is(err, outbox.ErrFinal) {
		t.Errorf("after 410 the error is %v", err)
	}
}

// A key without a prefix has every gallery, and the events whose gallery cannot be read.
func TestCallbackGetsOutcomesOfItsGalleries(t *testing.T) {
	for gallery, want := range map[string][]string{
		"wp-1": {"wp", "all"}, "wp": {"all"}, "wire-1": {"all", "wire"}, "": {"all"}, "1 wp-": {"all"}, " wp-1": {"all"},
	} {
		var s stored
		c := s.callbacks(t, webhook.Callback{Name: "wp", IDPrefix: "wp-"}, webhook.Callback{Name: "all"}, webhook.Callback{Name: "wire", IDPrefix: "wire-"})
		notify(t, c, superseded("s-1", gallery))
		if !slices.Equal(s.targets, want) {
			t.Errorf("outcomes of %q are for %v, want %v", gallery, s.targets, want)
		}
	}
	var s stored
	c := s.callbacks(t, webhook.Callback{Name: "wp", IDPrefix: "wp-"})
	if notify(t, c, superseded("s-1", "wire-1")); len(s.notices) > 0 || c.Concerned("wire-1") || c.Concerned("") || !c.Concerned("wp-1") {
		t.Errorf("an outcome of another's gallery: %v", s.notices)
	}
}

func TestCallbackGetsTheSameOnce(t *testing.T) {
	var s stored
	c := s.callbacks(t, webhook.Callback{Name: "cms"}, webhook.Callback{Name: "other"})
	s.err = errors.New("no connection")
	if err := c.Notify(t.Context(), "key", superseded("s-1", "a")); err == nil {
		t.Error("a notice that is not stored is no error")
	}
	for _, id := range []string{"s-1", "s-1", "s-2"} { // the last is of another event with the same revision
		if err := c.Notify(t.Context(), "key", superseded(id, "a")); err != nil {
			t.Fatal(err)
		}
	}
	notify(t, c, superseded("s-3", "a"))
	if want := []string{"other", "cms", "cms", "other"}; !slices.Equal(s.targets, want) {
		t.Errorf("stored for %v, want %v", s.targets, want)
	}
}

func TestCallbackGetsNothingWhileTooMuchWaitsForIt(t *testing.T) {
	s := stored{waiting: 10_000}
	c := s.callbacks(t, webhook.Callback{Name: "cms", URL: "http://127.0.0.1:9/?token=hidden"})
	for range 3 {
		notify(t, c, superseded("s-1", "a"))
	}
	if got := s.log.String(); len(s.notices) > 0 || strings.Count(got, "level=WARN") != 1 || strings.Contains(got, "hidden") {
		t.Errorf("stored %v, logged %s", s.notices, got)
	}
	s.waiting, s.bytes = 100, 16<<20
	if notify(t, c, superseded("s-2", "a")); len(s.notices) > 0 {
		t.Errorf("stored %v", s.notices)
	}
	s.bytes -= 1000
	s.err = errors.New("no connection")
	if err := c.Notify(t.Context(), "s-3", superseded("s-3", "a")); err == nil {
		t.Error("a notice that is not stored is no error")
	}
	for _, id := range []string{"s-3", "s-4"} {
		notify(t, c, superseded(id, "a"))
	}
	for i, want := range []int{4, 0} { // said once
		var e event.CloudEvent
		if err := json.Unmarshal(s.notices[i].Data, &e); err != nil || e.Missed != want {
			t.Errorf("notice %d says that %d were missed, want %d: %v", i, e.Missed, want, err)
		}
	}
}

func TestCallbackTestSigned(t *testing.T) {
	r := newReceiver(t)
	var s stored
	c := s.callbacks(t, webhook.Callback{Name: "cms", URL: r.URL, IDPrefix: "wp-"})
	if status, err := c.Test(t.Context(), "cms"); status != http.StatusNoContent || err != nil {
		t.Fatalf("status %d, error %v", status, err)
	}
	wantSigned(t, r.all()[0], secret)
	var e struct{ ID, Type string }
	if err := json.Unmarshal(r.all()[0].body, &e); err != nil || e.Type != "gallerywire.test" || e.ID != r.all()[0].Header.Get("webhook-id") {
		t.Errorf("%v: sent %s", err, r.all()[0].body)
	}
	if _, err := c.Test(t.Context(), "none"); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("error %v", err)
	}
}

func TestUnusableCallbackRefused(t *testing.T) {
	_, err := webhook.NewCallbacks(webhook.CallbackOptions{Client: client(), Callbacks: []webhook.Callback{
		{Name: "bare", URL: "https://example.com/?token=hidden"},
		{Name: "ftp", URL: "ftp://example.com/?token=hidden", Secrets: []string{secret}},
	}})
	if err == nil || !strings.Contains(err.Error(), `"bare": it has no secret`) || !strings.Contains(err.Error(), `"ftp"`) || strings.Contains(err.Error(), "hidden") {
		t.Errorf("error %v", err)
	}
}

func TestCallbackThatIsNotConfiguredIsFinal(t *testing.T) {
	var s stored
	before := s.callbacks(t, webhook.Callback{Name: "cms"})
	notify(t, before, superseded("s-1", "a"))
	now := s.callbacks(t, webhook.Callback{Name: "cms", IDPrefix: "wp-"})
	if _, found := now.Target(s.notices[0], "cms"); found {
		t.Error("the gallery is not the key's any more, and its outcome is sent")
	}
	payload, err := s.callbacks(t).Pack(t.Context(), s.notices[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := payload.Send(t.Context(), outbox.Target{Key: "cms"}); !errors.Is(err, outbox.ErrFinal) {
		t.Errorf("error %v", err)
	}
}
