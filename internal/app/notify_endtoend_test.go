package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go/jetstream"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// topicOf is an address of the stories' site.
func topicOf(path string) string { return "https://news.example.com" + path }

// callsLoopback lets a node call the followers of a test, as often as they like.
const callsLoopback = `
outbound: {allow_networks: ["127.0.0.0/8", "::1/128"], first_retry: 200ms}
websub: {requests_per_minute: 1000000}
`

// subscribe has subscribers of a node's hub confirmed: each is a path and the
// address of a feed. They have been sent it then, which is not among what was received.
func subscribe(node *process, f *follower, feeds map[string]string) {
	node.t.Helper()
	served := map[string]string{}
	for path, feed := range feeds {
		if served[feed] == "" {
			_, served[feed] = node.get(feed)
		}
		f.follows[path], f.began[path] = feed, served[feed]
		f.ask(node.http+"/hub", "subscribe", path, topicOf(feed))
	}
	node.eventually("all have confirmed", func() bool { return f.confirmed() == len(feeds) })
	node.eventually("the hub knows of them", func() bool {
		return node.metric("gallerywire_websub_subscriptions") == float64(len(feeds))
	})
	node.eventually("all have the document", func() bool {
		for path := range feeds {
			if refused := f.refuse != nil && f.refuse(path) != 0; !refused && len(f.received(path)) == 0 {
				return false
			}
		}
		return node.metric("gallerywire_notices_owed", `channel="websub"`) == 0
	})
	f.forget()
}

// metric is the value of a metric without labels, or with all of those given.
func (p *process) metric(name string, labels ...string) float64 {
	p.t.Helper()
	for line := range strings.Lines(p.metrics()) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok {
			continue
		}
		fits := true
		for _, label := range labels {
			fits = fits && strings.Contains(rest, label)
		}
		var value float64
		if _, err := fmt.Sscan(rest[strings.LastIndexByte(rest, ' ')+1:], &value); fits && err == nil {
			return value
		}
	}
	return 0
}

func TestSubscribersReceiveEveryKindOfFeed(t *testing.T) {
	t.Parallel()
	node := serve(t, oneFeed+callsLoopback+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	cms := connect(t, node.nats)
	begin := time.Now().Add(-time.Minute)
	publish(t, cms, "article.published", galleryJSON("harbour", "Harbour", "Travel", begin, 2))
	node.eventually("the gallery is there", func() bool {
		_, body := node.get("/sections/travel.atom")
		return strings.Contains(body, "Harbour")
	})

	f := newFollower(t)
	feeds := map[string]string{
		"/all?of=it": "/feeds/all.rss", "/section": "/sections/travel.atom", "/gallery": "/galleries/harbour.json", "/other": "/galleries/harbour.atom",
	}
	feeds["/all"] = feeds["/all?of=it"] // the callback's own query is the follower's affair
	delete(feeds, "/all?of=it")
	subscribe(node, f, feeds)

	publish(t, cms, "article.published", galleryJSON("harbour", "Harbour lights", "Travel", begin.Add(time.Second), 3))
	for path, feed := range feeds {
		node.eventually(path+" receives it", func() bool { return strings.Contains(f.last(path), "Harbour lights") })
		resp, body := node.get(feed)
		all := f.received(path)
		last := all[len(all)-1]
		if last.body != body {
			t.Errorf("%s did not receive what %s says", path, feed)
		}
		if got, want := last.header.Get("Content-Type"), resp.Header.Get("Content-Type"); got != want {
			t.Errorf("%s: content type %q, want %q", path, got, want)
		}
		want := fmt.Sprintf(`<%s>; rel="hub", <%s>; rel="self"`, topicOf("/hub"), topicOf(feed))
		if got := last.header.Values("Link"); len(got) != 1 || got[0] != want {
			t.Errorf("%s: links %q, want %q", path, got, want)
		}
		if got := resp.Header.Get("Link"); got != want {
			t.Errorf("%s is served with the links %q, want %q", feed, got, want)
		}
		if path != "/gallery" && (!strings.Contains(body, topicOf("/hub")) || !strings.Contains(body, topicOf(feed))) {
			t.Errorf("%s does not name its hub and itself", feed)
		}
	}

	f.ask(node.http+"/hub", "unsubscribe", "/other", topicOf("/galleries/harbour.atom"))
	node.eventually("one has left", func() bool { return node.metric("gallerywire_websub_subscriptions") == 3 })
	before := len(f.received("/other"))
	publish(t, cms, "article.unpublished", fmt.Sprintf(`{"id":"harbour","updated":%q}`, begin.Add(2*time.Second).Format(time.RFC3339Nano)))
	for _, path := range []string{"/all", "/section", "/gallery"} {
		node.eventually(path+" receives the take-down", func() bool { return !strings.Contains(f.last(path), "Harbour lights") })
		if body := f.last(path); strings.Contains(body, "/harbour/1.jpg") {
			t.Errorf("%s still has pictures of what was taken down: %s", path, body)
		}
	}
	f.atRest(node, "/all", "/section", "/gallery")
	if got := len(f.received("/other")); got != before {
		t.Errorf("after unsubscribing it received %d more", got-before)
	}
	if code := node.stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, node.logs)
	}
}

