package websub_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func TestVerificationKeepsCallbackQuery(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	const params = `hub.mode=subscribe&hub.topic=https%3A%2F%2Fwire.example.com%2Ffeeds%2Fall.atom&hub.challenge=`
	for _, c := range []struct{ name, path, own, want string }{
		{"no query", "/callback", "", params},
		{"no path", "", "", params},
		{"an empty query", "/callback?", "", params},
		{"a query", "/a/b?id=7", "id=7", "id=7&" + params},
		{"an odd one", "/?b=%20+%2f&a;&b=%41&=&%7e|'\"<>", "b=%20+%2f&a;&b=%41&=&%7e|'\"<>", "b=%20+%2f&a;&b=%41&=&%7e|'\"<>&" + params},
		{"one with our names", "/?hub.mode=x&hub.challenge=y", "hub.mode=x&hub.challenge=y", "hub.mode=x&hub.challenge=y&" + params},
		{"a query without a path", "?id=7", "id=7", "id=7&" + params},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := all.sibling(t).hub()
			s := newSubscriber(t)
			s.subscribe(h, topic("all", "atom"), "hub.callback", s.server.URL+c.path)
			asked := s.asked()
			if len(asked) != 1 || !strings.HasPrefix(asked[0], c.want) || !strings.HasSuffix(asked[0], "&hub.lease_seconds=864000") {
				t.Errorf("asked %q, want %q…", asked, c.want)
			}
			if err := h.change("all"); err != nil {
				t.Fatal(err)
			}
			if got := s.only(); got.query != c.own {
				t.Errorf("delivered to the query %q, want %q", got.query, c.own)
			}
		})
	}
}

func TestChallengesDiffer(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s := newSubscriber(t)
	seen := map[string]bool{}
	for range 20 {
		s.subscribe(h, topic("all", "atom"))
		query, err := url.ParseQuery(s.asked()[0])
		if err != nil {
			t.Fatal(err)
		}
		seen[query.Get("hub.challenge")] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d challenges in 20 requests", len(seen))
	}
}

// Whatever a callback does but confirm, what was there before stays.
func TestFailedVerificationChangesNothing(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	var sent atomic.Int64
	elsewhere := newSubscriber(t)
	elsewhere.confirm = echo
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			echo(w, r)
		}
	}
	for name, confirm := range map[string]http.HandlerFunc{
		"another text":           func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "yes") },
		"nothing":                func(http.ResponseWriter, *http.Request) {},
		"a line feed at the end": func(w http.ResponseWriter, r *http.Request) { echo(w, r); _, _ = io.WriteString(w, "\n") },
		"a part of it": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge")[1:])
		},
		"404": status(404),
		"500": status(500),
		"410": status(410),
		"a redirect to a callback that confirms": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.callback()+"?"+r.URL.RawQuery, http.StatusFound)
		},
		"no answer in time": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"an answer that does not end": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge")[1:])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"a connection that is cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"100 MB": func(w http.ResponseWriter, r *http.Request) {
			echo(w, r)
			for chunk := make([]byte, 1<<20); sent.Load() < 100<<20; sent.Add(1 << 20) {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := all.sibling(t)
			h := w.hub()
			short := w.hub(func(o *websub.Options) { o.Client = client(shortTime) })
			s := newSubscriber(t)
			s.subscribe(h, topic("all", "atom"), "hub.secret", "first", "hub.lease_seconds", "7200")
			s.set(func(s *subscriber) { s.confirm = confirm })
			s.subscribe(short, topic("all", "atom"), "hub.secret", "second", "hub.lease_seconds", "86400")
			s.unsubscribe(short, topic("all", "atom"))
			s.subscribe(short, topic("sections/travel", "rss"))
			if diff := cmp.Diff(map[string]int{"all": 1}, h.Counts()); diff != "" {
				t.Errorf("subscriptions (-want +got):\n%s", diff)
			}
			if err := h.change("all"); err != nil {
				t.Fatal(err)
			}
			if got := s.only(); got.header.Get("X-Hub-Signature") != sign("sha256", "first", got.body) {
				t.Error("the delivery is not signed with the first secret")
			}
			w.Clock.Advance(2*time.Hour + time.Second)
			if err := h.change("all"); err != nil {
				t.Fatal(err)
			}
			if got := s.received(); len(got) != 0 {
				t.Errorf("%d deliveries after the first lease", len(got))
			}
		})
	}
	t.Cleanup(func() {
		if n := sent.Load(); n > 20<<20 {
			t.Errorf("%d MB of a challenge were taken", n>>20)
		}
		if got := elsewhere.asked(); len(got) != 0 {
			t.Errorf("redirects were followed: %q", got)
		}
	})
}

