package receive_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/ingest/receive"
)

// pipes is a listener whose connections live in this process.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, open := <-p; open {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// serve returns a connection to w, behind a server with the limits of a real one. It belongs
// into a bubble.
func (w *world) serve(t *testing.T) net.Conn {
	client, server := net.Pipe()
	listener := make(pipes, 1)
	listener <- server
	s := &http.Server{Handler: w, ReadTimeout: 15 * time.Second, MaxHeaderBytes: 32 << 10, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(func() {
		client.Close()
		s.Close()
	})
	return client
}

// TestHostileConnections writes bytes that no library would send.
func TestHostileConnections(t *testing.T) {
	head := "POST /events HTTP/1.1\r\nHost: news.example.com\r\nContent-Type: application/json\r\nAuthorization: Bearer " + secret + "\r\n"
	signed := strings.Replace(head, "Authorization: Bearer "+secret, "X-Superdesk-Signature: sha1="+strings.Repeat("0", 40), 1)
	sized := func(n int, body string) string { return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, n, body) }
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<10, strings.Repeat(" ", 1<<10))
	for name, c := range map[string]struct {
		sent   string
		status int
	}{
		"a body that is not all there":          {sized(len(bare)+1, bare), 503},
		"more than its length":                  {sized(len(bare)-1, bare), 400},
		"two lengths":                           {head + "Content-Length: 1\r\n" + sized(len(bare), bare)[len(head):], 400},
		"a length that is no number":            {head + "Content-Length: many\r\n\r\n" + bare, 400},
		"a length that is not allowed":          {sized(maxEvent+1, bare), 413},
		"a length beyond all numbers":           {head + "Content-Length: 99999999999999999999\r\n\r\n" + bare, 400},
		"chunks that never end":                 {head + "Transfer-Encoding: chunked\r\n\r\n" + chunk, 503},
		"chunks without end that are too many":  {head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat(chunk, maxEvent>>10+1), 413},
		"signed chunks that never end":          {signed + "Transfer-Encoding: chunked\r\n\r\n" + chunk, 503},
		"a chunk that is none":                  {head + "Transfer-Encoding: chunked\r\n\r\nmany\r\n", 400},
		"a length and chunks":                   {head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"another transfer encoding":             {head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
		"more headers than are read":            {head + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 431},
		"many headers":                          {head + strings.Repeat("Ce-X: y\r\n", 8<<10) + "\r\n", 431},
		"a compressed body that is none at all": {head + "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", 400},
		"bytes that are no header":              {head + "\x00\xff\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, receive.Key{Name: "wp", Kind: receive.Bearer, Secret: secret, IDPrefix: prefix}, receive.Key{Name: "desk", Kind: receive.Superdesk, Secret: "desk-" + secret})
				conn := w.serve(t)
				if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
				go func() { _, _ = io.WriteString(conn, c.sent) }() // the server need not read all of it
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != c.status {
					t.Errorf("answered %s, want %d: %s", resp.Status, c.status, body)
				}
				if _, err := conn.Read(make([]byte, 1)); c.status >= 500 && errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error("the connection stays open")
				}
				if strings.Contains(string(body), secret) || len(w.stream.published()) > 0 {
					t.Errorf("published %d events, answered %s", len(w.stream.published()), body)
				}
			})
		})
	}
}

// A body that arrives slowly is read to its end, if it arrives at all.
func TestABadLineIsEnough(t *testing.T) {
	for name, c := range map[string]struct {
		every  time.Duration // for a KiB
		status int
	}{
		"10 KiB a second": {time.Second / 10, http.StatusAccepted},
		"4 KiB a second":  {time.Second / 4, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const size = 4 * maxEvent
				conn := newWorld(t).serve(t)
				body := "[" + structured + strings.Repeat(" ", size-len(structured)-2) + "]"
				var sending sync.WaitGroup
				defer sending.Wait()
				defer conn.Close()
				sending.Go(func() {
					_, _ = fmt.Fprintf(conn, "POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/cloudevents-batch+json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", secret, size)
					for part := range slices.Chunk([]byte(body), 1<<10) {
						time.Sleep(c.every)
						if _, err := conn.Write(part); err != nil {
							return
						}
					}
				})
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != c.status {
					t.Errorf("answered %s", resp.Status)
				}
			})
		})
	}
}