// A change below the document follows one of the document, before the node forgets what
// each subscriber has.
func TestSubscriberLearnsOfArchiveSoonAfterADelivery(t *testing.T) {
	t.Parallel()
	node := serve(t, oneFeed+callsLoopback+"feeds: [{name: all, items: 10}]\narchive: {page: 10}\n"+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	cms := connect(t, node.nats)
	notices, err := cms.SubscribeSync("feed.updated")
	if err != nil {
		t.Fatal(err)
	}
	next := func() updateEvent {
		t.Helper()
		msg, err := notices.NextMsg(storetest.WaitLimit)
		if err != nil {
			t.Fatalf("no notice: %v", err)
		}
		return decodeUpdate(t, msg)
	}
	const galleries = 15
	put := func(i int) {
		publish(t, cms, "article.published", timed(fmt.Sprintf("gallery-%d", i), time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC), time.Time{}))
	}
	for i := range galleries {
		put(i)
	}
	for announced := 0; announced < galleries; {
		announced += len(next().Data.Added)
	}
	f := newFollower(t)
	subscribe(node, f, map[string]string{"/all": "/feeds/all.atom"})
	f.atRest(node)

	bodies := map[string]bool{}
	for _, i := range []int{galleries - 1, 0, 1} { // of the document, and twice of the archive
		put(i)
		update := next()
		if want := []string{fmt.Sprintf("gallery-%d", i)}; !slices.Equal(update.Data.Edited, want) {
			t.Fatalf("announced as changed: %q, want %q", update.Data.Edited, want)
		}
		node.eventually(fmt.Sprintf("the correction of gallery %d is received", i), func() bool {
			for _, got := range f.received("/all") {
				if strings.HasPrefix(got.header.Get("Idempotency-Key"), `"`+update.ID+"-") {
					bodies[got.body] = true
					return true
				}
			}
			return false
		})
	}
	if len(bodies) != 1 {
		t.Errorf("%d documents were delivered, want the same for each correction", len(bodies))
	}
}

