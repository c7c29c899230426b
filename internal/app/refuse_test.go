package app_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestTheHubRefusesCallbacks asks the real program for what it must not do,
// and listens whether it connects to anybody.
func TestTheHubRefusesCallbacks(t *testing.T) {
	t.Parallel()
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	var connections atomic.Int64
	go func() {
		for {
			conn, err := trap.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(trap.Addr().String())
	node := serve(t, oneFeed+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	for _, callback := range []string{
		"http://127.0.0.1:" + port + "/", "http://10.1.2.3/", "http://169.254.169.254/latest/meta-data", "http://[::1]:" + port + "/",
		"http://[::ffff:127.0.0.1]:" + port + "/", "http://2130706433:" + port + "/", "file:///etc/passwd", "http:///callback",
		"https://reader.example.com/" + strings.Repeat("x", 5000),
	} {
		if resp := askFor(t, node, "203.0.113.7", "subscribe", callback); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", callback, resp.Status)
		}
	}
	// A name may pass, and is refused when it is connected to.
	if resp := askFor(t, node, "203.0.113.7", "subscribe", "http://localhost:"+port+"/"); resp.StatusCode == http.StatusAccepted {
		node.eventually("it was tried", func() bool {
			return node.metric("gallerywire_websub_verifications_total", `outcome="unreachable"`) == 1
		})
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("connected %d times to an address of this machine", n)
	}
}

// TestACallbackThatMisbehavesCostsLittle has callbacks that answer a verification
// with another text, with far too much, and never.
func TestACallbackThatMisbehavesCostsLittle(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	release := make(chan struct{})
	callbacks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wrong":
			_, _ = io.WriteString(w, "hello")
		case "/endless":
			_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
			for piece := strings.Repeat("x", 1<<20); sent.Load() < 100; sent.Add(1) {
				if _, err := io.WriteString(w, piece); err != nil {
					return
				}
			}
		case "/silent":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/redirect":
			http.Redirect(w, r, "/good?"+r.URL.RawQuery, http.StatusFound)
		case "/good":
			_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
		}
	}))
	defer callbacks.Close()
	defer close(release)
	node := serve(t, oneFeed+`
outbound: {allow_networks: ["127.0.0.0/8"], timeout: 5s, first_retry: 50ms}
nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	bad := []string{"/wrong", "/endless", "/silent", "/redirect"}
	for _, path := range append(bad, "/good") {
		resp, err := http.PostForm(node.http+"/hub", url.Values{
			"hub.mode": {"subscribe"}, "hub.topic": {topicOf("/feeds/all.atom")}, "hub.callback": {callbacks.URL + path},
			"hub.secret": {strings.Repeat("s", 199)}, "hub.verify": {"async"}, "hub.of_tomorrow": {"1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	node.eventually("all were asked", func() bool {
		refused := node.metric("gallerywire_websub_verifications_total", `mode="subscribe"`, `outcome="refused"`)
		unreachable := node.metric("gallerywire_websub_verifications_total", `mode="subscribe"`, `outcome="unreachable"`)
		return refused+unreachable == float64(len(bad))
	})
	node.eventually("the good one is subscribed", func() bool { return node.metric("gallerywire_websub_subscriptions") == 1 })
	if n := sent.Load(); n > 20 {
		t.Errorf("read more than %d MB of an answer", n)
	}
	// The others lapse, and nothing more is asked of them.
	before := node.metric("gallerywire_websub_verifications_total", `outcome="refused"`)
	wait := time.NewTimer(300 * time.Millisecond)
	defer wait.Stop()
	<-wait.C
	if after := node.metric("gallerywire_websub_verifications_total", `outcome="refused"`); after != before {
		t.Errorf("a callback that refused was asked again: %v, then %v", before, after)
	}
}

// TestHangingCallbacksDelayNoOtherVerification has two clients name hundreds of
// hosts that take the question and never answer.
func TestHangingCallbacksDelayNoOtherVerification(t *testing.T) {
	t.Parallel()
	const hosts = 250
	hang := make([]string, hosts)
	for n := range hang {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.1.%d:0", n+1))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // nobody accepts: a client waits
		hang[n] = "http://" + l.Addr().String() + "/"
	}
	// Whoever waited for one of them would wait longer than a test does.
	node := serve(t, oneFeed+`
outbound: {allow_networks: ["127.0.0.0/8"], timeout: 2m}
nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	for n := range 2 * hosts {
		client := []string{"203.0.113.7", "203.0.113.8"}[n/hosts]
		if resp := askFor(t, node, client, "subscribe", hang[n%hosts]+client); resp.StatusCode != http.StatusAccepted {
			t.Fatalf("%s: %s", client, resp.Status)
		}
	}
	subscribe(node, newFollower(t), map[string]string{"/": "/feeds/all.atom"})
}

// TestForeignRequestUnsubscribesNobody asks, in a subscriber's name, to end
// what the subscriber is yet to be asked to confirm.
func TestForeignRequestUnsubscribesNobody(t *testing.T) {
	t.Parallel()
	busy, release := make(chan struct{}), make(chan struct{})
	subscriber := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("hub.topic") == topicOf("/feeds/all.rss") {
			close(busy)
			<-release
		}
		if q.Get("hub.mode") == "unsubscribe" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, q.Get("hub.challenge"))
	}))
	defer subscriber.Close()
	node := serve(t, oneFeed+callsLoopback+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	ask := func(client, mode, feed string) {
		t.Helper()
		if resp := askAbout(t, node, client, mode, topicOf(feed), subscriber.URL); resp.StatusCode != http.StatusAccepted {
			t.Fatalf("%s: %s", mode, resp.Status)
		}
	}
	ask("203.0.113.7", "subscribe", "/feeds/all.rss")
	<-busy // one call at a time goes to a callback: the others wait
	ask("203.0.113.7", "subscribe", "/feeds/all.atom")
	ask("198.51.100.1", "unsubscribe", "/feeds/all.atom")
	close(release)
	node.eventually("the unsubscription is refused", func() bool {
		return node.metric("gallerywire_websub_verifications_total", `mode="unsubscribe"`, `outcome="refused"`) == 1
	})
	node.eventually("both are subscribed", func() bool { return node.metric("gallerywire_websub_subscriptions") == 2 })
}

// askFor asks the hub as a client whom a proxy names, about a feed.
func askFor(t *testing.T, node *process, client, mode, callback string) *http.Response {
	t.Helper()
	return askAbout(t, node, client, mode, topicOf("/feeds/all.atom"), callback)
}

func askAbout(t *testing.T, node *process, client, mode, topic, callback string) *http.Response {
	t.Helper()
	form := url.Values{"hub.mode": {mode}, "hub.topic": {topic}, "hub.callback": {callback}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, node.http+"/hub", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", client)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}
