package websub_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

// form is a good request with some of its parameters replaced; pairs with an
// empty value are taken out.
func form(pairs ...string) url.Values {
	f := url.Values{"hub.mode": {"subscribe"}, "hub.topic": {topic("all", "atom")}, "hub.callback": {"https://reader.example.com/callback?id=1"}}
	for i := 0; i < len(pairs); i += 2 {
		if f.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			f.Del(pairs[i])
		}
	}
	return f
}

// twice repeats a parameter.
func twice(name string) url.Values {
	f := form()
	f[name] = []string{f.Get(name), f.Get(name)}
	return f
}

func TestBadRequestRefusedWithReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	for _, c := range []struct {
		name   string
		form   url.Values
		status int
		reason string
	}{
		{"nothing", url.Values{}, 400, "hub.mode is missing"},
		{"no mode", form("hub.mode", ""), 400, "hub.mode is missing"},
		{"another mode", form("hub.mode", "Subscribe"), 400, "must be subscribe, unsubscribe or publish"},
		{"the mode of a denial", form("hub.mode", "denied"), 400, "must be subscribe"},
		{"two modes", twice("hub.mode"), 400, "hub.mode is there more than once"},
		{"no callback", form("hub.callback", ""), 400, "hub.callback is missing"},
		{"two callbacks", twice("hub.callback"), 400, "hub.callback is there more than once"},
		{"no topic", form("hub.topic", ""), 400, "hub.topic is missing"},
		{"two topics", twice("hub.topic"), 400, "hub.topic is there more than once"},
		{"two secrets", twice("hub.secret"), 400, "hub.secret is there more than once"},
		{"two leases", twice("hub.lease_seconds"), 400, "hub.lease_seconds is there more than once"},
		{"a topic of another site", form("hub.topic", "https://elsewhere.example.com/feed"), 404, "none of ours: no feed is there"},
		{"a topic that is no address", form("hub.topic", "all"), 404, "none of ours"},
		{"a long topic", form("hub.topic", topic(strings.Repeat("x", 2048), "atom")), 400, "at most 2048 bytes"},
		{"a topic with a line feed", form("hub.topic", "https://a\n"), 400, "hub.topic must be an address"},
		{"a topic that is not UTF-8", form("hub.topic", "https://a/\xff"), 400, "hub.topic must be an address"},
		{"a secret of 200 bytes", form("hub.secret", strings.Repeat("s", 200)), 400, "hub.secret must be less than 200 bytes"},
		{"a negative lease", form("hub.lease_seconds", "-1"), 400, "positive decimal integer"},
		{"a lease in words", form("hub.lease_seconds", "ten days"), 400, "positive decimal integer"},
		{"a fraction", form("hub.lease_seconds", "3600.5"), 400, "positive decimal integer"},
		{"an absurd lease", form("hub.lease_seconds", "3153600001"), 400, "at most 3153600000"},
		{"a lease beyond numbers", form("hub.lease_seconds", strings.Repeat("9", 40)), 400, "positive decimal integer"},
		{"a callback that is no address", form("hub.callback", "callback"), 400, "hub.callback does not begin with http:// or https://"},
		{"a private address", form("hub.callback", "http://192.168.0.1/"), 400, "hub.callback"},
		{"a ping without a topic", url.Values{"hub.mode": {"publish"}}, 400, "name at least one topic"},
		{"a ping of another site's topic", url.Values{"hub.mode": {"publish"}, "hub.url": {topic("all", "rss"), "https://elsewhere.example.com/"}}, 404, "none of ours"},
		{"a ping of too many", url.Values{"hub.mode": {"publish"}, "hub.url": make([]string, 101)}, 400, "at most 100 times"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, text := h.post(c.form)
			if status != c.status || !strings.Contains(text, c.reason) || strings.Count(text, "\n") != 1 {
				t.Errorf("%d %q, want %d with %q", status, text, c.status, c.reason)
			}
		})
	}
	if got := w.take(); len(got) != 0 || len(w.pinged()) != 0 {
		t.Errorf("queued %v, pinged %v", got, w.pinged())
	}
}

