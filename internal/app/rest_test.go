package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed/atom"
	"github.com/nats-io/nats.go"
)

// atRest waits until each subscriber that subscribe knows of has, as what it was sent
// last, what its feed is now: of the ones at these paths.
func (f *follower) atRest(node *process, paths ...string) {
	node.t.Helper()
	if len(paths) == 0 {
		paths = slices.Sorted(maps.Keys(f.follows))
	}
	var missing string
	equal := func() bool {
		served := map[string]string{}
		for _, path := range paths {
			topic := f.follows[path]
			if _, ok := served[topic]; !ok {
				resp, body := node.get(topic)
				if served[topic] = body; resp.StatusCode == http.StatusGone || resp.StatusCode == http.StatusNotFound {
					served[topic] = "" // subscribers are sent one without galleries
				}
			}
			got := f.last(path)
			if got == "" {
				got = f.began[path]
			}
			if served[topic] == "" && !strings.Contains(got, "<item>") && !strings.Contains(got, "<entry>") && !strings.Contains(got, "content_html") {
				continue
			}
			if got != served[topic] {
				missing = fmt.Sprintf("%s follows %s (-served +delivered last):\n%s", path, topic, cmp.Diff(served[topic], got))
				return false
			}
		}
		return true
	}
	if !eventually(equal) {
		node.t.Fatalf("%s\n%s", missing, node.logs)
	}
}

// replay is what a program knows of feeds that receives every feed.updated, and
// nothing else.
type replay struct {
	mu       sync.Mutex
	knows    map[string]map[string]bool // galleries by feed
	received []updateEvent
}

func newReplay() *replay { return &replay{knows: map[string]map[string]bool{}} }

// take receives one event, perhaps again.
func (r *replay) take(u updateEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.received = append(r.received, u)
	feed := r.knows[u.Data.Feed]
	if feed == nil {
		feed = map[string]bool{}
		r.knows[u.Data.Feed] = feed
	}
	for _, id := range u.Data.Removed {
		delete(feed, id)
	}
	for _, id := range slices.Concat(u.Data.Added, u.Data.Edited) {
		feed[id] = true
	}
}

// all returns the events of a feed.
func (r *replay) all(feed string) []updateEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.received), func(u updateEvent) bool { return u.Data.Feed != feed })
}

func (r *replay) galleries(feed string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.knows[feed]))
}

// listen is a replay of what is sent on NATS from now on.
func listen(t testing.TB, conn *nats.Conn) *replay {
	t.Helper()
	r := newReplay()
	_, err := conn.Subscribe("feed.updated", func(msg *nats.Msg) {
		var u updateEvent
		if err := json.Unmarshal(msg.Data, &u); err != nil {
			t.Error(err)
		}
		r.take(u)
	})
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newHook is a webhook that takes everything, and its address.
func newHook(t testing.TB) (*replay, string) {
	t.Helper()
	r := newReplay()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var u updateEvent
		if err != nil || json.Unmarshal(body, &u) != nil {
			t.Errorf("a webhook got %q: %v", body, err)
		}
		r.take(u)
	}))
	t.Cleanup(server.Close)
	return r, server.URL
}

// atRest waits until the galleries that are known of the feeds are those that they
// and their archives hold.
func (r *replay) atRest(node *process, feeds ...string) {
	node.t.Helper()
	for _, feed := range feeds {
		path := "/" + feed + ".atom"
		if !strings.Contains(feed, "/") {
			path = "/feeds" + path
		}
		var diff string
		equal := func() bool {
			diff = cmp.Diff(galleriesOf(node, path), r.galleries(feed))
			return diff == ""
		}
		if !eventually(equal) {
			node.t.Fatalf("%s (-holds +known):\n%s\n%s", feed, diff, node.logs)
		}
	}
}

