package app_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha1"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pushTo sends an item as Superdesk does, and returns the status of the answer.
func pushTo(t *testing.T, node *process, secret, item string) int {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "ingest", "receive", "testdata", "superdesk", item+".json"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	host := strings.TrimPrefix(node.http, "http://")
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "POST /events HTTP/1.1\r\nHost: %s\r\nUser-Agent: python-requests/2.32.3\r\nAccept-Encoding: gzip, deflate\r\n"+
		"Accept: application/json\r\nConnection: keep-alive\r\nContent-type: application/json\r\nx-superdesk-signature: sha1=%x\r\nContent-Length: %d\r\n\r\n%s",
		host, mac.Sum(nil), len(body), body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestFeedsFollowSuperdesk(t *testing.T) {
	t.Parallel()
	const secret = "a secret of the desk, 0123456789"
	file := filepath.Join(t.TempDir(), "desk.secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	node := serve(t, oneFeed+fmt.Sprintf("intake: {keys: [{name: desk, kind: superdesk, secret_file: %q}]}\n", file)+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	const crane, inText = "/upload-raw/p2-b.jpg", "/upload-raw/p4-b.jpg"
	for _, step := range []struct {
		item   string
		status int
		shows  []string
		hides  []string
	}{
		{"published", 202, []string{"the season’s last” 🚢", crane, inText, "Zoë Müller"}, []string{"Another story", "check the name"}},
		{"published", 202, []string{"the season’s last” 🚢", crane}, nil}, // sent again
		{"corrected", 202, []string{"Harbour lights, corrected", "The crane, corrected"}, []string{"the season’s last"}},
		{"picture-killed", 202, []string{"Harbour lights, corrected"}, []string{"crane"}},
		{"updated", 202, []string{"Harbour lights go out", "Harbour lights, corrected"}, nil}, // a story of its own
		{"killed", 202, []string{"Harbour lights go out"}, []string{"Harbour lights, corrected", "Please kill"}},
		{"corrected", 202, []string{"Harbour lights go out"}, []string{"Harbour lights, corrected"}}, // it had waited
		{"event", 400, nil, []string{"mayor"}},
		{"planning-cancelled", 202, nil, []string{"mayor"}},
		{"embargoed", 202, nil, []string{"the season’s last"}},
		{"embargo-lifted", 202, []string{"the season’s last"}, nil},
		{"picture", 202, []string{"The quay"}, nil},
		{"text", 202, []string{"No pictures."}, nil},
	} {
		if status := pushTo(t, node, secret, step.item); status != step.status {
			t.Fatalf("%s: answered %d, want %d", step.item, status, step.status)
		}
		node.eventually(step.item, func() bool {
			_, body := node.get("/feeds/all.atom")
			for _, text := range step.shows {
				if !strings.Contains(body, text) {
					return false
				}
			}
			for _, text := range step.hides {
				if strings.Contains(body, text) {
					return false
				}
			}
			return true
		})
	}
	node.eventually("all is taken in", func() bool { return node.metric("gallerywire_events_pending") == 0 })
	if _, body := node.get("/feeds/all.atom"); strings.Contains(body, "Harbour lights, corrected") {
		t.Error("what was killed is shown again")
	}
	if status := pushTo(t, node, secret+"x", "killed"); status != 401 {
		t.Errorf("with another secret: answered %d", status)
	}
	if strings.Contains(node.logs.String(), secret) {
		t.Error("the secret is logged")
	}
}
