package publish_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go"
)

// soon has a connection that was lost try again so often, without waiting long.
func soon(tries int) []nats.Option {
	return []nats.Option{nats.MaxReconnects(tries), nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})}
}

func dial(t *testing.T, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(url, append(options, nats.Timeout(10*time.Second))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// isLost reports whether err ends a run because the connection did not come back.
func isLost(err error) bool {
	end, ok := errors.AsType[*publish.EndError](err)
	return ok && end.Open && strings.Contains(end.Why, "lost and did not come back")
}

func TestSendEndsWhenTheServerStaysAway(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	conn := dial(t, server.URL(), soon(2)...)
	stream(t, conn)
	sender, err := publish.OverNATS(conn, subjects, 0)
	if err != nil {
		t.Fatal(err)
	}
	given, done, stored, lost := 0, 0, 0, 0
	many := func(yield func(publish.Item) bool) {
		for given < 20_000 {
			if given == 500 {
				server.Stop()
			}
			given++
			if !yield(item(fmt.Sprint("g", given))) {
				return
			}
		}
	}
	err = sender.Send(t.Context(), many, func(r publish.Receipt) {
		done++
		switch {
		case r.Err == nil:
			stored++
		case isLost(r.Err):
			lost++
		default:
			t.Errorf("receipt of %s: %v", r.Item.ID, r.Err)
		}
	})
	if !isLost(err) {
		t.Errorf("error %v", err)
	}
	if given > 600 || done != given || stored < 400 || lost == 0 {
		t.Errorf("%d asked for, %d receipts: %d stored, %d lost", given, done, stored, lost)
	}
}

func TestSendSucceedsWhenAllWasStoredBeforeTheServerWentAway(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	conn := dial(t, server.URL(), soon(2)...)
	stream(t, conn)
	if r := send(t, conn, item("a"))[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	closed := conn.StatusChanged(nats.CLOSED)
	server.Stop()
	<-closed
	send(t, conn) // which fails the test when there is an error
}

func TestEventsInFlightDuringAnOutageAreSentAgain(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	stream(t, dial(t, server.URL()))
	p := startProxy(t, server.URL())
	conn := dial(t, p.url(), soon(1000)...)
	sender, err := publish.OverNATS(conn, subjects, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.deaf.Store(true) // the server stores, and nobody is answered
	var receipts []publish.Receipt
	few := func(yield func(publish.Item) bool) {
		for n := range 20 {
			if n == 10 {
				p.deaf.Store(false)
				p.cut()
			}
			if !yield(item(fmt.Sprint("g", n))) {
				return
			}
		}
	}
	if err := sender.Send(t.Context(), few, func(r publish.Receipt) { receipts = append(receipts, r) }); err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{}
	for n, r := range receipts {
		if r.Err != nil || r.Item.ID != fmt.Sprint("g", n) || seen[r.Sequence] {
			t.Errorf("receipt %d: %+v", n, r)
		}
		seen[r.Sequence] = true
	}
	if len(receipts) != 20 {
		t.Errorf("%d receipts", len(receipts))
	}
}

// proxy stands between a client and a server.
type proxy struct {
	listener net.Listener
	target   string
	deaf     atomic.Bool // what the server says is dropped
	client   atomic.Pointer[net.Conn]
}

func startProxy(t *testing.T, url string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: strings.TrimPrefix(url, "nats://")}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // the test ended
			}
			go p.serve(client)
		}
	}()
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	p.client.Store(&client)
	go func() {
		_, _ = io.Copy(server, client) // until one of them ends
		server.Close()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		if p.deaf.Load() {
			continue
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// cut ends the connection that there is.
func (p *proxy) cut() { (*p.client.Load()).Close() }
