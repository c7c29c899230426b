package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

func TestReadinessIsAMetric(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, nats, want string
		status           int
	}{
		{"with NATS inside", `nats: {embedded: {listen: "127.0.0.1:0"}}`, "gallerywire_ready 1\n", http.StatusOK},
		{"with NATS away", `nats: {url: "nats://127.0.0.1:1"}`, "gallerywire_ready 0\n", http.StatusServiceUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			node := serve(t, oneFeed+c.nats)
			node.eventually("readiness is as it should be", func() bool {
				res, _ := node.get("/readyz")
				return res.StatusCode == c.status
			})
			if text := node.metrics(); !strings.Contains(text, "\n"+c.want) {
				t.Errorf("want %q in\n%s", c.want, text)
			}
		})
	}
}

// A node that has read its index is ready for as long as its operator allows, and says
// that NATS is away.
func TestReadinessWithoutNATS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, limit string
		least       time.Duration // for so long it is ready
		ends        bool          // and no longer
	}{
		{"an hour, as shipped", "1h", time.Hour, false},
		{"not at all", "0s", 0, true},
		{"for three seconds", "3s", 3 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := brokertest.Server(t)
			node := serve(t, strings.Replace(oneFeed, `http: {`, `http: {serve_without_nats: `+c.limit+`, `, 1)+fmt.Sprintf("nats: {url: %q}", server.URL()))
			node.ready()
			publish(t, connect(t, server.URL()), "article.published", galleryJSON("kept", "Kept", "Travel", time.Now(), 1))
			node.eventually("the gallery is served", func() bool {
				_, body := node.get("/feeds/all.rss")
				return strings.Contains(body, "Kept")
			})
			began := time.Now()
			server.Stop()
			node.eventually("it is seen that NATS is away", func() bool {
				return strings.Contains(node.metrics(), "\ngallerywire_nats_connected 0\n")
			})
			node.eventually("readiness is what the operator chose", func() bool {
				resp, body := node.get("/readyz")
				if !strings.Contains(body, "NATS") {
					t.Fatalf("the answer does not say that NATS is away: %s %s", resp.Status, body)
				}
				is := resp.StatusCode == http.StatusOK
				if !is && time.Since(began) < c.least {
					t.Fatalf("after %s: %s %s", time.Since(began), resp.Status, body)
				}
				return is != c.ends
			})
			if resp, _ := node.get("/feeds/all.rss"); resp.StatusCode != http.StatusOK {
				t.Errorf("readers get %s", resp.Status)
			}
			server.Start()
			node.ready()
			node.eventually("it says that all is well", func() bool {
				_, body := node.get("/readyz")
				return body == "ready\n"
			})
		})
	}
}
