package app_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestReadinessIsAMetric(t *testing.T) {
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
			if _, text := node.fetch(node.admin + "/metrics"); !strings.Contains(text, "\n"+c.want) {
				t.Errorf("want %q in\n%s", c.want, text)
			}
		})
	}
}