// TestAFanOutSurvivesBeingKilled kills the node while it tells five hundred.
func TestAFanOutSurvivesBeingKilled(t *testing.T) {
	t.Parallel()
	const many = 500
	address := brokertest.FreeAddress(t)
	config := oneFeed + callsLoopback + fmt.Sprintf("nats: {embedded: {listen: %q, data_dir: %q}}", address, t.TempDir())
	node := serve(t, config)
	node.ready()
	f := newFollower(t)
	feeds := map[string]string{}
	for i := range many {
		feeds[fmt.Sprintf("/%d", i)] = "/feeds/all.atom"
	}
	subscribe(node, f, feeds)

	cms := connect(t, "nats://"+address)
	entry := make(chan struct{}, 20*many)
	f.mu.Lock()
	f.entry = entry
	f.mu.Unlock()
	begin := time.Now().Add(-time.Hour)
	const rounds = 4
	for round := range rounds {
		publish(t, cms, "article.published", galleryJSON("harbour", fmt.Sprintf("Round %d", round), "Travel", begin.Add(time.Duration(round)*time.Second), 2))
		for range many / 5 { // in the middle of it
			select {
			case <-entry:
			case <-time.After(storetest.WaitLimit):
				t.Fatalf("round %d: nobody received it\n%s", round, node.logs)
			}
		}
		node.kill()
		node = serve(t, config)
		node.ready()
	}
	last := fmt.Sprintf("Round %d", rounds-1)
	node.eventually("everyone has the last version", func() bool {
		for path := range feeds {
			if !strings.Contains(f.last(path), last) {
				return false
			}
		}
		return true
	})
	node.eventually("no notice is pending", func() bool { return node.metric("gallerywire_notices_owed", `channel="websub"`) == 0 })
	for path := range feeds {
		if !strings.Contains(f.last(path), last) {
			t.Errorf("%s received something older after the last version", path)
		}
	}
	f.atRest(node)
}

func TestTwoNodesDeliverOnceToEachSubscriber(t *testing.T) {
	t.Parallel()
	const many, rounds = 200, 5
	server := brokertest.Server(t)
	config := oneFeed + callsLoopback + fmt.Sprintf("nats: {url: %q}", server.URL())
	one, two := serve(t, config), serve(t, config)
	one.ready()
	two.ready()
	f := newFollower(t)
	feeds := map[string]string{}
	for i := range many {
		feeds[fmt.Sprintf("/%d", i)] = "/feeds/all.atom"
	}
	subscribe(one, f, feeds)
	two.eventually("the other node knows of them", func() bool { return two.metric("gallerywire_websub_subscriptions") == many })

	sent := func() (sent [2]float64) {
		for i, node := range []*process{one, two} {
			sent[i] = node.metric("gallerywire_notices_total", `channel="websub"`, `outcome="sent"`)
		}
		return sent
	}
	before := sent()
	cms := connect(t, server.URL())
	begin := time.Now().Add(-time.Hour)
	for round := range rounds {
		title := fmt.Sprintf("Round %d", round)
		publish(t, cms, "article.published", galleryJSON("harbour", title, "Travel", begin.Add(time.Duration(round)*time.Second), 2))
		one.eventually("everyone receives "+title, func() bool {
			for path := range feeds {
				if !strings.Contains(f.last(path), title) {
					return false
				}
			}
			return true
		})
	}
	f.atRest(two)
	all := 0
	for path := range feeds {
		ids := map[string]bool{}
		for _, g := range f.received(path) {
			ids[g.header.Get("Idempotency-Key")] = true
			all++
		}
		if len(ids) != rounds {
			t.Errorf("%s received %d deliveries, want %d", path, len(ids), rounds)
		}
	}
	if all > many*rounds*11/10 { // on a busy machine a lease may end while its node delivers
		t.Errorf("%d deliveries to %d subscribers in %d rounds", all, many, rounds)
	}
	var sums [2]float64
	one.eventually("all is counted", func() bool {
		now := sent()
		sums = [2]float64{now[0] - before[0], now[1] - before[1]}
		return sums[0]+sums[1] >= float64(all)
	})
	if sums[0] == 0 || sums[1] == 0 {
		t.Errorf("the nodes delivered %v", sums)
	}
}