// echo confirms everything.
func echo(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
}

func TestFailedVerificationCountedAndLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	s.set(func(s *subscriber) { s.confirm = http.NotFound })
	s.unsubscribe(h, topic("all", "atom"))
	s.server.Close()
	s.subscribe(h, topic("all", "atom"))
	want := map[string]float64{"subscribe verified": 1, "unsubscribe refused": 1, "subscribe unreachable": 1}
	if diff := cmp.Diff(want, counted(t, h.metrics)); diff != "" {
		t.Errorf("verifications (-want +got):\n%s", diff)
	}
	host := s.server.Listener.Addr().String()
	for mode, reason := range map[string]string{"unsubscribe": `"answered 404"`, "subscribe": `"` + host + `: connection refused"`} {
		line := regexp.MustCompile(`level=INFO msg="a callback did not confirm.*" mode=` + mode + ` feed=all url=http://` + host + `\S* err=` + regexp.QuoteMeta(reason))
		if got := w.log.String(); !line.MatchString(got) {
			t.Errorf("%s: the log says\n%s", mode, got)
		}
	}
}

// counted returns the verifications by mode and outcome, where there are any.
func counted(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "gallerywire_websub_verifications_total" && m.GetCounter().GetValue() > 0 {
				counts[m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return counts
}

func TestRenewalReplacesSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s := newSubscriber(t)
	for _, secret := range []string{"first", "second", ""} {
		s.subscribe(h, topic("all", "atom"), "hub.secret", secret, "hub.lease_seconds", "7200")
		w.Clock.Advance(time.Hour)
		if err := h.change("all"); err != nil {
			t.Fatal(err)
		}
		want := ""
		got := s.only()
		if secret != "" {
			want = sign("sha256", secret, got.body)
		}
		if sig := got.header.Get("X-Hub-Signature"); sig != want {
			t.Errorf("after the secret %q the signature is %q", secret, sig)
		}
	}
	if got := h.Counts()["all"]; got != 1 {
		t.Errorf("%d subscriptions", got)
	}
}

// An address that leads to the same feed is the same topic; the subscriber gets
// the one that it asked for.
func TestAnotherAddressOfFeedIsSameTopic(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	s.subscribe(h, "https://wire.example.com/old/all.atom")
	if got := h.Counts()["all"]; got != 1 {
		t.Errorf("%d subscriptions", got)
	}
	if asked := s.asked(); len(asked) != 2 || !strings.Contains(asked[1], url.QueryEscape("https://wire.example.com/old/all.atom")) {
		t.Errorf("asked %q", asked)
	}
}

func TestUnsubscribedCallbackGetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	leaves, stays := newSubscriber(t), newSubscriber(t)
	for _, s := range []*subscriber{leaves, stays} {
		s.subscribe(h, topic("all", "atom"))
		s.subscribe(h, topic("all", "rss"))
		s.asked()
	}
	leaves.unsubscribe(h, topic("all", "atom"), "hub.lease_seconds", "nonsense", "hub.secret", strings.Repeat("s", 300))
	if asked := leaves.asked(); len(asked) != 1 || strings.Contains(asked[0], "lease") || !strings.HasPrefix(asked[0], "hub.mode=unsubscribe&") {
		t.Errorf("asked %q", asked)
	}
	if err := h.change("all"); err != nil {
		t.Fatal(err)
	}
	if got := leaves.only(); got.header.Get("Content-Type") != mediaTypes()["rss"] {
		t.Errorf("delivered as %s", got.header.Get("Content-Type"))
	}
	if got := stays.received(); len(got) != 2 {
		t.Errorf("the other got %d deliveries", len(got))
	}
	leaves.unsubscribe(h, topic("all", "atom")) // what is not there is confirmed, too
	if asked := leaves.asked(); len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
}

// The question of another client cannot take the place of one that waits.
func TestRequestInOtherModeReplacesNothing(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	for _, mode := range []string{"subscribe", "unsubscribe"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := all.sibling(t)
			h := w.hub()
			s := newSubscriber(t)
			other := "unsubscribe"
			if mode == other {
				other = "subscribe"
				s.subscribe(h, topic("all", "atom"))
			}
			s.ask(h, mode, topic("all", "atom"))
			h.post(form("hub.mode", other, "hub.callback", s.callback()))
			h.must()
			if got := h.Subscribed("all"); got != (mode == "subscribe") {
				t.Errorf("subscribed: %v", got)
			}
		})
	}
}

