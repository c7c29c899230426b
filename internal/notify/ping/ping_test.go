package ping_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/ping"
	"github.com/google/go-cmp/cmp"
)

// waitLimit bounds what a test waits for.
const waitLimit = 30 * time.Second

// client reaches hubs on loopback.
func client() *outbound.Client {
	return outbound.New(outbound.Options{
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true, Timeout: waitLimit,
	})
}

func hubs(t *testing.T, addresses ...string) *ping.Hubs {
	t.Helper()
	h, err := ping.New(ping.Options{Hubs: addresses, Client: client()})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// request is what a hub was sent.
type request struct {
	uri, contentType string
	form             url.Values
}

// hub is a hub elsewhere. It answers 204 by default.
type hub struct {
	*httptest.Server
	answer http.HandlerFunc // may be nil

	mu  sync.Mutex
	got []request
}

func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP notes the request.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	h.got = append(h.got, request{r.RequestURI, r.Method + " " + r.Header.Get("Content-Type"), r.PostForm})
	h.mu.Unlock()
	if h.answer != nil {
		h.answer(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// all returns what was received so far.
func (h *hub) all() []request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

func update(feed string) event.Update {
	return event.Update{Feed: feed, Formats: map[string]event.Address{
		"rss":  {URL: "https://example.com/feeds/" + feed + ".rss"},
		"atom": {URL: "https://example.com/feeds/" + feed + ".atom"},
	}}
}

// noticeOf is the one notice of an update for the hubs.
func noticeOf(t *testing.T, h *ping.Hubs, id string, u event.Update) outbox.Notice {
	t.Helper()
	ns, err := h.Notices(outbox.Notice{About: u.Feed, ID: id, Order: outbox.Order{Revision: 7}}, u)
	if err != nil || len(ns) != 1 {
		t.Fatalf("notices %v: %v", ns, err)
	}
	return ns[0]
}

func targets(h *ping.Hubs, n outbox.Notice) []outbox.Target {
	return slices.Collect(func(yield func(outbox.Target) bool) { h.Targets(n, yield) })
}

// deliver makes one attempt for the only target of n.
func deliver(t *testing.T, h *ping.Hubs, n outbox.Notice) error {
	t.Helper()
	payload, err := h.Pack(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	all := targets(h, n)
	if len(all) != 1 || payload.Version() != n.DeliveryID() {
		t.Fatalf("targets %v, version %q", all, payload.Version())
	}
	return payload.Send(t.Context(), all[0])
}

// redirecting answers with the status and the location.
func redirecting(status int, location string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(status)
	}
}

func TestPingNamesEveryFormat(t *testing.T) {
	r := newHub(t)
	p := hubs(t, r.URL+"/hub?key=x")
	if err := deliver(t, p, noticeOf(t, p, "n-1", update("all"))); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"hub.mode": {"publish"},
		"hub.url":  {"https://example.com/feeds/all.atom", "https://example.com/feeds/all.rss"},
	}
	got := r.all()
	if len(got) != 1 || got[0].uri != "/hub?key=x" || got[0].contentType != "POST application/x-www-form-urlencoded" {
		t.Fatalf("received %v", got)
	}
	if diff := cmp.Diff(want, got[0].form); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
}

func TestWaitingPingsMerged(t *testing.T) {
	r := newHub(t)
	p := hubs(t, r.URL)
	n := noticeOf(t, p, "n-1", update("all"))
	for i, feed := range []string{"sections/travel", "all", "news"} {
		next := noticeOf(t, p, fmt.Sprint("n-", i+2), update(feed))
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
	got := r.all()[0].form["hub.url"]
	slices.Sort(got)
	var want []string
	for _, feed := range []string{"all", "news", "sections/travel"} {
		want = append(want, "https://example.com/feeds/"+feed+".atom", "https://example.com/feeds/"+feed+".rss")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
}

// A notice that is put again takes over the topics of one that waits, and keeps its id: a
// hub that has it alone does not have those topics.
func TestMergedPingHasAnotherVersion(t *testing.T) {
	p := hubs(t, newHub(t).URL)
	version := func(n outbox.Notice) string {
		t.Helper()
		payload, err := p.Pack(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		return payload.Version()
	}
	n := noticeOf(t, p, "n-1", update("all"))
	merged := p.Merge(noticeOf(t, p, "n-2", update("news")), n)
	merged.Merged = true // as the outbox does
	for _, same := range []outbox.Notice{n, merged} {
		if first, again := version(same), version(same); first != again {
			t.Errorf("a notice has the versions %s and %s", first, again)
		}
	}
	if merged.ID != n.ID || version(merged) == version(n) {
		t.Errorf("%s with other topics has the version %s, as before", merged.ID, version(merged))
	}
}

func TestManyTopicsSplitIntoRequests(t *testing.T) {
	r := newHub(t)
	var called, broken atomic.Int32
	broken.Store(1)
	r.answer = func(w http.ResponseWriter, _ *http.Request) {
		if called.Add(1) == 2 && broken.Add(-1) == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	p := hubs(t, r.URL)
	u := update("all")
	for i := range 450 {
		u.Formats[fmt.Sprintf("f%03d", i)] = event.Address{URL: fmt.Sprintf("https://example.com/%d", i)}
	}
	n := noticeOf(t, p, "n-1", u)
	if err := deliver(t, p, n); err == nil || errors.Is(err, outbox.ErrFinal) {
		t.Fatalf("error %v", err)
	}
	if err := deliver(t, p, n); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	named := map[string]bool{}
	for _, got := range r.all()[2:] {
		topics := got.form["hub.url"]
		sizes = append(sizes, len(topics))
		for _, topic := range topics {
			named[topic] = true
		}
	}
	if !slices.Equal(sizes, []int{200, 200, 52}) || len(named) != 452 {
		t.Errorf("%v topics in the requests, %d different ones", sizes, len(named))
	}
}

func TestPingFollowsRedirects(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		there, here := newHub(t), newHub(t)
		here.answer = redirecting(status, there.URL+"/moved")
		p := hubs(t, here.URL)
		if err := deliver(t, p, noticeOf(t, p, "n-1", update("all"))); err != nil {
			t.Fatal(err)
		}
		got := there.all()
		if len(got) != 1 || got[0].uri != "/moved" {
			t.Fatalf("%d: received %v", status, got)
		}
		if topics := got[0].form["hub.url"]; len(topics) != 2 {
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
		r := newHub(t)
		r.answer = redirecting(c.status, c.location)
		p := hubs(t, r.URL)
		err := deliver(t, p, noticeOf(t, p, "n-1", update("all")))
		if err == nil || errors.Is(err, outbox.ErrFinal) || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: error %v", name, err)
		}
		if n := len(r.all()); n != c.calls {
			t.Errorf("%s: called %d times, want %d", name, n, c.calls)
		}
	}
}

func TestHubTargets(t *testing.T) {
	p := hubs(t, "https://hub.example.net/push?key=hidden", "https://hub.example.org", "https://hub.example.org")
	n := noticeOf(t, p, "n-1", update("all"))
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
	if ns, err := hubs(t).Notices(outbox.Notice{ID: "n-1"}, update("all")); len(ns) != 0 || err != nil {
		t.Errorf("without hubs: %v, %v", ns, err)
	}
	p := hubs(t, "http://127.0.0.1:9/")
	if ns, err := p.Notices(outbox.Notice{ID: "n-1"}, event.Update{Feed: "all"}); len(ns) != 0 || err != nil {
		t.Errorf("without topics: %v, %v", ns, err)
	}
	if ns, err := p.Notices(outbox.Notice{ID: "n-1"}, update("partners/msn")); len(ns) != 0 || err != nil {
		t.Errorf("of a partner's feed: %v, %v", ns, err)
	}
	n := noticeOf(t, p, "n-1", update("all"))
	if diff := cmp.Diff(n, p.Merge(outbox.Notice{Data: []byte("noise")}, n)); diff != "" {
		t.Errorf("merged with noise (-want +got):\n%s", diff)
	}
	if _, err := p.Pack(t.Context(), outbox.Notice{ID: "n-1", Data: []byte("noise")}); !errors.Is(err, outbox.ErrFinal) {
		t.Errorf("error %v", err)
	}
	payload, err := hubs(t).Pack(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if err := payload.Send(t.Context(), targets(p, n)[0]); !errors.Is(err, outbox.ErrFinal) {
		t.Errorf("a hub that is gone: error %v", err)
	}
}

func TestPingErrorsHoldNoSecrets(t *testing.T) {
	r := newHub(t)
	r.Close()
	p := hubs(t, r.URL+"/?key=hidden")
	errs := []error{deliver(t, p, noticeOf(t, p, "n-1", update("all")))}
	for _, address := range []string{"ftp://example.com/?key=hidden", "https://example.com/%zz?key=hidden"} {
		_, err := ping.New(ping.Options{Hubs: []string{address}, Client: client()})
		errs = append(errs, err)
	}
	for _, err := range errs {
		if err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("error %v", err)
		}
	}
}