func TestUnreachableSubscriberBecomesDeadLetter(t *testing.T) {
	t.Parallel()
	node := serve(t, oneFeed+`
outbound: {allow_networks: ["127.0.0.0/8"], first_retry: 50ms, attempts: 3}
nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	cms := connect(t, node.nats)
	failed, err := cms.SubscribeSync("feed.notice.failed")
	if err != nil {
		t.Fatal(err)
	}
	f := newFollower(t)
	f.refuse = func(path string) int {
		if path == "/broken" {
			return http.StatusBadGateway
		}
		return 0
	}
	subscribe(node, f, map[string]string{"/broken": "/feeds/all.atom", "/good": "/feeds/all.atom"})
	publish(t, cms, "article.published", galleryJSON("harbour", "Harbour", "Travel", time.Now(), 2))
	msg, err := failed.NextMsg(storetest.WaitLimit)
	if err != nil {
		t.Fatalf("nobody says that it was given up: %v\n%s", err, node.logs)
	}
	var failure struct {
		Type string `json:"type"`
		Data struct {
			Channel, Target, Feed, Reason string
			Attempts                      int
		} `json:"data"`
	}
	if err := json.Unmarshal(msg.Data, &failure); err != nil {
		t.Fatal(err)
	}
	d := failure.Data
	if failure.Type != "feed.notice.failed" || d.Channel != "websub" || d.Feed != "all" || d.Attempts != 3 ||
		d.Target != f.server.URL+"/broken" || !strings.Contains(d.Reason, "502") {
		t.Errorf("received %s", msg.Data)
	}
	node.eventually("the other receives it", func() bool { return strings.Contains(f.last("/good"), "Harbour") })
	f.atRest(node, "/good")
	if got := node.metric("gallerywire_websub_subscriptions"); got != 2 {
		t.Errorf("%v subscriptions are left: the one that failed is kept", got)
	}
}

const hookSecret, oldHookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

func TestAWebhookIsSignedAndChooses(t *testing.T) {
	t.Parallel()
	type call struct {
		header http.Header
		body   []byte
	}
	var mu sync.Mutex
	var calls []call
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, call{r.Header, body})
		if len(calls) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer hook.Close()
	received := func() []call {
		mu.Lock()
		defer mu.Unlock()
		return calls
	}
	node := serve(t, oneFeed+callsLoopback+fmt.Sprintf(`
webhooks: [{name: partner, url: %q, secrets: [%q, %q], feeds: [sections/travel]}]
nats: {embedded: {listen: "127.0.0.1:0"}}`, hook.URL, hookSecret, oldHookSecret))
	node.ready()
	cms := connect(t, node.nats)
	publish(t, cms, "article.published", galleryJSON("match", "Match", "Sport", time.Now(), 1))
	publish(t, cms, "article.published", galleryJSON("harbour", "Harbour", "Travel", time.Now(), 2))
	node.eventually("the webhook is called again", func() bool { return len(received()) >= 2 })
	got := received()
	if a, b := got[0].header.Get("Webhook-Id"), got[1].header.Get("Webhook-Id"); a != b || a == "" {
		t.Errorf("the ids of two attempts are %q and %q", a, b)
	}
	for _, secret := range []string{hookSecret, oldHookSecret} {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(got[1].body, got[1].header); err != nil {
			t.Errorf("the signature with a secret: %v", err)
		}
	}
	var u updateEvent
	if err := json.Unmarshal(got[1].body, &u); err != nil {
		t.Fatal(err)
	}
	if u.Type != "feed.updated" || u.Data.Feed != "sections/travel" || len(u.Data.Added) != 1 || u.Data.Added[0] != "harbour" {
		t.Errorf("received %s", got[1].body)
	}
}

func TestAnotherHubIsPinged(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var pings []url.Values
	var topics string
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		if _ = r.ParseForm(); !r.PostForm.Has("hub.mode") {
			return // the webhook
		}
		mu.Lock()
		defer mu.Unlock()
		pings = append(pings, r.PostForm)
		topics += strings.Join(r.PostForm["hub.url"], " ") + " "
	}))
	defer hub.Close()
	node := serve(t, oneFeed+fmt.Sprintf(`
outbound: {allow_networks: ["127.0.0.0/8"]}
websub: {hub: false, external_hubs: [%q]}
webhooks: [{name: partner, url: %q, secrets: [whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz], feeds: [sections/travel]}]
nats: {embedded: {listen: "127.0.0.1:0"}}`, hub.URL, hub.URL+"/hook"))
	node.ready()
	publish(t, connect(t, node.nats), "article.published", galleryJSON("harbour", "Harbour", "Travel", time.Now(), 2))
	paths := []string{"/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json", "/sections/travel.rss", "/sections/travel.atom", "/sections/travel.json"}
	node.eventually("the hub is pinged", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return !slices.ContainsFunc(paths, func(path string) bool { return !strings.Contains(topics, topicOf(path)) })
	})
	mu.Lock()
	defer mu.Unlock()
	if pings[0].Get("hub.mode") != "publish" {
		t.Errorf("pinged with %v", pings[0])
	}
	if resp, _ := node.get("/hub"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a hub that is off answers %s", resp.Status)
	}
	// What a feed names is true: a hub that is never pinged is not named.
	for path, names := range map[string]bool{"/feeds/all.atom": true, "/sections/travel.atom": true, "/galleries/harbour.atom": false} {
		resp, text := node.get(path)
		if resp.StatusCode != http.StatusOK || strings.Contains(resp.Header.Get("Link"), hub.URL) != names || strings.Contains(text, hub.URL) != names {
			t.Errorf("%s: %s, names the hub: want %v of %q and\n%s", path, resp.Status, names, resp.Header.Get("Link"), text)
		}
	}
}

// TestADigestIsMailedOnce has two nodes with a digest that is due each second; one
// that was missed is sent when a node is back.
func TestADigestIsMailedOnce(t *testing.T) {
	t.Parallel()
	post := newMailbox(t)
	server := brokertest.Server(t)
	config := oneFeed + fmt.Sprintf(`
digests: [{name: travel, schedule: "@every 1s", feeds: [sections/travel],
  to: ["smtp://%s/?from=news@example.com&to=desk@example.com&auth=None&usestarttls=no"]}]
nats: {url: %q}`, post.address, server.URL())
	one, two := serve(t, config), serve(t, config)
	one.ready()
	two.ready()
	cms := connect(t, server.URL())
	// What is there when a digest begins is no news: it must have begun.
	one.eventually("the digest has begun", func() bool { return hasDigest(t, server) })
	publish(t, cms, "article.published", galleryJSON("match", "Match", "Sport", time.Now(), 1))
	publish(t, cms, "article.published", recent("harbour", "Harbour lights"))
	one.eventually("it is mailed", func() bool { return len(post.all()) == 1 })
	mail := post.all()[0]
	for _, want := range []string{"To: ", "desk@example.com", "Harbour lights", "text/plain", "text/html", "https://img.example.com/harbour/1.jpg"} {
		if !strings.Contains(strings.ReplaceAll(mail, "=\n", ""), want) {
			t.Errorf("the mail does not have %q:\n%s", want, mail)
		}
	}
	if strings.Contains(mail, "Match") {
		t.Error("the mail tells of a gallery of another section")
	}
	one.stop()
	two.stop()
	// While nobody runs, the CMS publishes and a digest is missed.
	publish(t, cms, "article.published", recent("market", "Market day"))
	again := serve(t, config)
	again.ready()
	again.eventually("it is mailed", func() bool { return len(post.all()) >= 2 })
	if all := post.all(); len(all) != 2 || !strings.Contains(all[1], "Market day") || strings.Contains(all[1], "Harbour lights") {
		t.Errorf("%d mails, the last:\n%s", len(all), all[len(all)-1])
	}
}

// recent is a gallery that was published just now.
func recent(id, title string) string {
	now := time.Now()
	return strings.Replace(galleryJSON(id, title, "Travel", now, 1), "2026-01-02T03:04:05Z", now.UTC().Format(time.RFC3339), 1)
}

func hasDigest(t *testing.T, server interface{ URL() string }) bool {
	t.Helper()
	js, err := jetstream.New(connect(t, server.URL()))
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := js.KeyValue(t.Context(), "gallerywire_digests")
	if err != nil {
		return false
	}
	keys, err := bucket.Keys(t.Context())
	return err == nil && len(keys) > 0
}
