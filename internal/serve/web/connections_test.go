package web_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/serve/web"
)

// wire is a listener whose connections take nothing that nobody reads.
type wire struct {
	arrive chan net.Conn
	closed chan struct{}
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case conn := <-w.arrive:
		return conn, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error   { close(w.closed); return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection from an address.
type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(f.address), 1234))
}

// door is a listener with limits; what it lets in is kept.
type door struct {
	t    *testing.T
	wire *wire
	all  *web.Connections

	mu sync.Mutex
	in []net.Conn
}

func newDoor(t *testing.T, l web.ConnectionLimits) *door {
	d := &door{t: t, wire: &wire{make(chan net.Conn), make(chan struct{})}, all: web.NewConnections(l)}
	limited := d.all.Listener(d.wire)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := limited.Accept()
			if err != nil {
				return
			}
			d.mu.Lock()
			d.in = append(d.in, conn)
			d.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		limited.Close()
		accepting.Wait()
		for _, conn := range d.in {
			conn.Close()
		}
	})
	return d
}

// connect returns both ends of a connection; ours is nil if it was refused, and answer
// is then what the client got.
func (d *door) connect(address string) (ours, client net.Conn, answer string) {
	d.t.Helper()
	client, server := net.Pipe()
	d.t.Cleanup(func() { client.Close() })
	d.mu.Lock()
	before := len(d.in)
	d.mu.Unlock()
	d.wire.arrive <- from{server, address}
	text := make(chan string, 1)
	go func() {
		res, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err == nil {
			res.Body.Close()
			text <- res.Status
		}
		close(text)
	}()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.in) == before {
		return nil, client, <-text
	}
	return d.in[before], client, ""
}

// isClosed reports whether the other end of a client's connection is closed.
func isClosed(client net.Conn) bool {
	_ = client.SetReadDeadline(time.Unix(0, 0))
	defer client.SetReadDeadline(time.Time{})
	_, err := client.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

// readAll takes all that comes.
func readAll(client net.Conn) { _, _ = io.Copy(io.Discard, client) }

func TestTheQuietestConnectionMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, web.ConnectionLimits{All: 2})
		_, first, _ := d.connect("192.0.2.1")
		time.Sleep(time.Second)
		second, secondClient, _ := d.connect("192.0.2.2")
		if third, _, answer := d.connect("192.0.2.3"); third != nil || answer != "503 Service Unavailable" {
			t.Errorf("nobody was quiet for long, and one more is let in; answer %q", answer)
		}
		time.Sleep(time.Second) // the first was quiet for two
		third, _, answer := d.connect("192.0.2.3")
		if third == nil || !isClosed(first) || isClosed(secondClient) {
			t.Errorf("the first is closed: %v, the second: %v; answer %q", isClosed(first), isClosed(secondClient), answer)
		}
		if d.all.Len() != 2 {
			t.Errorf("%d are open", d.all.Len())
		}
		second.Close()
		third.Close()
		if d.all.Len() != 0 {
			t.Errorf("%d are open once all are closed", d.all.Len())
		}
	})
}

func TestAClientHasItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, web.ConnectionLimits{PerClient: 2, Client: func(a netip.Addr) string {
			if a.IsLoopback() {
				return "" // a proxy
			}
			return a.String()
		}})
		_, first, _ := d.connect("192.0.2.1")
		time.Sleep(time.Second)
		d.connect("192.0.2.1")
		if third, _, answer := d.connect("192.0.2.1"); third != nil {
			t.Errorf("a third of one client is let in, answer %q", answer)
		}
		if other, _, answer := d.connect("192.0.2.2"); other == nil {
			t.Errorf("another client gets %q", answer)
		}
		for range 5 {
			if proxied, _, answer := d.connect("127.0.0.1"); proxied == nil {
				t.Fatalf("a proxy gets %q", answer)
			}
		}
		time.Sleep(2 * time.Second)
		if third, _, _ := d.connect("192.0.2.1"); third == nil || !isClosed(first) {
			t.Error("the quietest of the client did not make room for its next")
		}
	})
}

