package websub_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

// sign is the value of X-Hub-Signature, section 7.1.
func sign(method, secret, body string) string {
	hashes := map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}
	mac := hmac.New(hashes[method], []byte(secret))
	mac.Write([]byte(body))
	return fmt.Sprintf("%s=%x", method, mac.Sum(nil))
}

// notice is about a feed.
func notice(feed string) outbox.Notice {
	return outbox.Notice{Channel: websub.Channel, About: feed, ID: "n"}
}

func TestDeliveryIsWholeDocument(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	for format, mediaType := range mediaTypes() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			h := all.sibling(t).hub()
			s := newSubscriber(t)
			s.subscribe(h, topic("sections/travel", format))
			if err := h.change("sections/travel"); err != nil {
				t.Fatal(err)
			}
			got := s.only()
			if want := "sections/travel as " + format + ", version 2"; got.body != want {
				t.Errorf("body %q, want %q", got.body, want)
			}
			for name, want := range map[string]string{
				"Content-Type":    mediaType,
				"Link":            `<` + hubAddress + `>; rel="hub", <` + topic("sections/travel", format) + `>; rel="self"`,
				"Idempotency-Key": `"notice-2-` + format + `-2"`,
				"X-Hub-Signature": "",
			} {
				if value := got.header.Get(name); value != want {
					t.Errorf("%s: %s, want %s", name, value, want)
				}
			}
		})
	}
}

// A header has ASCII, however a subscriber wrote the address.
func TestDeliveryEscapesTopicThatIsNotASCII(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	for name, want := range map[string]string{
		"tags/são joão": "tags/s%C3%A3o%20jo%C3%A3o", "tags/s%c3%a3o": "tags/s%c3%a3o", "tags/a>b\"c<d": "tags/a%3Eb%22c%3Cd",
		"tags/c~cedb1bac7efcd7db": "tags/c~cedb1bac7efcd7db", "tags/c++": "tags/c++", "galleries/=3461": "galleries/=3461",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := all.sibling(t)
			w.site.set(func(s *site) { s.feeds[name] = 1 })
			h, s := w.hub(), newSubscriber(t)
			s.subscribe(h, topic(name, "json"))
			if err := h.change(name); err != nil {
				t.Fatal(err)
			}
			if got := self(s.only()); got != topic(want, "json") {
				t.Errorf("the topic is %s, want %s", got, topic(want, "json"))
			}
		})
	}
}

// Each attempt has the document of then: one that is another has another key.
func TestIdempotencyKeyChangesWithDocument(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	attempt := func() delivery {
		t.Helper()
		if err := h.send(notice("all")); err != nil {
			t.Fatal(err)
		}
		return s.only()
	}
	first, again := attempt(), attempt()
	h.w.site.set(func(s *site) { s.feeds["all"]++ })
	changed := attempt()
	key := func(d delivery) string { return d.header.Get("Idempotency-Key") }
	if key(first) != key(again) || first.body != again.body {
		t.Errorf("the same document again: %s is %q, %s is %q", key(first), first.body, key(again), again.body)
	}
	if key(again) == key(changed) || again.body == changed.body {
		t.Errorf("%s is %q, and then %s is %q", key(again), again.body, key(changed), changed.body)
	}
}

func TestDeliverySignedWithSecret(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	for _, method := range []string{"sha1", "sha256", "sha384", "sha512"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			h := all.sibling(t).hub(func(o *websub.Options) { o.Signature = method })
			for _, secret := range []string{"s", strings.Repeat("s", 199), "with & and \x00 and \xff"} {
				s := newSubscriber(t)
				s.subscribe(h, topic("all", "atom"), "hub.secret", secret)
				if err := h.change("all"); err != nil {
					t.Fatal(err)
				}
				got := s.only()
				if sig := got.header.Values("X-Hub-Signature"); !slices.Equal(sig, []string{sign(method, secret, got.body)}) {
					t.Errorf("signatures %q of %q", sig, got.body)
				}
			}
		})
	}
}