// A callback that confirms everything ends as its last request asks, and is asked no more
// than that and the last question in the other mode.
func TestWaitingRequestsVerifiedInOrder(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	for _, c := range []struct {
		name  string
		modes []string
		asked []string
	}{
		{"twice", []string{"subscribe", "subscribe"}, []string{"subscribe second"}},
		{"and leaves", []string{"subscribe", "unsubscribe"}, []string{"subscribe first", "unsubscribe"}},
		{"and comes", []string{"unsubscribe", "subscribe"}, []string{"unsubscribe", "subscribe second"}},
		{"and comes back", []string{"subscribe", "unsubscribe", "subscribe"}, []string{"unsubscribe", "subscribe third"}},
		{"and leaves twice", []string{"subscribe", "unsubscribe", "unsubscribe"}, []string{"subscribe first", "unsubscribe"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := all.sibling(t)
			h := w.hub()
			s := newSubscriber(t)
			s.confirm = echo
			names := []string{"first", "second", "third"}
			for n, mode := range c.modes {
				s.ask(h, mode, topic("all", "atom"), "hub.callback", s.callback()+"?id=1", "hub.secret", names[n], "hub.lease_seconds", fmt.Sprint(10000*(n+1)))
			}
			h.must()
			var asked []string
			for _, query := range s.asked() {
				q, err := url.ParseQuery(query)
				if err != nil {
					t.Fatal(err)
				}
				what := q.Get("hub.mode")
				if lease := q.Get("hub.lease_seconds"); lease != "" {
					what += " " + names[lease[0]-'1']
				}
				asked = append(asked, what)
			}
			if diff := cmp.Diff(c.asked, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			last := c.modes[len(c.modes)-1]
			if got := h.Subscribed("all"); got != (last == "subscribe") {
				t.Errorf("subscribed: %v", got)
			}
		})
	}
}

// deadlines notes what calls may take.
type deadlines struct {
	websub.Client
	left []time.Duration
}

// Do implements [websub.Client].
func (d *deadlines) Do(req *http.Request, max int64) (*outbound.Response, error) {
	deadline, _ := req.Context().Deadline()
	d.left = append(d.left, time.Until(deadline))
	return d.Client.Do(req, max)
}

func TestVerificationTimeout(t *testing.T) {
	t.Parallel()
	calls := &deadlines{Client: client(time.Minute)}
	h := newWorld(t).hub(func(o *websub.Options) { o.Client, o.MaxPerTopic = calls, 1 })
	for range 2 { // one is verified, the other denied
		newSubscriber(t).ask(h, "subscribe", topic("all", "atom"))
	}
	h.must()
	if len(calls.left) != 2 || slices.Min(calls.left) <= 0 || slices.Max(calls.left) > 5*time.Second {
		t.Errorf("the calls had %v", calls.left)
	}
}

func TestLeaseWithinLimits(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub(func(o *websub.Options) {
		o.Lease = websub.Lease{Default: 240 * time.Hour, Min: time.Hour, Max: 720 * time.Hour}
	})
	s := newSubscriber(t)
	for asked, want := range map[string]int{
		"": 864000, "0": 864000, "1": 3600, "3599": 3600, "3600": 3600, "86400": 86400, "2592000": 2592000, "2592001": 2592000, "315360000": 2592000,
	} {
		s.subscribe(h, topic("all", "atom"), "hub.lease_seconds", asked)
		s.set(func(s *subscriber) {
			if got := s.leases[len(s.leases)-1]; got != want {
				t.Errorf("%q became a lease of %d s, want %d", asked, got, want)
			}
		})
	}
}

func TestExpiredLeaseEndsDeliveries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s, renews := newSubscriber(t), newSubscriber(t)
	s.subscribe(h, topic("all", "atom"), "hub.lease_seconds", "3600")
	renews.subscribe(h, topic("all", "atom"), "hub.lease_seconds", "3600")
	w.Clock.Advance(30 * time.Minute)
	renews.subscribe(h, topic("all", "atom"), "hub.lease_seconds", "3600")
	w.Clock.Advance(30*time.Minute - time.Second)
	if err := h.change("all"); err != nil {
		t.Fatal(err)
	}
	s.only()
	renews.only()
	w.Clock.Advance(time.Second)
	if err := h.change("all"); err != nil {
		t.Fatal(err)
	}
	renews.only()
	if got := s.received(); len(got) != 0 {
		t.Errorf("%d deliveries after the lease", len(got))
	}
	if err := h.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.Counts()["all"]; got != 1 {
		t.Errorf("%d subscriptions after pruning", got)
	}
	w.Clock.Advance(time.Hour)
	if err := h.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.Feeds(); len(got) != 0 {
		t.Errorf("feeds with subscriptions: %q", got)
	}
}