// Above the limit each client reads the answer, and none sees only that its connection
// was reset.
func TestClientsAboveTheLimitAreAnswered(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limited := web.NewConnections(web.ConnectionLimits{All: 1}).Listener(listener)
	var accepting, asking sync.WaitGroup
	accepting.Go(func() {
		for conn, err := limited.Accept(); err == nil; conn, err = limited.Accept() {
			defer conn.Close()
		}
	})
	defer accepting.Wait()
	defer limited.Close()
	first, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	began := time.Now()
	for range 4 {
		asking.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
			for range 50 {
				resp, err := client.Get("http://" + listener.Addr().String())
				if time.Since(began) > time.Second {
					return // the first has been idle for long, and others are let in
				}
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
					t.Errorf("answered %s", resp.Status)
				}
			}
		})
	}
	asking.Wait()
}

func TestAClientThatMadeRoomForItselfIsStillCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, web.ConnectionLimits{PerClient: 1, Client: netip.Addr.String})
		d.connect("192.0.2.1")
		<-time.After(2 * time.Second)
		d.connect("192.0.2.1") // instead of the first
		if third, _, answer := d.connect("192.0.2.1"); third != nil {
			t.Errorf("two connections of one client are let in, answer %q", answer)
		}
	})
}

func TestReaderThatTakesNothingIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, web.ConnectionLimits{})
		for _, size := range []int{100, 1 << 20} {
			ours, client := d.open()
			defer client.Close()
			began := time.Now()
			_, err := ours.Write(make([]byte, size))
			if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < 20*time.Second || took > 40*time.Second || !isClosed(client) {
				t.Errorf("%d bytes: %v after %s", size, err, took)
			}
		}
	})
}

// open connects and leaves what is written to the test.
func (d *door) open() (ours, client net.Conn) {
	d.t.Helper()
	client, server := net.Pipe()
	d.wire.arrive <- from{server, "192.0.2.1"}
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.in[len(d.in)-1], client
}

// A reader that keeps reading gets the whole document, however long it takes.
func TestSlowReaderGetsTheWholeDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, web.ConnectionLimits{})
		ours, client := d.open()
		text := strings.Repeat("0123456789abcdef", 16<<10) // 256 KiB
		got := make(chan string, 1)
		go func() {
			var all strings.Builder
			for part := make([]byte, 16<<10); ; {
				n, err := io.ReadFull(client, part)
				all.Write(part[:n])
				if err != nil {
					got <- all.String()
					return
				}
				time.Sleep(15 * time.Second)
			}
		}()
		began := time.Now()
		if n, err := ours.Write([]byte(text)); n != len(text) || err != nil || time.Since(began) < 3*time.Minute {
			t.Errorf("%d bytes and %v after %s", n, err, time.Since(began))
		}
		ours.Close()
		if <-got != text {
			t.Error("it is not what was written")
		}
	})
}

func TestBytesHeldByReadersAreCountedOnceAndReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, web.ConnectionLimits{})
		shared, own := make([]byte, 100<<10), make([]byte, 50<<10)
		var writing sync.WaitGroup
		write := func(body []byte) (client net.Conn) {
			ours, client := d.open()
			writing.Go(func() { _, _ = ours.Write(body) })
			synctest.Wait()
			return client
		}
		one := write(shared)
		two := write(shared[10:]) // after a head that was buffered
		if d.all.Held() != 100<<10 {
			t.Errorf("two who read the same hold %d bytes", d.all.Held())
		}
		time.Sleep(time.Second)
		three := write(own)
		if d.all.Held() != 150<<10 {
			t.Errorf("with another there are %d bytes", d.all.Held())
		}
		d.all.Relieve(150 << 10)
		if isClosed(one) || isClosed(two) || isClosed(three) {
			t.Error("cut off after a second")
		}
		time.Sleep(time.Second)
		d.all.Relieve(151 << 10)
		if isClosed(one) || isClosed(two) {
			t.Error("cut off though there is room")
		}
		d.all.Relieve(100 << 10)
		if !isClosed(one) || !isClosed(two) || isClosed(three) || d.all.Held() != 50<<10 {
			t.Errorf("%v, %v, %v are closed, %d bytes are held", isClosed(one), isClosed(two), isClosed(three), d.all.Held())
		}
		go readAll(three)
		writing.Wait()
		if d.all.Held() != 0 {
			t.Errorf("%d bytes are held when all is read", d.all.Held())
		}
	})
}