func TestNewRefusesUnknownSignature(t *testing.T) {
	if _, err := websub.New(websub.Options{Signature: "md5"}); err == nil || !strings.Contains(err.Error(), "sha384") {
		t.Errorf("error %v", err)
	}
}

func TestDeliveryResponses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s := newSubscriber(t)
	at := func(d time.Duration) string { return w.Clock.Now().Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		status int
		retry  string
		reason string // empty: accepted
		after  time.Duration
	}{
		{200, "", "", 0},
		{202, "60", "", 0},
		{204, "", "", 0},
		{299, "", "", 0},
		{301, "", "127.0.0.1 answered 301, a redirect, which is not followed", 0},
		{307, "", "127.0.0.1 answered 307, a redirect, which is not followed", 0},
		{400, "", "127.0.0.1 answered 400", 0},
		{404, "", "127.0.0.1 answered 404", 0},
		{429, "120", "127.0.0.1 answered 429", 2 * time.Minute},
		{500, "", "127.0.0.1 answered 500", 0},
		{503, at(time.Hour), "127.0.0.1 answered 503", time.Hour},
		{503, "soon", "127.0.0.1 answered 503", 0},
	} {
		s.subscribe(h, topic("all", "atom"))
		s.set(func(s *subscriber) {
			s.receive = func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Location", s.callback())
				rw.Header().Set("Retry-After", c.retry)
				rw.WriteHeader(c.status)
			}
		})
		err := h.change("all")
		s.only()
		if c.reason == "" && err != nil || c.reason != "" && (err == nil || err.Error() != c.reason) {
			t.Errorf("%d: error %v, want %q", c.status, err, c.reason)
		}
		later, waits := errors.AsType[*outbox.RetryError](err)
		if waits != (c.after > 0) || waits && later.After != c.after {
			t.Errorf("%d with Retry-After %q: %+v", c.status, c.retry, later)
		}
		if errors.Is(err, outbox.ErrFinal) || !h.Subscribed("all") {
			t.Errorf("%d ends something: %v", c.status, err)
		}
	}
}

func TestGoneEndsSubscription(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s, other := newSubscriber(t), newSubscriber(t)
	s.receive = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }
	s.subscribe(h, topic("all", "atom"))
	other.subscribe(h, topic("all", "atom"))
	for range 2 {
		if err := h.change("all"); err != nil {
			t.Fatal(err)
		}
	}
	s.only()
	if got := other.received(); len(got) != 2 || h.Counts()["all"] != 1 {
		t.Errorf("%d deliveries to the other, %d subscriptions", len(got), h.Counts()["all"])
	}
}

// A subscriber may call the hub while it is delivered to. Its request is
// newer than its answer.
func TestRenewalDuringDeliveryOutlivesGone(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	s.set(func(s *subscriber) {
		s.receive = func(w http.ResponseWriter, _ *http.Request) {
			s.subscribe(h, topic("all", "atom"), "hub.secret", "new")
			w.WriteHeader(http.StatusGone)
		}
	})
	if err := h.change("all"); err != nil {
		t.Fatal(err)
	}
	s.received()
	s.set(func(s *subscriber) { s.receive = nil })
	if err := h.change("all"); err != nil {
		t.Fatal(err)
	}
	if got := s.only(); got.header.Get("X-Hub-Signature") != sign("sha256", "new", got.body) {
		t.Error("the renewal was not taken")
	}
}

func TestPackMakesOnlySubscribedFormats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	atom, more, rss := newSubscriber(t), newSubscriber(t), newSubscriber(t)
	atom.subscribe(h, topic("all", "atom"))
	more.subscribe(h, topic("all", "atom"))
	rss.subscribe(h, topic("all", "rss"), "hub.lease_seconds", "3600")
	rss.subscribe(h, topic("sections/travel", "json"))
	made := func() []string {
		var made []string
		w.site.set(func(s *site) { made, s.made = s.made, nil })
		slices.Sort(made)
		return made
	}
	if err := h.change("all"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"all.atom", "all.rss"}, made()); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	w.Clock.Advance(time.Hour)
	if err := h.change("all"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"all.atom"}, made()); diff != "" {
		t.Errorf("made after a lease (-want +got):\n%s", diff)
	}
}