// A lease that ends while a delivery waits is not delivered to.
func TestLeaseExpiresAfterPack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"), "hub.lease_seconds", "3600")
	w.take()
	n := notice("all")
	payload, err := h.Deliveries().Pack(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	to := slices.Collect(h.targets(n))
	w.Clock.Advance(time.Hour)
	if err := payload.Send(t.Context(), to[0]); err != nil {
		t.Error(err)
	}
	if _, found := h.Deliveries().Target(n, to[0].Key); found {
		t.Error("it is still a target")
	}
	if got := s.received(); len(got) != 0 {
		t.Errorf("%d deliveries", len(got))
	}
}

func TestSubscribedFromFirstToLastSubscription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	a, b := newSubscriber(t), newSubscriber(t)
	steps := []struct {
		ask           func(h *hub, topic string, more ...string)
		format        string
		subscriptions int
	}{
		{a.subscribe, "atom", 1}, {a.subscribe, "rss", 2}, {b.subscribe, "atom", 3},
		{a.unsubscribe, "json", 3}, {a.unsubscribe, "atom", 2}, {a.unsubscribe, "rss", 1},
		{b.unsubscribe, "json", 1}, {b.unsubscribe, "rss", 1}, {b.unsubscribe, "atom", 0},
	}
	for n, step := range steps {
		step.ask(h, topic("all", step.format))
		want := map[string]int{}
		if step.subscriptions > 0 {
			want["all"] = step.subscriptions
		}
		if diff := cmp.Diff(want, h.Counts()); diff != "" {
			t.Errorf("subscriptions after step %d (-want +got):\n%s", n+1, diff)
		}
		if h.Subscribed("all") != (step.subscriptions > 0) || h.Subscribed("sections/travel") {
			t.Errorf("wrong feeds have subscriptions after step %d: %q", n+1, h.Feeds())
		}
	}
}

func TestNodesShareSubscriptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.hub(), w.hub()
	s := newSubscriber(t)
	s.subscribe(one, topic("all", "atom"), "hub.secret", "shared")
	storetest.Eventually(t, "the other node knows", func() bool { return two.Subscribed("all") })
	if err := two.change("all"); err != nil {
		t.Fatal(err)
	}
	if got := s.only(); got.header.Get("X-Hub-Signature") != sign("sha256", "shared", got.body) {
		t.Error("the other node signs otherwise")
	}
	if started := w.hub(); !started.Subscribed("all") {
		t.Error("a node that starts does not read the subscription")
	}
	s.unsubscribe(two, topic("all", "atom"))
	storetest.Eventually(t, "the first node knows", func() bool { return !one.Subscribed("all") })
	started := w.hub()
	if started.Subscribed("all") {
		t.Error("a node that starts knows an ended subscription")
	}
}