// The address of a name is checked when it is connected to.
func TestCallbackOnThisMachineNotConnectedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSubscriber(t)
	s.confirm = echo
	named := strings.Replace(s.callback(), "127.0.0.1", "localhost", 1)
	h := w.hub(func(o *websub.Options) {
		o.Client = outbound.New(outbound.Options{AllowHTTP: true, Timeout: callTime})
	})
	if status, text := s.ask(h, "subscribe", topic("all", "atom"), "hub.callback", named); status/100 == 2 {
		h.must()
	} else if status != 400 || !strings.Contains(text, "hub.callback") {
		t.Errorf("%d %s", status, text)
	}
	if got := s.asked(); len(got) != 0 || h.Subscribed("all") {
		t.Errorf("asked %q", got)
	}
}

func TestUnknownParametersIgnored(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"), "hub.verify", "sync", "hub.verify_token", "t", "hub.foo", "bar", "", "x", "hub.secret", strings.Repeat("s", 199))
	if !h.Subscribed("all") {
		t.Error("not subscribed")
	}
	f := form("hub.callback", s.callback())
	f["hub.verify"] = []string{"sync", "async"}
	if status, text := h.post(f); status != 202 {
		t.Errorf("%d %s", status, text)
	}
}

func TestBodyMustBeSmallForm(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	good := form().Encode()
	for _, c := range []struct {
		name, contentType, encoding, body string
		status                            int
	}{
		{"a form", "application/x-www-form-urlencoded", "", good, 202},
		{"with a charset", "Application/X-WWW-form-urlencoded; charset=UTF-8", "", good, 202},
		{"as large as it may be", "application/x-www-form-urlencoded", "", good + "&x=" + strings.Repeat("x", 16<<10-len(good)-3), 202},
		{"a byte larger", "application/x-www-form-urlencoded", "", good + "&x=" + strings.Repeat("x", 16<<10-len(good)-2), 413},
		{"10 MB", "application/x-www-form-urlencoded", "", good + "&x=" + strings.Repeat("x", 10<<20), 413},
		{"no type", "", "", good, 415},
		{"JSON", "application/json", "", `{"hub.mode":"subscribe"}`, 415},
		{"multipart", "multipart/form-data; boundary=x", "", "--x--", 415},
		{"a type that is none", ";;", "", good, 415},
		{"compressed", "application/x-www-form-urlencoded", "gzip", good, 415},
		{"bad escapes", "application/x-www-form-urlencoded", "", "hub.mode=%zz", 400},
		{"semicolons", "application/x-www-form-urlencoded", "", "hub.mode=subscribe;hub.topic=x", 400},
		{"nothing", "application/x-www-form-urlencoded", "", "", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"?hub.mode=publish", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", c.contentType)
			if c.encoding != "" {
				req.Header.Set("Content-Encoding", c.encoding)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if status, text := checkAnswer(t, res); status != c.status {
				t.Errorf("%d %s, want %d", status, text, c.status)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "PUT": 405, "DELETE": 405} {
		req, err := http.NewRequestWithContext(t.Context(), method, h.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		status, text := checkAnswer(t, res)
		if status != want || method == "GET" && !strings.Contains(text, "hub.callback") {
			t.Errorf("%s: %d %s", method, status, text)
		}
	}
}

func TestPingMarksEachFeedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	status, text := h.post(url.Values{
		"hub.mode": {"publish"}, "hub.url": {topic("all", "rss"), topic("all", "atom")}, "hub.topic": {topic("sections/travel", "json")},
	})
	if status != 204 || text != "" {
		t.Errorf("%d %q", status, text)
	}
	if diff := cmp.Diff([]string{"all", "sections/travel"}, w.pinged()); diff != "" {
		t.Errorf("pinged (-want +got):\n%s", diff)
	}
}

func TestOwnErrorsAnswer503WithoutDetails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	w.away = errors.New("storage is away")
	if status, text := h.post(form("hub.secret", "hidden")); status != 503 || strings.Contains(text, "storage") {
		t.Errorf("%d %s", status, text)
	}
	w.away = nil
	w.site.set(func(s *site) { s.missing = fmt.Errorf("the index is being read: %w", websub.ErrUnavailable) })
	if status, text := h.post(form()); status != 503 {
		t.Errorf("%d %s", status, text)
	}
}

func TestTopicQuotaDeniesSubscriptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub(func(o *websub.Options) { o.MaxPerTopic = 2 })
	a, b, c := newSubscriber(t), newSubscriber(t), newSubscriber(t)
	a.subscribe(h, topic("all", "atom"))
	// Three more ask while one more is allowed.
	for _, s := range []*subscriber{a, b, c} {
		if status, text := s.ask(h, "subscribe", topic("all", "atom")); status != 202 {
			t.Fatalf("%d %s", status, text)
		}
	}
	h.must()
	if got := h.Counts()["all"]; got != 2 {
		t.Errorf("%d subscriptions", got)
	}
	want := []url.Values{{"hub.mode": {"denied"}, "hub.topic": {topic("all", "atom")}, "hub.reason": {"the topic has as many subscriptions as it may have (2)"}}}
	if diff := cmp.Diff(want, c.denied()); diff != "" {
		t.Errorf("denials (-want +got):\n%s", diff)
	}
	if got := len(a.denied()) + len(b.denied()); got != 0 {
		t.Errorf("%d denials to the others", got)
	}
	if status, text := c.ask(h, "subscribe", topic("all", "atom")); status != 403 || !strings.Contains(text, "as many subscriptions") {
		t.Errorf("%d %s", status, text)
	}
	for _, ask := range [][2]string{{"subscribe", topic("all", "rss")}, {"unsubscribe", topic("all", "atom")}} {
		if status, text := c.ask(h, ask[0], ask[1]); status != 202 {
			t.Errorf("%s: %d %s", ask, status, text)
		}
	}
	if status, text := a.ask(h, "subscribe", topic("all", "atom")); status != 202 {
		t.Errorf("a renewal: %d %s", status, text)
	}
}

func TestHostQuotaRefusesSubscriptions(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub(func(o *websub.Options) { o.MaxPerHost = 2 })
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	s.subscribe(h, topic("all", "rss"))
	if status, text := s.ask(h, "subscribe", topic("all", "json")); status != 403 || !strings.Contains(text, "host") {
		t.Errorf("%d %s", status, text)
	}
	elsewhere := strings.Replace(s.callback(), "127.0.0.1", "127.0.0.2", 1)
	if status, text := s.ask(h, "subscribe", topic("all", "json"), "hub.callback", elsewhere); status != 202 {
		t.Errorf("%d %s", status, text)
	}
}

// askAs is a request of a peer with a callback on another host each time.
func askAs(t *testing.T, h *hub, peer string) *http.Response {
	t.Helper()
	return askFor(t, h, peer, form("hub.callback", "https://"+strings.ToLower(rand.Text())+".example.com/"))
}

func askFor(t *testing.T, h *hub, peer string, form url.Values) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hub", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = peer
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	checkAnswer(t, res)
	return res
}

