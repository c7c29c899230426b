package app_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/mmcdole/gofeed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// galleryJSON is an event as a CMS sends it.
func galleryJSON(id, title, section string, updated time.Time, slides int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":%q,"url":"https://news.example.com/galleries/%s","title":%q,"section":%q,"published":"2026-01-02T03:04:05Z","updated":%q,"slides":[`,
		id, id, title, section, updated.Format(time.RFC3339Nano))
	for i := range slides {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%d","title":"Slide %d","caption":"<p>Caption %d of %s</p>","credit":"Agency","image":{"url":"https://img.example.com/%s/%d.jpg","width":1600,"height":900}}`,
			i+1, i+1, i+1, id, id, i+1)
	}
	b.WriteString("]}")
	return b.String()
}

const oneFeed = `
site: {id: news.example.com, base_url: "https://news.example.com"}
http: {listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0"}
notices: {quiet_period: 50ms, max_wait: 1s}
`

func TestAnEventBecomesThreeFeedsAndANotice(t *testing.T) {
	t.Parallel()
	node := serve(t, oneFeed+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	cms := connect(t, node.nats)
	wire := listen(t, cms)
	notices, err := cms.SubscribeSync("feed.updated")
	if err != nil {
		t.Fatal(err)
	}
	if err := cms.Flush(); err != nil {
		t.Fatal(err)
	}
	publish(t, cms, "article.published", galleryJSON("harbour-lights", "Harbour lights", "Travel", time.Now(), 3))

	msg, err := notices.NextMsg(storetest.WaitLimit)
	if err != nil {
		t.Fatalf("no notice: %v\n%s", err, node.logs)
	}
	update := decodeUpdate(t, msg)
	if got := update.Data.Added; len(got) != 1 || got[0] != "harbour-lights" || update.Data.Feed != "all" {
		t.Errorf("notice adds %v to %q", got, update.Data.Feed)
	}
	for _, format := range []string{"rss", "atom", "json"} {
		resp, body := node.get("/feeds/all." + format)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", format, resp.Status)
		}
		parsed, err := gofeed.NewParser().ParseString(body)
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if len(parsed.Items) != 1 || parsed.Items[0].GUID != "tag:news.example.com,2026:harbour-lights" || parsed.Items[0].Title != "Harbour lights" {
			t.Errorf("%s: items %+v", format, parsed.Items)
		}
		for i := 1; i <= 3; i++ {
			if want := fmt.Sprintf("https://img.example.com/harbour-lights/%d.jpg", i); !strings.Contains(parsed.Items[0].Content, want) {
				t.Errorf("%s: picture %d is not in the content", format, i)
			}
		}
		if etag := resp.Header.Get("Etag"); update.Data.Formats[format].ETag != strings.Replace(etag, "-gzip", "", 1) {
			t.Errorf("%s: the notice names %s, served is %s", format, update.Data.Formats[format].ETag, etag)
		}
	}
	publish(t, cms, "article.unpublished", `{"id":"harbour-lights"}`)
	if msg, err = notices.NextMsg(storetest.WaitLimit); err != nil {
		t.Fatalf("no notice of the take-down: %v\n%s", err, node.logs)
	}
	if got := decodeUpdate(t, msg).Data.Removed; len(got) != 1 || got[0] != "harbour-lights" {
		t.Errorf("the notice removes %v", got)
	}
	wire.atRest(node, "all")
	if resp, _ := node.get("/galleries/harbour-lights"); resp.StatusCode != http.StatusGone {
		t.Errorf("the page of a gallery that was taken down: %s", resp.Status)
	}
	if code := node.stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, node.logs)
	}
}

type updateEvent struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	Data struct {
		Feed    string   `json:"feed"`
		Added   []string `json:"galleries_added"`
		Edited  []string `json:"galleries_changed"`
		Removed []string `json:"galleries_removed"`
		Formats map[string]struct {
			URL  string `json:"url"`
			ETag string `json:"etag"`
		} `json:"formats"`
	} `json:"data"`
}

