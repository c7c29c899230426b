package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

// dropper receives deliveries of the hub and of webhooks as the specifications let
// it: what has an id that it has seen, it drops.
type dropper struct {
	t      *testing.T
	server *httptest.Server

	mu        sync.Mutex
	rng       *rand.Rand
	steady    bool              // it takes everything, and says so
	bodies    map[string]string // by path and id
	calls     int
	drops     int
	document  map[string]string          // the newest, by path
	galleries map[string]map[string]bool // those of a feed, by path
	announced map[string]time.Time       // by path and gallery, of the newest notice that named it
}

func newDropper(t *testing.T) *dropper {
	d := &dropper{
		t: t, rng: rand.New(rand.NewPCG(10, 11)), bodies: map[string]string{},
		document: map[string]string{}, galleries: map[string]map[string]bool{}, announced: map[string]time.Time{},
	}
	d.server = httptest.NewServer(d)
	t.Cleanup(d.server.Close)
	return d
}

// ServeHTTP implements [http.Handler].
func (d *dropper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the node was killed
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	chance := d.rng.IntN(10)
	if !d.steady && chance < 3 {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	d.take(r.URL.Path, r.Header.Get("Idempotency-Key")+r.Header.Get("Webhook-Id"), string(body))
	if !d.steady && chance < 6 {
		w.WriteHeader(http.StatusGatewayTimeout) // it has it, but the answer is lost
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (d *dropper) take(path, id, body string) {
	before, seen := d.bodies[path+" "+id]
	if seen {
		if d.drops++; before != body {
			d.t.Errorf("%s: the id %s has two bodies:\n%s\n%s", path, id, before, body)
		}
		return
	}
	d.bodies[path+" "+id] = body
	if !strings.HasPrefix(path, "/hook") {
		d.document[path] = body
		return
	}
	var u updateEvent
	if err := json.Unmarshal([]byte(body), &u); err != nil || u.ID != id {
		d.t.Errorf("%s: %s, %v", id, body, err)
	}
	if d.galleries[path] == nil {
		d.galleries[path] = map[string]bool{}
	}
	// What was given up and is retried may come after what is newer.
	news := func(gallery string) bool {
		is := !u.Time.Before(d.announced[path+" "+gallery])
		if is {
			d.announced[path+" "+gallery] = u.Time
		}
		return is
	}
	for _, added := range slices.Concat(u.Data.Added, u.Data.Edited) {
		if news(added) {
			d.galleries[path][added] = true
		}
	}
	for _, removed := range u.Data.Removed {
		if news(removed) {
			delete(d.galleries[path], removed)
		}
	}
}

// TestReceiverThatDropsRepeatsEndsWithTheServedFeed publishes, corrects and takes down while
// receivers fail and lose answers, the node is killed, and dead letters are retried.
// The JSON feed is the same again when a gallery comes and goes.
func TestReceiverThatDropsRepeatsEndsWithTheServedFeed(t *testing.T) {
	t.Parallel()
	d := newDropper(t)
	address := brokertest.FreeAddress(t)
	config := oneFeed + fmt.Sprintf(`
outbound: {allow_networks: ["127.0.0.0/8", "::1/128"], first_retry: 20ms, attempts: 3}
websub: {requests_per_minute: 1000000}
webhooks: [{name: partner, url: %q, secrets: [%q]}]
nats: {embedded: {listen: %q, data_dir: %q}}`, d.server.URL+"/hook", hookSecret, address, t.TempDir())
	node := serve(t, config)
	node.ready()
	topics := map[string]string{}
	for _, format := range []string{"rss", "atom", "json"} {
		for i := range 3 {
			path := fmt.Sprintf("/%s/%d", format, i)
			topics[path] = "/feeds/all." + format
			askAbout(t, node, "203.0.113.7", "subscribe", topicOf(topics[path]), d.server.URL+path)
		}
	}
	node.eventually("all have subscribed", func() bool { return node.metric("gallerywire_websub_subscriptions") == float64(len(topics)) })

	random := rand.New(rand.NewPCG(12, 13))
	begin, there := time.Now().Add(-time.Hour), map[string]bool{}
	cms := connect(t, "nats://"+address)
	for step := range 60 {
		id, at := fmt.Sprintf("gallery-%d", random.IntN(4)), begin.Add(time.Duration(step)*time.Second)
		if there[id] = !there[id] || random.IntN(2) == 0; there[id] {
			publish(t, cms, "article.published", galleryJSON(id, fmt.Sprintf("Revision %d", step), "Travel", at, 1))
		} else {
			publish(t, cms, "article.unpublished", fmt.Sprintf(`{"id":%q,"updated":%q}`, id, at.Format(time.RFC3339Nano)))
		}
		if step%4 == 0 {
			d.await(5)
		}
		switch step % 15 {
		case 7:
			retryAll(t, config)
		case 14:
			node.kill()
			node = serve(t, config)
			node.ready()
			cms = connect(t, "nats://"+address)
		}
	}
	d.mu.Lock()
	d.steady = true
	d.mu.Unlock()
	node.eventually("no notice is pending, and no dead letter kept", func() bool {
		if node.metric("gallerywire_notices_dead", `channel="websub"`)+node.metric("gallerywire_notices_dead", `channel="webhook"`) > 0 {
			retryAll(t, config)
			return false
		}
		return d.same(node, topics, there)
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	t.Logf("%d bodies, %d repeats dropped", len(d.bodies), d.drops)
	if d.drops == 0 {
		t.Error("nothing was sent twice")
	}
}

// await waits until so many more deliveries have been made, or for a moment.
func (d *dropper) await(more int) {
	count := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.calls
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for enough, looks := count()+more, 0; count() < enough && looks < 100; looks++ {
		<-tick.C
	}
}

// same reports whether each receiver has what is served.
func (d *dropper) same(node *process, topics map[string]string, there map[string]bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, topic := range topics {
		if _, body := node.get(topic); d.document[path] != body {
			return false
		}
	}
	for id, is := range there {
		if d.galleries["/hook"][id] != is {
			return false
		}
	}
	return true
}

// retryAll retries the dead letters of a running node.
func retryAll(t *testing.T, config string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "gallerywire.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), storetest.WaitLimit)
	defer cancel()
	if out, err := exec.CommandContext(ctx, path, "notices", "retry", "--all", "--config", file).CombinedOutput(); err != nil {
		t.Fatalf("retry: %v: %s", err, out)
	}
}