// galleriesOf are the ids of all galleries of a feed, its archive included.
func galleriesOf(node *process, path string) []string {
	node.t.Helper()
	ids := map[string]bool{}
	for range 1000 {
		resp, body := node.get(path)
		if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone {
			break
		}
		parsed, err := (&atom.Parser{}).Parse(strings.NewReader(body))
		if err != nil {
			node.t.Fatalf("%s: %s: %v\n%s", path, resp.Status, err, body)
		}
		for _, e := range parsed.Entries {
			ids[strings.TrimPrefix(e.ID, "tag:news.example.com,2026:")] = true
		}
		path = ""
		for _, link := range parsed.Links {
			if link.Rel == "prev-archive" {
				path = strings.TrimPrefix(link.Href, "https://news.example.com")
			}
		}
		if path == "" {
			break
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// sweeps waits until the schedule has looked after pending notices so often again.
func (p *process) sweeps(n int) {
	p.t.Helper()
	runs := func() float64 { return p.metric("gallerywire_schedule_runs_total", `task="notices"`) }
	before := runs()
	p.eventually("the schedule has run", func() bool { return runs() >= before+float64(n) })
}

// TestWithdrawalBelowTheFirstDocumentIsAnnounced is of galleries that newer ones pushed
// off the first document of their feeds: they are in its archive, and every receiver
// of the notices has them.
func TestWithdrawalBelowTheFirstDocumentIsAnnounced(t *testing.T) {
	t.Parallel()
	hook, address := newHook(t)
	node := serve(t, oneFeed+callsLoopback+fmt.Sprintf(`
feeds: [{name: all, items: 5}, {name: travel, items: 5, match: {sections: [Travel]}}]
dynamic: {items: 5}
archive: {page: 10}
schedule: {notices: "@every 1s", republish: "@every 1s"}
webhooks: [{name: partner, url: %q, secrets: [%q], feeds: [all, travel, sections/travel]}]
nats: {embedded: {listen: "127.0.0.1:0"}}`, address, hookSecret))
	node.ready()
	cms := connect(t, node.nats)
	wire := listen(t, cms)
	feeds := []string{"all", "travel", "sections/travel"}
	first := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	corrected := time.Now().Add(-time.Hour)
	published := func(n int) string {
		return fmt.Sprintf(`"id":"p%d","title":"Title %d","section":"Travel","published":%q`, n, n, first.Add(time.Duration(n)*time.Minute).Format(time.RFC3339))
	}
	revised := func(n int, more string) string {
		corrected = corrected.Add(time.Second)
		return fmt.Sprintf(`{%s,"updated":%q,"slides":[]%s}`, published(n), corrected.Format(time.RFC3339), more)
	}
	for n := range 12 {
		publish(t, cms, "article.published", revised(n, ""))
	}
	node.eventually("all are there", func() bool { return node.metric("gallerywire_index_galleries") == 12 })
	wire.atRest(node, feeds...)

	f := newFollower(t)
	topics := map[string]string{"/gallery": "/galleries/p0.atom"}
	for _, format := range []string{"rss", "atom", "json"} {
		for _, feed := range []string{"/feeds/all", "/feeds/travel", "/sections/travel"} {
			topics[feed+format] = feed + "." + format
		}
	}
	subscribe(node, f, topics)
	soon := func() string { return time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano) }
	for _, step := range []struct {
		name, subject, event string
		edited, removed      []string
	}{
		{"a take-down", "article.unpublished", `{"id":"p0","updated":"` + time.Now().Add(-time.Minute).UTC().Format(time.RFC3339) + `"}`, nil, []string{"p0"}},
		{"a correction", "article.published", revised(1, `,"summary":"mended"`), []string{"p1"}, nil},
		{"lost rights", "article.published", revised(2, `,"rights":{"syndicate":false}`), nil, []string{"p2"}},
		{"an end that has come", "article.published", revised(3, `,"expires":"2026-02-01T00:00:00Z"`), nil, []string{"p3"}},
		{"rights that run out", "article.published", revised(4, `,"rights":{"until":"`+soon()+`"}`), nil, []string{"p4"}},
	} {
		before := map[string]int{}
		for _, feed := range feeds {
			before[feed] = len(wire.all(feed))
		}
		publish(t, cms, step.subject, step.event)
		for _, feed := range feeds {
			var edited, removed []string
			node.eventually(step.name+" is announced of "+feed, func() bool {
				edited, removed = nil, nil
				for _, u := range wire.all(feed)[before[feed]:] {
					edited, removed = append(edited, u.Data.Edited...), append(removed, u.Data.Removed...)
				}
				return len(edited) >= len(step.edited) && len(removed) >= len(step.removed)
			})
			if !slices.Equal(removed, step.removed) || step.edited != nil && !slices.Equal(edited, step.edited) {
				t.Errorf("%s of %s: changed %v, removed %v", step.name, feed, edited, removed)
			}
		}
		f.atRest(node)
		for _, r := range []*replay{wire, hook} {
			r.atRest(node, feeds...)
		}
	}
	publish(t, cms, "article.published", strings.Replace(revised(20, ""), first.Add(20*time.Minute).Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339), 1))
	publish(t, cms, "article.unpublished", `{"id":"p20"}`)
	node.eventually("all is taken in", func() bool { return pending(node) == "0" })
	node.sweeps(1)
	announced := len(wire.all("all"))
	node.sweeps(3)
	if got := wire.all("all"); len(got) != announced || strings.Contains(fmt.Sprint(got), "p20") {
		t.Errorf("later sweeps announce more: %+v", got[announced:])
	}
}

// TestAFeedThatIsRenamedKeepsItsSubscribers restarts a node with another name for a
// feed.
func TestAFeedThatIsRenamedKeepsItsSubscribers(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	configured := func(feeds string) string {
		return oneFeed + callsLoopback + "\nfeeds: " + feeds + fmt.Sprintf("\nnats: {embedded: {listen: \"127.0.0.1:0\", data_dir: %q}}", data)
	}
	node := serve(t, configured("[{name: all}]"))
	node.ready()
	begin := time.Now().Add(-time.Hour)
	publish(t, connect(t, node.nats), "article.published", galleryJSON("harbour", "Harbour", "Travel", begin, 1))
	node.eventually("it is there", func() bool { return node.metric("gallerywire_index_galleries") == 1 })
	f := newFollower(t)
	subscribe(node, f, map[string]string{"/atom": "/feeds/all.atom", "/json": "/feeds/all.json"})
	if code := node.stop(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, node.logs)
	}

	node = serve(t, configured("[{name: galleries, aliases: [all]}]"))
	node.ready()
	for path, format := range map[string]string{"/atom": "atom", "/json": "json"} {
		f.follows[path] = "/feeds/galleries." + format
	}
	cms := connect(t, node.nats)
	publish(t, cms, "article.published", galleryJSON("harbour", "Harbour lights", "Travel", begin.Add(time.Second), 1))
	node.eventually("both receive it", func() bool { return strings.Contains(f.last("/json"), "Harbour lights") })
	f.atRest(node)
	if got, want := f.received("/atom")[0].header.Get("Link"), topicOf("/feeds/all.atom"); !strings.Contains(got, want) {
		t.Errorf("the delivery is of %s, want %s", got, want)
	}
	counts := func() string {
		_, body := node.fetch(node.admin + "/status.json")
		var s struct {
			Hub any `json:"websub"`
		}
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(s.Hub)
	}
	if got := counts(); !strings.Contains(got, "galleries") || strings.Contains(got, ":all") {
		t.Errorf("the status says of the hub %s", got)
	}
	// One of them renews by the address that it knows.
	f.ask(node.http+"/hub", "subscribe", "/atom", topicOf("/feeds/all.atom"))
	node.eventually("it has confirmed again", func() bool { return strings.Contains(node.logs.String(), "a callback confirmed") })
	publish(t, cms, "article.unpublished", `{"id":"harbour"}`)
	node.eventually("both receive it", func() bool {
		return !strings.Contains(f.last("/json"), "Harbour lights") && !strings.Contains(f.last("/atom"), "<entry")
	})
	f.atRest(node)
	if got := node.metric("gallerywire_websub_subscriptions"); got != 2 {
		t.Errorf("%v subscriptions", got)
	}
}
