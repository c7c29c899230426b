package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// A node that read galleries does not take them for gone because servers elsewhere
// come back without them: it keeps its feeds, says so, and goes on once they are there
// again.
func TestGalleriesThatServersElsewhereLose(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	node := serve(t, oneFeed+fmt.Sprintf("nats: {url: %q}", server.URL()))
	node.ready()
	cms := connect(t, server.URL())
	send := func() {
		for i := range 3 {
			publish(t, cms, "article.published", galleryJSON(fmt.Sprintf("gallery-%d", i), fmt.Sprintf("Gallery %d", i), "Travel", time.Date(2026, 11, 20, 9, 0, i, 0, time.UTC), 2))
		}
	}
	send()
	node.eventually("every gallery is stored", func() bool { return node.galleries() == 3 })
	server.Wipe()
	server.Start()
	node.eventually("/readyz says so", func() bool {
		resp, text := node.get("/readyz")
		return resp.StatusCode == http.StatusServiceUnavailable &&
			strings.Contains(text, "of 3 records of the bucket gallerywire_galleries 3 are missing and 0 are back at an older state")
	})
	if n := node.galleries(); n != 3 {
		t.Errorf("the node has forgotten galleries: it has %d", n)
	}
	cms = connect(t, server.URL())
	send()
	node.ready()
	if n := node.galleries(); n != 3 {
		t.Errorf("the node has %d galleries", n)
	}
}
