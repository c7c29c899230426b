package notice_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/google/go-cmp/cmp"
)

func pings(t *testing.T, hubs ...string) *notice.Pings {
	t.Helper()
	p, err := notice.NewPings(notice.PingOptions{Hubs: hubs, Client: caller()})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// form is what a hub was sent.
func form(t *testing.T, r request) url.Values {
	t.Helper()
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%s with %s", r.Method, r.Header.Get("Content-Type"))
	}
	v, err := url.ParseQuery(string(r.body))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPingNamesEveryFormat(t *testing.T) {
	r := newReceiver(t)
	p := pings(t, r.URL+"/hub?key=x")
	if err := deliver(t, p, noticeOf(t, p, announcement("n-1", "all", "a"))); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"hub.mode": {"publish"},
		"hub.url":  {"https://example.com/feeds/all.atom", "https://example.com/feeds/all.rss"},
	}
	got := r.all()
	if len(got) != 1 || got[0].RequestURI != "/hub?key=x" {
		t.Fatalf("received %v", got)
	}
	if diff := cmp.Diff(want, form(t, got[0])); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
}

func TestWaitingPingsMerged(t *testing.T) {
	r := newReceiver(t)
	p := pings(t, r.URL)
	n := noticeOf(t, p, announcement("n-1", "all", "a"))
	for i, feed := range []string{"sections/travel", "all", "news"} {
		next := noticeOf(t, p, announcement(fmt.Sprint("n-", i+2), feed, "a"))
		if next.About != n.About || next.Order != (outbox.Order{}) {
			t.Fatalf("%s is about %q with order %v: it would not replace %q", feed, next.About, next.Order, n.About)
		}
		n = p.Merge(n, next)
	}
	if n.ID != "n-4" {
		t.Errorf("id %s", n.ID)
	}
	if err := deliver(t, p, n); err != nil {
		t.Fatal(err)
	}
	got := form(t, r.all()[0])["hub.url"]
	slices.Sort(got)
	var want []string
	for _, feed := range []string{"all", "news", "sections/travel"} {
		want = append(want, "https://example.com/feeds/"+feed+".atom", "https://example.com/feeds/"+feed+".rss")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
}

func TestManyTopicsSplitIntoRequests(t *testing.T) {
	r := newReceiver(t)
	var called, broken atomic.Int32
	broken.Store(1)
	r.answer = func(w http.ResponseWriter, _ *http.Request) {
		if called.Add(1) == 2 && broken.Add(-1) == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	p := pings(t, r.URL)
	a := announcement("n-1", "all", "a")
	for i := range 450 {
		a.Update.Formats[fmt.Sprintf("f%03d", i)] = event.Address{URL: fmt.Sprintf("https://example.com/%d", i)}
	}
	n := noticeOf(t, p, a)
	if err := deliver(t, p, n); outcome(err) != "again" {
		t.Fatalf("error %v", err)
	}
	if err := deliver(t, p, n); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	named := map[string]bool{}
	for _, got := range r.all()[2:] {
		topics := form(t, got)["hub.url"]
		sizes = append(sizes, len(topics))
		for _, topic := range topics {
			named[topic] = true
		}
	}
	if !slices.Equal(sizes, []int{200, 200, 52}) || len(named) != 452 {
		t.Errorf("%v topics in the requests, %d different ones", sizes, len(named))
	}
}

func TestPingResponses(t *testing.T) {
	for _, c := range []struct {
		status int
		header []string
		want   string // what is done
	}{
		{200, nil, "accepted"},
		{202, nil, "accepted"},
		{204, nil, "accepted"},
		{400, nil, "again"},
		{404, nil, "again"},
		{410, nil, "given up"},
		{429, []string{"Retry-After", "60"}, "after 1m0s"},
		{500, nil, "again"},
		{503, []string{"Retry-After", "60"}, "after 1m0s"},
	} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			r.answer = answering(c.status, c.header...)
			p := pings(t, r.URL)
			err := deliver(t, p, noticeOf(t, p, announcement("n-1", "all", "a")))
			if got := outcome(err); got != c.want {
				t.Errorf("%s, want %s (%v)", got, c.want, err)
			}
		})
	}
}