func decodeUpdate(t *testing.T, msg *nats.Msg) updateEvent {
	t.Helper()
	var u updateEvent
	if err := json.Unmarshal(msg.Data, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

// change is one event of the crash story.
type change struct{ subject, data string }

// changes are publications, corrections, take-downs and copies that come late,
// of a few hundred galleries. The last two are of a gallery of its own.
func changes(n int) []change {
	random := rand.New(rand.NewPCG(1, 2))
	start := time.Now().Add(-time.Hour).Truncate(time.Second).UTC()
	sections := []string{"Travel", "Sport", "Culture"}
	list := make([]change, 0, n)
	for i := range n {
		id := fmt.Sprintf("gallery-%03d", random.IntN(400))
		at := start.Add(time.Duration(i) * time.Second)
		switch {
		case random.IntN(10) == 0:
			list = append(list, change{"article.unpublished", fmt.Sprintf(`{"id":%q,"updated":%q}`, id, at.Format(time.RFC3339))})
		case i > 50 && random.IntN(10) == 0:
			list = append(list, list[i-1-random.IntN(50)]) // late
		default:
			list = append(list, change{"article.published", galleryJSON(id, fmt.Sprintf("Revision %d", i), sections[random.IntN(3)], at, 2)})
		}
	}
	end := start.Add(time.Duration(n) * time.Second)
	return append(list,
		change{"article.published", galleryJSON("last", "Last", "Travel", end, 1)},
		change{"article.unpublished", fmt.Sprintf(`{"id":"last","updated":%q}`, end.Add(time.Second).Format(time.RFC3339))})
}

const crashFeeds = `
feeds:
  - {name: all, items: 1000, content: summary}
  - {name: travel, items: 1000, match: {sections: [Travel]}}
  - {name: latest, items: 5}
`

// TestNothingIsLostWhenTheProcessIsKilled kills the node at random moments while
// events come in, also while it compares its store with what it noted, and compares with
// a node that was left alone. No start takes a kill for damage of the store.
func TestNothingIsLostWhenTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	const events, kills = 1000, 10
	list := changes(events)
	want := feedsAfter(t, list, "")

	address := brokertest.FreeAddress(t)
	hook, hookAddress := newHook(t)
	config := oneFeed + crashFeeds + callsLoopback + fmt.Sprintf(`
webhooks: [{name: partner, url: %q, secrets: [%q], feeds: [all, travel, sections/travel]}]
nats: {embedded: {listen: %q, data_dir: %q}}`, hookAddress, hookSecret, address, t.TempDir())
	node := serve(t, config)
	cms := connect(t, "nats://"+address)
	var acknowledged atomic.Int64
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, c := range list {
			publish(t, cms, c.subject, c.data)
			acknowledged.Add(1)
		}
	}()
	for kill := range kills {
		// A random moment of each tenth of the events.
		moment := int64(kill*events/kills + rand.IntN(events/kills))
		node.eventually("enough events are acknowledged", func() bool { return acknowledged.Load() >= moment })
		node.kill()
		node = serve(t, config)
		if rand.IntN(4) == 0 {
			node.kill() // while it starts
			node = serve(t, config)
		}
		node.ready()
		if strings.Contains(node.logs.whole(), "damage") {
			t.Fatalf("a kill is taken for damage:\n%s", node.logs)
		}
	}
	<-sent
	for path, body := range want {
		node.eventually(path+" is as if nothing had happened", func() bool {
			_, got := node.get(path)
			return got == body
		})
	}
	hook.atRest(node, "all", "travel", "sections/travel")
	if code := node.stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, node.logs)
	}
}

// feedsAfter returns what an undisturbed node, with more configuration, serves after
// the events.
func feedsAfter(t *testing.T, list []change, config string) map[string]string {
	t.Helper()
	node := serve(t, oneFeed+crashFeeds+config+`nats: {embedded: {listen: "127.0.0.1:0", sync: 2m}}`)
	cms := connect(t, node.nats)
	node.ready()
	ends := len(list) - 2 // those of the last gallery
	for _, c := range list[:ends] {
		publish(t, cms, c.subject, c.data)
	}
	node.eventually("all others are stored", func() bool { return pending(node) == "0" })
	for _, c := range list[ends:] {
		publish(t, cms, c.subject, c.data)
	}
	// The index receives it after what was stored before.
	node.eventually("the last gallery is published and taken down", func() bool {
		_, body := node.get("/feeds/all.atom")
		return strings.Contains(body, `ref="tag:news.example.com,2026:last"`)
	})
	feeds := map[string]string{}
	for _, name := range []string{"all", "travel", "latest"} {
		// On a busy machine it may be served as it was, until it is rendered.
		node.eventually(name+" is rendered anew", func() bool {
			node.get("/feeds/" + name + ".atom")
			return node.isFresh(name)
		})
		for _, format := range []string{"rss", "atom", "json"} {
			path := "/feeds/" + name + "." + format
			resp, body := node.get(path)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s", path, resp.Status)
			}
			feeds[path] = body
		}
	}
	if code := node.stop(); code != 0 {
		t.Errorf("exit code %d\n%s", code, node.logs)
	}
	return feeds
}

// isFresh reports whether what is served of a configured feed is what is stored.
func (p *process) isFresh(feed string) bool {
	p.t.Helper()
	_, body := p.fetch(p.admin + "/status.json")
	var s status.Status
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		p.t.Fatal(err)
	}
	return slices.ContainsFunc(s.Feeds, func(f status.Feed) bool { return f.Name == feed && f.State == status.Fresh })
}

