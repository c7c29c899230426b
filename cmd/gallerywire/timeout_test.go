package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// peer accepts connections and has answer deal with each, in its own goroutine.
func peer(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(waitLimit))
				answer(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}

// silent reads and says nothing.
func silent(conn net.Conn) {
	for buffer := make([]byte, 4096); ; {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
	}
}

// mute is a NATS server that answers pings and nothing else.
func mute(conn net.Conn) {
	fmt.Fprint(conn, `INFO {"server_id":"X","version":"2.15.2","headers":true,"jetstream":true,"max_payload":1048576,"proto":1}`+"\r\n")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if lines.Text() == "PING" {
			fmt.Fprint(conn, "PONG\r\n")
		}
	}
}

// half is a web server that sends a part of an answer.
func half(conn net.Conn) {
	if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
		return
	}
	fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nready")
	silent(conn)
}

// Of what is under way when somebody ends the command there is one line.
func TestAnInterruptedPublishSaysSoOnce(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	const underWay = 64
	at := peer(t, func(conn net.Conn) {
		fmt.Fprint(conn, `INFO {"server_id":"X","version":"2.15.2","headers":true,"jetstream":true,"max_payload":1048576,"proto":1}`+"\r\n")
		sent := 0
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			switch verb, _, _ := strings.Cut(lines.Text(), " "); verb {
			case "PING":
				fmt.Fprint(conn, "PONG\r\n")
			case "PUB", "HPUB":
				if sent++; sent == underWay {
					interrupt()
				}
			}
		}
	})
	var events strings.Builder
	for n := range 2 * underWay {
		fmt.Fprintf(&events, `{"id": "g%d", "title": "A", "published": "2026-11-20T09:00:00Z"}`+"\n", n)
	}
	var out, errs bytes.Buffer
	code := run(ctx, []string{"publish", "-"}, console{in: strings.NewReader(events.String()), out: &out, err: &errs, environ: []string{"GALLERYWIRE_NATS_URL=nats://" + at}})
	const want = "gallerywire: interrupted: 0 stored, 0 failed, 64 stored or not, the rest not sent: run it again\n"
	if code != exitFailed || errs.String() != want || out.Len() > 0 {
		t.Errorf("code %d, output %q and %q, want %q", code, errs.String(), out.String(), want)
	}
}

func TestNoCommandWaitsForAPeerThatDoesNotAnswer(t *testing.T) {
	dir := t.TempDir()
	event, export := filepath.Join(dir, "event.json"), filepath.Join(dir, "export.ndjson")
	for file, text := range map[string]string{
		event: `{"id": "a", "title": "A", "published": "2026-11-20T09:00:00Z"}`,
		export: `{"format":1,"site":"news.example.com"}` + "\n" + `{"format":1,"id":"a","rank":{"updated":"2026-11-20T09:00:00Z","version":0,"take_down":false,` +
			`"hash":"46e78ad600d82eb349398f6589269a8f"},"event":{"id":"a","title":"A","published":"2026-11-20T09:00:00Z"}}` + "\n" + `{"format":1,"galleries":1}` + "\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	operators := []string{
		"export", "import " + export, "rejects list", "rejects show 1", "rejects replay 1", "rejects replay --all",
		"notices list", "notices show k", "notices retry k", "notices retry --all", "notices forget k",
	}
	publishers := []string{"publish " + event, "unpublish a"}
	wants := func(line, want, environ string) {
		t.Run(strings.ReplaceAll(strings.ReplaceAll(line, dir, ""), "/", ""), func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			began := time.Now()
			code := run(t.Context(), append(strings.Fields(line), "--timeout", "1s"), console{out: &out, err: &errs, environ: []string{
				environ, "GALLERYWIRE_OUTBOUND_ALLOW_NETWORKS=[127.0.0.0/8]", "GALLERYWIRE_OUTBOUND_ALLOW_HTTP=true",
			}})
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it took %s", took)
			}
			if code != exitFailed || !strings.Contains(errs.String(), want) {
				t.Errorf("code %d, want %q: %s", code, want, errs.String())
			}
		})
	}
	at := peer(t, silent)
	wants("notices test hook", "webhook hook: ", `GALLERYWIRE_WEBHOOKS=[{name: hook, url: "http://`+at+`/", secrets: [whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz]}]`)
	wants("notices test morning", "test digest morning: ", `GALLERYWIRE_DIGESTS=[{name: morning, schedule: "@daily", to: ["smtp://`+at+`/?from=a@example.com&to=b@example.com"]}]`)
	for _, line := range append(append([]string{"tail"}, operators...), publishers...) {
		wants(line, "connect to nats at nats://"+at+": no answer within 1s", "GALLERYWIRE_NATS_URL=nats://"+at)
	}
	for _, line := range []string{"health", "health --live", "status"} {
		wants(line+" --url http://"+at, "no answer from http://"+at, "")
	}
	at = peer(t, mute)
	for _, line := range operators {
		wants(line, "no answer from nats at nats://"+at+" within 1s", "GALLERYWIRE_NATS_URL=nats://"+at)
	}
	for _, line := range publishers {
		wants(line, "no acknowledgement from nats at "+at+" within 1s", "GALLERYWIRE_NATS_URL=nats://"+at)
	}
	at = peer(t, half)
	for _, line := range []string{"health", "health --live", "status"} {
		wants(line+" --url http://"+at, "only a part of the answer came from http://"+at, "")
	}
}