// A client can name any number of callback hosts.
func TestClientLimitedByNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name, peer, again string
		status            int // of the last request, after as many as one client may ask
	}{
		{"the same", "203.0.113.7:1000", "203.0.113.7:2000", 429},
		{"another", "203.0.113.7:1000", "203.0.113.8:1000", 202},
		{"an unknown one", "10.0.0.1:1000", "10.0.0.1:1000", 202},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := w.hub(func(o *websub.Options) { o.RequestsPerMinute = 6 })
			for n := range 6 {
				if res := askAs(t, h, c.peer); res.StatusCode != 202 {
					t.Fatalf("request %d: %s", n, res.Status)
				}
			}
			res := askAs(t, h, c.again)
			if res.StatusCode != c.status || c.status == 429 && res.Header.Get("Retry-After") != "10" {
				t.Errorf("%s, Retry-After %q, want %d", res.Status, res.Header.Get("Retry-After"), c.status)
			}
			w.Clock.Advance(10 * time.Second)
			if res := askAs(t, h, c.again); res.StatusCode != 202 {
				t.Errorf("later: %s", res.Status)
			}
		})
	}
}

func TestAllClientsLimitedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub(func(o *websub.Options) { o.RequestsPerMinute = 6 })
	for n := range 20 { // a client that asks too much takes nothing from the others
		if res := askAs(t, h, "203.0.113.7:1000"); (res.StatusCode == 202) != (n < 6) {
			t.Fatalf("request %d: %s", n, res.Status)
		}
	}
	for n := range 54 {
		if res := askAs(t, h, fmt.Sprintf("198.51.100.%d:1000", n)); res.StatusCode != 202 {
			t.Fatalf("client %d: %s", n, res.Status)
		}
	}
	if res := askAs(t, h, "192.0.2.1:1000"); res.StatusCode != 429 || res.Header.Get("Retry-After") != "1" {
		t.Errorf("%s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
	}
	storetest.Eventually(t, "60 verifications wait", func() bool { return h.Waiting() == 60 })
}