// A subscription in another format that comes while a feed is delivered.
func TestSendMakesFormatSubscribedAfterPack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	payload, err := h.Deliveries().Pack(t.Context(), notice("all"))
	if err != nil {
		t.Fatal(err)
	}
	version := payload.Version()
	s.subscribe(h, topic("all", "rss"))
	for range 2 {
		for to := range h.targets(notice("all")) {
			if err := payload.Send(t.Context(), to); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := s.received(); len(got) != 4 || payload.Version() != version {
		t.Errorf("%d deliveries, version %q after %q", len(got), payload.Version(), version)
	}
	w.site.set(func(s *site) {
		if want := []string{"all.atom", "all.rss"}; !slices.Equal(s.made, want) {
			t.Errorf("made %q, want %q", s.made, want)
		}
	})
}

// A format that takes long to make holds up no subscriber of another one. It is made once
// for all of its own.
func TestSendDoesNotWaitForAnotherFormat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	atom, rss, more := newSubscriber(t), newSubscriber(t), newSubscriber(t)
	atom.subscribe(h, topic("all", "atom"))
	toAtom := slices.Collect(h.targets(notice("all")))[0]
	payload, err := h.Deliveries().Pack(t.Context(), notice("all"))
	if err != nil {
		t.Fatal(err)
	}
	rss.subscribe(h, topic("all", "rss"))
	more.subscribe(h, topic("all", "rss"))
	making, made := make(chan struct{}, 2), make(chan struct{})
	w.site.set(func(s *site) {
		s.made = nil
		s.making = func(string) {
			making <- struct{}{}
			<-made
		}
	})
	var sending sync.WaitGroup
	send := func(to outbox.Target) {
		sending.Go(func() {
			if err := payload.Send(t.Context(), to); err != nil {
				t.Error(err)
			}
		})
	}
	for to := range h.targets(notice("all")) {
		if to != toAtom {
			send(to)
		}
	}
	<-making
	send(toAtom)
	storetest.Eventually(t, "the one whose document is made has it", func() bool { return len(atom.received()) == 1 })
	close(made)
	sending.Wait()
	rss.only()
	more.only()
	w.site.set(func(s *site) {
		if !slices.Equal(s.made, []string{"all.rss"}) {
			t.Errorf("made %q, want it once", s.made)
		}
	})
}

// A delivery that is cut while it waits for a document ends at once, and the others go on.
func TestSendWaitsForDocumentAtMostItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	payload, err := h.Deliveries().Pack(t.Context(), notice("all"))
	if err != nil {
		t.Fatal(err)
	}
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "rss"))
	making, made := make(chan struct{}), make(chan struct{})
	w.site.set(func(s *site) {
		s.making = func(string) {
			making <- struct{}{}
			<-made
		}
	})
	to := slices.Collect(h.targets(notice("all")))[0]
	sent := make(chan error, 1)
	go func() { sent <- payload.Send(t.Context(), to) }()
	<-making
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	ended := make(chan error, 1)
	go func() { ended <- payload.Send(cut, to) }()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	case <-time.After(storetest.WaitLimit):
		t.Error("it still waits")
	}
	close(made)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	s.only()
}