func TestPingFollowsRedirects(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		there, here := newReceiver(t), newReceiver(t)
		here.answer = answering(status, "Location", there.URL+"/moved")
		p := pings(t, here.URL)
		if err := deliver(t, p, noticeOf(t, p, announcement("n-1", "all", "a"))); err != nil {
			t.Fatal(err)
		}
		got := there.all()
		if len(got) != 1 || got[0].RequestURI != "/moved" {
			t.Fatalf("%d: received %v", status, got)
		}
		if topics := form(t, got[0])["hub.url"]; len(topics) != 2 {
			t.Errorf("%d: topics %v", status, topics)
		}
	}
}

func TestPingRedirectsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		location string
		calls    int
		reason   string
	}{
		"in a circle":          {307, "/", 6, "redirects more than 5 times"},
		"to a private network": {301, "http://192.168.0.1/", 1, "192.168.0.1"},
		"to a file":            {301, "file:///etc/passwd", 1, "http"},
		"nowhere":              {302, "", 1, "answered 302 Found"},
		"to a page":            {303, "/page", 1, "answered 303 See Other"},
		"to noise":             {308, "http://%zz/", 1, "answered 308 Permanent Redirect"},
	} {
		r := newReceiver(t)
		r.answer = answering(c.status, "Location", c.location)
		p := pings(t, r.URL)
		err := deliver(t, p, noticeOf(t, p, announcement("n-1", "all", "a")))
		if outcome(err) != "again" || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: error %v", name, err)
		}
		if n := len(r.all()); n != c.calls {
			t.Errorf("%s: called %d times, want %d", name, n, c.calls)
		}
	}
}

func TestHubTargets(t *testing.T) {
	p := pings(t, "https://hub.example.net/push?key=hidden", "https://hub.example.org", "https://hub.example.org")
	n := noticeOf(t, p, announcement("n-1", "all", "a"))
	got := targets(p, n)
	if len(got) != 2 {
		t.Fatalf("targets %v", got)
	}
	for _, to := range got {
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`).MatchString(to.Key) || strings.Contains(to.Name+to.Host, "hidden") {
			t.Errorf("target %v", to)
		}
		if found, ok := p.Target(n, to.Key); !ok || found != to {
			t.Errorf("%s is found as %v", to.Name, found)
		}
	}
	if got[0].Name != "https://hub.example.net/push" || got[0].Host != "hub.example.net" || got[0].Key == got[1].Key {
		t.Errorf("targets %v", got)
	}
	if _, found := p.Target(n, "none"); found {
		t.Error("found what there is not")
	}
}

func TestNoHubsNoPings(t *testing.T) {
	if ns, err := pings(t).Notices(announcement("n-1", "all", "a")); len(ns) != 0 || err != nil {
		t.Errorf("without hubs: %v, %v", ns, err)
	}
	p := pings(t, "http://127.0.0.1:9/")
	if ns, err := p.Notices(notice.Announcement{Feed: "all", ID: "n-1"}); len(ns) != 0 || err != nil {
		t.Errorf("without topics: %v, %v", ns, err)
	}
	n := noticeOf(t, p, announcement("n-1", "all", "a"))
	if diff := cmp.Diff(n, p.Merge(outbox.Notice{Data: []byte("noise")}, n)); diff != "" {
		t.Errorf("merged with noise (-want +got):\n%s", diff)
	}
	if _, err := p.Pack(t.Context(), outbox.Notice{ID: "n-1", Data: []byte("noise")}); !errors.Is(err, outbox.ErrFinal) {
		t.Errorf("error %v", err)
	}
	payload, err := pings(t).Pack(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if err := payload.Send(t.Context(), targets(p, n)[0]); !errors.Is(err, outbox.ErrFinal) {
		t.Errorf("a hub that is gone: error %v", err)
	}
}

func TestPingErrorsHoldNoSecrets(t *testing.T) {
	r := newReceiver(t)
	r.Close()
	p := pings(t, r.URL+"/?key=hidden")
	errs := []error{deliver(t, p, noticeOf(t, p, announcement("n-1", "all", "a")))}
	for _, address := range []string{"ftp://example.com/?key=hidden", "https://example.com/%zz?key=hidden"} {
		_, err := notice.NewPings(notice.PingOptions{Hubs: []string{address}, Client: caller()})
		errs = append(errs, err)
	}
	for _, err := range errs {
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("error %v", err)
		}
	}
}