// A refused request takes nothing from other clients, only from its own.
func TestRefusedRequestsCountOnlyForTheirClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name, kind, body string
		status           int
	}{
		{"no form", "application/json", "{}", 415},
		{"too long", "application/x-www-form-urlencoded", strings.Repeat("x", 20<<10), 413},
		{"bad", "application/x-www-form-urlencoded", "hub.mode=subscribe", 400},
		{"a callback that is not called", "application/x-www-form-urlencoded", form("hub.callback", "http://10.0.0.1/").Encode(), 400},
		{"not ours", "application/x-www-form-urlencoded", form("hub.topic", "https://elsewhere.example.com/").Encode(), 404},
		{"a ping of what is not ours", "application/x-www-form-urlencoded", "hub.mode=publish&hub.url=https://elsewhere.example.com/", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := w.hub(func(o *websub.Options) { o.RequestsPerMinute = 6 })
			send := func(peer string) *http.Response {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hub", strings.NewReader(c.body))
				r.Header.Set("Content-Type", c.kind)
				r.RemoteAddr = peer
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				return w.Result()
			}
			for n := range 100 {
				if res := send(fmt.Sprintf("198.51.100.%d:1000", n)); res.StatusCode != c.status {
					t.Fatalf("client %d: %s", n, res.Status)
				}
			}
			// The next client is the first that asks about that host.
			if res := askFor(t, h, "203.0.113.7:1000", form()); res.StatusCode != 202 {
				t.Errorf("another: %s", res.Status)
			}
			if res := askFor(t, h, "10.0.0.1:1000", form()); res.StatusCode != 202 {
				t.Errorf("an unknown client: %s", res.Status)
			}
			for range 5 {
				send("198.51.100.1:1000")
			}
			if res := askAs(t, h, "198.51.100.1:1000"); res.StatusCode != 429 {
				t.Errorf("the same: %s", res.Status)
			}
		})
	}
}

func TestRenewalsAcceptedDuringFloodOfNewSubscriptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub(func(o *websub.Options) { o.RequestsPerMinute = 6 })
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	taken := 0
	const minutes = 4
	for minute := range minutes {
		for n := range 200 {
			if res := askAs(t, h, fmt.Sprintf("198.51.100.%d:1000", n)); res.StatusCode == 202 {
				taken++
			}
		}
		for n, mode := range []string{"subscribe", "unsubscribe"} {
			peer := fmt.Sprintf("192.0.2.%d:1000", 10*minute+n)
			if res := askFor(t, h, peer, form("hub.mode", mode, "hub.callback", s.callback())); res.StatusCode != 202 {
				t.Errorf("minute %d, %s of what is there: %s", minute, mode, res.Status)
			}
		}
		w.Clock.Advance(time.Minute)
	}
	if taken < 60+(minutes-1)*55 || taken > 60*minutes {
		t.Errorf("%d new ones were taken in %d minutes", taken, minutes)
	}
}

func TestNewSubscriptionsRefusedWhileTooManyVerificationsWait(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	h.Fill(10_000)
	for _, mode := range []string{"subscribe", "unsubscribe"} {
		res, err := http.PostForm(h.url, form("hub.mode", mode))
		if err != nil {
			t.Fatal(err)
		}
		if status, text := checkAnswer(t, res); status != 503 || res.Header.Get("Retry-After") != "30" || !strings.Contains(text, "wait") {
			t.Errorf("%s: %d %q, Retry-After %q", mode, status, text, res.Header.Get("Retry-After"))
		}
		if status, text := s.ask(h, mode, topic("all", "atom")); status != 202 {
			t.Errorf("%s what is there: %d %s", mode, status, text)
		}
	}
	storetest.Eventually(t, "those of the present subscription wait, in one record", func() bool { return h.Waiting() == 10_001 })
	h.Empty()
	if status, text := h.post(form()); status != 202 {
		t.Errorf("%d %s", status, text)
	}
}