// A notice that is repeated has the version that its subscribers have; one of a change in
// the archive has another one, with the same documents.
func TestPayloadVersionFollowsDocumentsAndArchive(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	s.subscribe(h, topic("all", "json"))
	versions := map[string]string{} // and after which step
	for _, step := range []struct {
		name   string
		change func(s *site)
	}{
		{"start", func(*site) {}},
		{"document", func(s *site) { s.feeds["all"]++ }},
		{"archive", func(s *site) { s.archive["all"]++ }},
		{"other feed", func(s *site) { s.feeds["sections/travel"]++; s.archive["sections/travel"]++ }},
	} {
		h.w.site.set(step.change)
		payload, err := h.Deliveries().Pack(t.Context(), notice("all"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.Deliveries().Pack(t.Context(), notice("all"))
		if err != nil {
			t.Fatal(err)
		}
		if again.Version() != payload.Version() {
			t.Errorf("after %s: versions %q and %q of the same", step.name, payload.Version(), again.Version())
		}
		before, same := versions[payload.Version()]
		if same != (step.name == "other feed") {
			t.Errorf("after %s: version %q, which it had after %q", step.name, payload.Version(), before)
		}
		versions[payload.Version()] = step.name
	}
}

func TestPackFailsOnLaggingNode(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	n := notice("all")
	n.Order.Revision = 7
	if _, err := h.Deliveries().Pack(t.Context(), n); err == nil || !strings.Contains(err.Error(), "lags") {
		t.Errorf("error %v", err)
	}
}

func TestGoneFeedNotDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s := newSubscriber(t)
	s.subscribe(h, topic("all", "atom"))
	w.site.set(func(s *site) { s.feeds["all"] = 0 })
	for _, after := range []time.Duration{0, 30 * time.Minute, 29 * time.Minute} {
		w.Clock.Advance(after)
		if err := h.send(notice("all")); err == nil {
			t.Fatal("another node may know the feed, and is left nothing of the notice")
		}
		if err := h.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.Clock.Advance(time.Minute)
	if err := h.send(notice("all")); err != nil {
		t.Fatal(err)
	}
	if got := s.received(); len(got) != 0 {
		t.Errorf("%d deliveries", len(got))
	}
}

func TestUnsubscribeFromGoneFeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	s, other := newSubscriber(t), newSubscriber(t)
	s.subscribe(h, topic("sections/travel", "atom"))
	other.subscribe(h, topic("sections/travel", "atom"))
	w.site.set(func(s *site) { s.feeds = nil })
	s.unsubscribe(h, topic("sections/travel", "atom"))
	if got := h.Counts()["sections/travel"]; got != 1 {
		t.Errorf("%d subscriptions", got)
	}
	for _, ask := range [][2]string{{"subscribe", topic("sections/travel", "atom")}, {"unsubscribe", topic("all", "atom")}} {
		if status, text := s.ask(h, ask[0], ask[1]); status != 404 {
			t.Errorf("%s: %d %s", ask, status, text)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	h := newWorld(t).hub()
	s, other := newSubscriber(t), newSubscriber(t)
	callback := s.callback() + "?token=hidden"
	s.subscribe(h, topic("all", "atom"), "hub.callback", callback)
	s.subscribe(h, topic("all", "rss"), "hub.callback", callback)
	other.subscribe(h, topic("all", "rss"))
	got := slices.Collect(h.targets(notice("all")))
	if len(got) != 3 || got[0].Key == got[1].Key {
		t.Fatalf("targets %+v", got)
	}
	for _, to := range got {
		again, found := h.Deliveries().Target(notice("all"), to.Key)
		if !found || again != to || to.Host != "127.0.0.1" || len(to.Key) > 80 || strings.Contains(to.Name, "hidden") {
			t.Errorf("target %+v, found again %v: %+v", to, found, again)
		}
	}
	if _, found := h.Deliveries().Target(notice("all"), strings.Repeat("0", 32)); found {
		t.Error("found a target that is none")
	}
}

func TestFeedWithoutSubscriptionsHasNoNotice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.hub()
	newSubscriber(t).subscribe(h, topic("all", "atom"))
	for feed, want := range map[string]int{"sections/travel": 0, "all": 1} {
		if got, err := h.Notices(outbox.Notice{About: feed, ID: "n"}); len(got) != want || err != nil {
			t.Errorf("%s: notices %v, %v", feed, got, err)
		}
	}
}