func TestTwoNodesOnOneServerAreTheSame(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	config := oneFeed + fmt.Sprintf("nats: {url: %q}", server.URL())
	one, two := serve(t, config), serve(t, config)
	one.ready()
	two.ready()
	cms := connect(t, server.URL())
	wire := listen(t, cms)
	notices, err := cms.SubscribeSync("feed.updated")
	if err != nil {
		t.Fatal(err)
	}
	if err := cms.Flush(); err != nil {
		t.Fatal(err)
	}
	const rounds = 20
	for i := range rounds {
		publish(t, cms, "article.published", galleryJSON(fmt.Sprintf("gallery-%d", i%7), fmt.Sprintf("Round %d", i), "Travel", time.Now(), 2))
		if _, err := notices.NextMsg(storetest.WaitLimit); err != nil {
			t.Fatalf("round %d: no notice: %v\n%s\n%s", i, err, one.logs, two.logs)
		}
		same(t, one, two, fmt.Sprintf("Round %d", i))
	}
	if msg, err := notices.NextMsg(1500 * time.Millisecond); err == nil {
		t.Errorf("a notice too many: %s", msg.Data)
	}

	server.Restart()
	publish(t, cms, "article.published", galleryJSON("after-the-restart", "After the restart", "Travel", time.Now(), 2))
	began := time.Now()
	same(t, one, two, "After the restart")
	if took := time.Since(began); took > 25*time.Second { // else they notice by chance, when they look at the bucket
		t.Errorf("current again after %s", took)
	}
	one.ready()
	two.ready()
	wire.atRest(two, "all")
}

// same waits until both nodes serve a document that holds a title, and compares
// what they serve.
func same(t *testing.T, one, two *process, title string) {
	t.Helper()
	holds := regexp.MustCompile(`[>"]` + regexp.QuoteMeta(title) + `[<"]`)
	for _, format := range []string{"atom", "rss", "json"} {
		var bodies, tags [2]string
		for i, node := range []*process{one, two} {
			node.eventually(format+" holds "+title, func() bool {
				resp, body := node.get("/feeds/all." + format)
				bodies[i], tags[i] = body, resp.Header.Get("Etag")
				return holds.MatchString(body)
			})
		}
		if bodies[0] != bodies[1] || tags[0] != tags[1] {
			t.Errorf("%s differs between the nodes: %s and %s", format, tags[0], tags[1])
		}
	}
}

func TestANodeThatStartsBeforeItsServerWaitsForIt(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	server.Stop()
	node := serve(t, oneFeed+fmt.Sprintf("nats: {url: %q}", server.URL()))
	resp, body := node.get("/readyz")
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "nats") {
		t.Errorf("readyz: %s %q", resp.Status, body)
	}
	if resp, _ := node.get("/feeds/all.rss"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("feed: %s", resp.Status)
	}
	server.Start()
	node.ready()
	publish(t, connect(t, server.URL()), "article.published", galleryJSON("late", "Late", "Travel", time.Now(), 1))
	node.eventually("the gallery is served", func() bool {
		_, body := node.get("/feeds/all.rss")
		return strings.Contains(body, "Late")
	})
}

// TestFullBucketLosesNothing fills the bucket, as a limit of its storage would.
func TestFullBucketLosesNothing(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	node := serve(t, oneFeed+fmt.Sprintf("nats: {url: %q}", server.URL()))
	node.ready()
	cms := connect(t, server.URL())
	publish(t, cms, "article.published", galleryJSON("before", "Before", "Travel", time.Now(), 1))
	node.eventually("the first gallery is served", func() bool {
		_, body := node.get("/feeds/all.rss")
		return strings.Contains(body, "Before")
	})

	limitBucket(t, cms, 1)
	publish(t, cms, "article.published", galleryJSON("meanwhile", "Meanwhile", "Travel", time.Now(), 1))
	node.eventually("the event is tried again", func() bool { return strings.Contains(node.logs.String(), "are retried") })
	if resp, body := node.get("/feeds/all.rss"); resp.StatusCode != http.StatusOK || !strings.Contains(body, "Before") {
		t.Errorf("serving does not go on: %s", resp.Status)
	}
	node.eventually("the node says so, and takes no reader away", func() bool {
		resp, body := node.get("/readyz")
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("readyz: %s %s", resp.Status, body)
		}
		return strings.Contains(body, "events cannot be stored since ")
	})

	limitBucket(t, cms, -1)
	node.eventually("the event is stored once there is room", func() bool {
		_, body := node.get("/feeds/all.rss")
		return strings.Contains(body, "Meanwhile")
	})
}

// limitBucket sets how many bytes the bucket of galleries may hold.
func limitBucket(t *testing.T, conn *nats.Conn, most int64) {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "KV_gallerywire_galleries")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.MaxBytes = most
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}