func TestPingsLimited(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub(func(o *websub.Options) { o.RequestsPerMinute = 1 })
	ping := url.Values{"hub.mode": {"publish"}, "hub.url": {topic("all", "rss")}}
	for n := range 20 { // one client may once, all together ten times
		want := http.StatusNoContent
		if n%2 == 1 {
			want = http.StatusTooManyRequests
		}
		if res := askFor(t, h, fmt.Sprintf("198.51.100.%d:1000", n/2), ping); res.StatusCode != want {
			t.Errorf("ping %d: %s, want %d", n, res.Status, want)
		}
	}
	if res := askFor(t, h, "10.0.0.1:1000", ping); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one more of an unknown client: %s", res.Status)
	}
}

// What must stay between the hub and a subscriber.
func TestSecretsInNoLogErrorOrMetric(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub(func(o *websub.Options) { o.MaxPerTopic = 1 })
	s, full := newSubscriber(t), newSubscriber(t)
	var errs []error
	secrets := []string{"hub.secret", "SECRET-1", "hub.callback", s.callback() + "?token=SECRET-2"}
	s.subscribe(h, topic("all", "atom"), secrets...)
	s.ask(h, "subscribe", topic("all", "rss"), secrets...)
	full.subscribe(h, topic("all", "rss"))
	errs = append(errs, h.settle())
	s.receive = func(w http.ResponseWriter, r *http.Request) { http.Error(w, r.URL.String(), 500) }
	errs = append(errs, h.change("all"))
	s.receive = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	errs = append(errs, h.change("all"))
	s.set(func(s *subscriber) { s.confirm = http.NotFound })
	s.subscribe(h, topic("all", "atom"), secrets...)
	s.server.Close()
	s.subscribe(h, topic("all", "atom"), secrets...)
	errs = append(errs, h.change("all"))
	w.away = errors.New("storage is away")
	_, answer := s.ask(h, "subscribe", topic("all", "atom"), secrets...)
	families, err := h.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	everything := fmt.Sprint(w.log.text(), errors.Join(errs...), answer, families)
	if !strings.Contains(everything, "127.0.0.1") || errors.Join(errs...) == nil {
		t.Errorf("nothing happened: %s", everything)
	}
	if strings.Contains(everything, "SECRET") {
		t.Errorf("a secret is in %s", everything)
	}
}

func TestHubQuotaRefusesSubscriptions(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub(func(o *websub.Options) { o.MaxSubscriptions = 2 })
	a, b := newSubscriber(t), newSubscriber(t)
	a.subscribe(h, topic("all", "atom"))
	b.subscribe(h, topic("sections/travel", "rss"))
	if status, text := b.ask(h, "subscribe", topic("all", "json")); status != 403 || text != "the hub has as many subscriptions as it may have (2)\n" {
		t.Errorf("%d %s", status, text)
	}
	if status, text := a.ask(h, "subscribe", topic("all", "atom")); status != 202 {
		t.Errorf("a renewal: %d %s", status, text)
	}
	a.unsubscribe(h, topic("all", "atom"))
	b.subscribe(h, topic("all", "json"))
}

// Those that are stored at the same time do not share the last place.
func TestQuotasHoldForConcurrentVerifications(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	for name, limit := range map[string]func(*websub.Options){
		"all":   func(o *websub.Options) { o.MaxSubscriptions = 5 },
		"topic": func(o *websub.Options) { o.MaxPerTopic = 5 },
		"host":  func(o *websub.Options) { o.MaxPerHost = 5 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := all.sibling(t).made(limit) // asks no callback before it runs
			s := newSubscriber(t)
			for n := range 20 {
				s.ask(h, "subscribe", topic("all", "atom"), "hub.callback", fmt.Sprint(s.callback(), "/", n))
			}
			h.start()
			storetest.Eventually(t, "all are verified or denied", func() bool { return h.Counts()["all"]+len(s.denied()) == 20 && h.Waiting() == 0 })
			if got := h.Counts()["all"]; got != 5 || len(s.denied()) != 15 {
				t.Errorf("%d subscriptions, %d denials", got, len(s.denied()))
			}
		})
	}
}
