package app_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// TestKillsAreNoDamage kills the node at random moments while galleries are stored,
// corrected and taken down and a webhook is called, also while it compares its store
// with what it noted, and has no start find damage. GALLERYWIRE_KILLS is how often.
func TestKillsAreNoDamage(t *testing.T) {
	t.Parallel()
	kills := 10
	if text := os.Getenv("GALLERYWIRE_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	hook := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer hook.Close()
	address := brokertest.FreeAddress(t)
	config := fmt.Sprintf(`
outbound: {allow_networks: [127.0.0.0/8], allow_http: true}
webhooks: [{name: app, url: %q, secrets: [whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz]}]
nats: {embedded: {listen: %q, data_dir: %q}}`, hook.URL, address, t.TempDir())
	node := serve(t, oneFeed+config)
	node.ready()
	cms := connect(t, "nats://"+address)
	var acknowledged atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			id := fmt.Sprintf("gallery-%d", rand.IntN(200))
			updated := start.Add(time.Duration(i) * time.Millisecond)
			if i%5 == 4 {
				publish(t, cms, "article.unpublished", fmt.Sprintf(`{"id": %q, "updated": %q}`, id, updated.Format(time.RFC3339Nano)))
			} else {
				publish(t, cms, "article.published", galleryJSON(id, "Gallery", "Travel", updated, 2))
			}
			acknowledged.Add(1)
		}
	}()
	for range kills {
		moment := acknowledged.Load() + rand.Int64N(200)
		node.eventually("enough events are acknowledged", func() bool { return acknowledged.Load() >= moment })
		node.kill()
		node = serve(t, oneFeed+config)
		if rand.IntN(4) == 0 {
			node.kill() // while it starts
			node = serve(t, oneFeed+config)
		}
		node.ready()
		if strings.Contains(node.logs.String(), "damage") {
			t.Fatalf("a kill is taken for damage:\n%s", node.logs)
		}
	}
	close(stop)
	<-stopped
	t.Logf("%d kills, %d events", kills, acknowledged.Load())
}
