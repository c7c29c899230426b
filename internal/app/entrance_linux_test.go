package app_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// throng opens far more connections than publishers may have. Each sends
// something and then neither reads nor ends.
func throng(t *testing.T, address string) (leave func()) {
	t.Helper()
	const size = 2500
	says := [][]byte{
		nil,
		[]byte(`CONNECT {"verbose":true,"name":"` + strings.Repeat("x", 1<<20)),
		[]byte("CONNECT {}\r\n" + strings.Repeat("PING\r\n", 50_000)),
		[]byte("CONNECT {}\r\nPUB article.published 8388608\r\n" + strings.Repeat("x", 2_000_000)),
		[]byte("CONNECT {}\r\nSUB feed.> 1\r\nPUB article.publ"),
	}
	var all []net.Conn
	for i := range size {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		all = append(all, conn)
		go func() {
			_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
			_, _ = conn.Write(says[i%len(says)])
		}()
	}
	return func() {
		for _, conn := range all {
			conn.Close()
		}
	}
}

// A client that can only connect takes neither the node's memory nor its connections.
func TestCrowdOfPublishersStopsNoNode(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("open-sesame-open-sesame"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{"no token": "", "a token": fmt.Sprintf(", publisher_token_file: %q", token)} {
		t.Run(name, func(t *testing.T) {
			// As shipped, with 512 MiB for the process.
			p := serveIn(t, []string{"GOMEMLIMIT=400MiB"}, fmt.Sprintf(`
http: {listen: "127.0.0.1:0", admin_listen: "127.0.0.1:0"}
nats: {embedded: {listen: "127.0.0.1:0"%s}}
`, key))
			p.ready()
			var before []nats.Option
			if key != "" {
				before = append(before, nats.Token("open-sesame-open-sesame"))
			}
			early := p.publisher(before...)
			leave := throng(t, strings.TrimPrefix(p.nats, "nats://"))
			defer leave()
			for i := range 20 {
				early.publish(fmt.Sprintf("early-%d", i))
			}
			for _, args := range [][]string{{"rejects", "list"}, {"publish", "-"}, {"status"}} {
				if out, err := p.command(args...); err != nil {
					t.Errorf("%s: %v: %s", args, err, out)
				}
			}
			if res, body := p.get("/readyz"); res.StatusCode != 200 {
				t.Errorf("status %d: %s", res.StatusCode, body)
			}
			leave()
			p.publisher(append(before, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))...).publish("late")
			if out, err := p.command("export"); err != nil || !strings.Contains(out, `{"format":1,"galleries":22}`) {
				t.Errorf("export: %v: %s", err, out)
			}
			if peak := p.peak(); peak > 512<<20 {
				t.Errorf("it took %d MiB", peak>>20)
			}
		})
	}
}

// publisher is a CMS.
type publisher struct {
	p  *process
	js jetstream.JetStream
}

func (p *process) publisher(options ...nats.Option) publisher {
	p.t.Helper()
	nc, err := nats.Connect(p.nats, append(options, nats.Timeout(10*time.Second))...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(storetest.WaitLimit))
	if err != nil {
		p.t.Fatal(err)
	}
	return publisher{p, js}
}

func (w publisher) publish(id string) {
	w.p.t.Helper()
	event := fmt.Sprintf(`{"id":%q,"url":"https://news.example.com/%s","title":"T","published":"2026-11-20T09:00:00Z","slides":[{"image":{"url":"https://img.example.com/1.jpg"}}]}`, id, id)
	if _, err := w.js.Publish(w.p.t.Context(), "article.published", []byte(event)); err != nil {
		w.p.t.Fatal(err)
	}
}
