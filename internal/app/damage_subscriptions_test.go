package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// With subscriptions missing the feeds are right, and served; readiness and metrics say
// so.
func TestDamageOfSubscriptionsIsFound(t *testing.T) {
	t.Parallel()
	dataDir := filepath.Join(t.TempDir(), "data")
	config := damageConfig(dataDir) + "\noutbound: {allow_networks: [127.0.0.0/8], allow_http: true}\n"
	node := serve(t, config)
	node.ready()
	followers := newFollower(t)
	const subscribers = 20
	for i := range subscribers {
		followers.ask(node.http+"/hub", "subscribe", fmt.Sprintf("/%d", i), "https://news.example.com/feeds/all.atom")
	}
	node.eventually("everybody has subscribed", func() bool { return followers.confirmed() == subscribers })
	publish(t, connect(t, node.nats), "article.published", galleryJSON("harbour", "Harbour lights", "Travel", time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), 3))
	node.eventually("every subscriber receives it", func() bool {
		for i := range subscribers {
			if !strings.Contains(followers.last(fmt.Sprintf("/%d", i)), "Harbour lights") {
				return false
			}
		}
		return true
	})
	node.stop()
	// .ci/run moves the clock of the program, not that of the file system.
	journals, err := filepath.Glob(filepath.Join(dataDir, "checkpoint", "*"))
	if err != nil || len(journals) == 0 {
		t.Fatalf("journals %v, %v", journals, err)
	}
	for _, journal := range journals {
		if err := os.Chtimes(journal, time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	edit(t, block(t, dataDir, "KV_gallerywire_subscriptions"), func(text []byte) []byte {
		// Only subscriptions have it: the verifications in the same bucket are deleted by now.
		text[bytes.Index(text, []byte(`"verified":"`))] ^= 4
		return text
	})

	node = serve(t, config)
	const want = "the store is damaged: of 20 records of the bucket gallerywire_subscriptions "
	node.eventually("/readyz says so", func() bool {
		resp, text := node.get("/readyz")
		if resp.StatusCode == http.StatusOK {
			t.Fatalf("the node is ready\n%s", node.logs)
		}
		return strings.Contains(text, want)
	})
	if resp, text := node.get("/feeds/all.atom"); resp.StatusCode != http.StatusOK || !strings.Contains(text, "Harbour lights") {
		t.Errorf("the feed: %s %s", resp.Status, text)
	}
	node.stop()
	node = serve(t, config, "--accept-damage")
	node.ready()
	node.stop()
	node = serve(t, config)
	node.ready()
}