// While a bucket is read anew, no subscription seems to be gone.
func TestSubscriptionsKeptWhileBucketIsReread(t *testing.T) {
	server := brokertest.Server(t)
	b, err := broker.Open(t.Context(), broker.Options{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	w := worldIn(t, storetest.WorldOn(t, b), "websub")
	h := w.hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	s.ask(h, "subscribe", topic("sections/travel", "atom"))
	storetest.Eventually(t, "a verification waits", func() bool { return h.Waiting() == 1 })
	server.Stop()
	if !h.Subscribed("all") || h.Ready() != nil {
		t.Error("forgotten while the server is away")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := h.AskPending(ctx, 0); err == nil {
		t.Error("a subscription that could not be stored is done with")
	}
	server.Start()
	storetest.Eventually(t, "it is stored later", func() bool { return h.ask() == nil && h.Subscribed("sections/travel") })
	server.Wipe()
	server.Start()
	storetest.Eventually(t, "what is lost is forgotten", func() bool { return len(h.Feeds()) == 0 })
	s.subscribe(h, topic("all", "atom"))
	if !h.Subscribed("all") {
		t.Error("not stored in the new bucket")
	}
}

func TestErrUnreadBeforeSubscriptionsAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSubscriber(t)
	s.subscribe(w.hub(), topic("all", "atom"))
	h := w.made() // does not run
	if _, err := h.Notices(notice("all")); !errors.Is(err, websub.ErrUnread) {
		t.Errorf("notices: %v", err)
	}
	if err := h.Prune(t.Context()); !errors.Is(err, websub.ErrUnread) {
		t.Errorf("pruned: %v", err)
	}
	n := notice("all")
	if _, found := h.Deliveries().Target(n, "0123456789abcdef0123456789abcdef"); !found {
		t.Error("a target is given up before it can be known")
	}
	if _, err := h.Deliveries().Pack(t.Context(), n); !errors.Is(err, websub.ErrUnread) {
		t.Errorf("packed: %v", err)
	}
}

// A record of a newer release is for its nodes: it is not touched, and its
// subscriber waits for them.
func TestNewerRecordLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	bucket, err := w.Broker.JetStream().KeyValue(t.Context(), w.Broker.Name(w.bucket))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := bucket.Keys(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %q, %v", keys, err)
	}
	const newer = `{"format":3,"feed":{"something":"else"}}`
	if _, err := bucket.PutString(t.Context(), keys[0], newer); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, "it is no longer ours", func() bool { return !h.Subscribed("all") })
	for _, mode := range []string{"subscribe", "unsubscribe"} {
		s.ask(h, mode, topic("all", "atom"))
		if err := h.settle(); err == nil {
			t.Errorf("%s is done with", mode)
		}
	}
	w.Clock.Advance(1000 * time.Hour)
	if err := h.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if entry, err := bucket.Get(t.Context(), keys[0]); err != nil || string(entry.Value()) != newer {
		t.Errorf("the record is %s, %v", entry.Value(), err)
	}
}

func TestUnreadableRecordSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	bucket, err := w.Broker.JetStream().KeyValue(t.Context(), w.Broker.Name(w.bucket))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"0123456789abcdef0123456789abcdef", "no-key-of-ours"} {
		if _, err := bucket.PutString(t.Context(), key, "{"); err != nil {
			t.Fatal(err)
		}
	}
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	if got := h.Counts()["all"]; got != 1 {
		t.Errorf("%d subscriptions", got)
	}
	if !strings.Contains(w.log.text(), "no-key-of-ours") {
		t.Error("nothing is logged")
	}
}

func TestPruneEndsSubscriptionsOfGoneFeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("sections/travel", "atom"))
	s.subscribe(h, topic("all", "atom"))
	s.asked()
	prune := func(after time.Duration) {
		t.Helper()
		w.Clock.Advance(after)
		if err := h.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.site.set(func(s *site) { s.feeds["sections/travel"] = 0 })
	prune(0)
	prune(59 * time.Minute)
	w.site.set(func(s *site) { s.feeds["sections/travel"] = 1 }) // another configuration, for a while
	prune(0)
	w.site.set(func(s *site) { s.feeds["sections/travel"] = 0 })
	prune(0)
	prune(59 * time.Minute)
	h.must()
	if got := s.denied(); len(got) != 0 {
		t.Fatalf("denied %v", got)
	}
	prune(time.Minute)
	prune(time.Minute) // again, as another node may
	h.must()
	want := []url.Values{{"hub.mode": {"denied"}, "hub.topic": {topic("sections/travel", "atom")}, "hub.reason": {"the feed is no longer there"}}}
	if diff := cmp.Diff(want, s.denied()); diff != "" {
		t.Errorf("denials (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"all"}, h.Feeds()); diff != "" {
		t.Errorf("feeds with subscriptions (-want +got):\n%s", diff)
	}
}

// What a subscription was found to be when it was to end may no longer be so.
func TestRenewedSubscriptionOfGoneFeedStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	w.site.set(func(s *site) { s.feeds["all"] = 0 })
	if err := h.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(time.Hour)
	if err := h.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.site.set(func(s *site) { s.feeds["all"] = 1 })
	s.subscribe(h, topic("all", "atom"))
	if got := s.denied(); len(got) != 0 || !h.Subscribed("all") {
		t.Errorf("denied %v, subscribed %v", got, h.Subscribed("all"))
	}
}
