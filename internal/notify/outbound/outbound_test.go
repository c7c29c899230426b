package outbound

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// loopback is a client that may call this machine.
func loopback(o Options) *Client {
	o.AllowHTTP = true
	o.AllowNetworks = append(o.AllowNetworks, prefixes("127.0.0.0/8")...)
	return New(o)
}

func serve(t *testing.T, handle http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server
}

func newRequest(t *testing.T, method, address, body string) *http.Request {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, content)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// names is a resolver that knows only the addresses given, of one name each.
func names(t *testing.T, known map[string]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			if reply, err := answer(packet[:n], known); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func answer(packet []byte, known map[string]string) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(packet); err != nil {
		return nil, err
	}
	m.Response, m.Additionals = true, nil
	q := m.Questions[0]
	ip, err := netip.ParseAddr(known[strings.TrimSuffix(q.Name.String(), ".")])
	head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
	switch {
	case err != nil:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA && ip.Is4():
		m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: ip.As4()}}}
	case q.Type == dnsmessage.TypeAAAA && ip.Is6():
		m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}}}
	}
	return m.Pack()
}

func TestPrivateAddressOfNameNotConnectedTo(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())

	for _, ip := range []string{"127.0.0.1", "::ffff:127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "64:ff9b::7f00:1", "fd00::1", "0.0.0.0", "::"} {
		resolver := names(t, map[string]string{"inside.example": ip})
		c := newClient(Options{AllowHTTP: true}, resolver)
		address := "http://inside.example:" + port + "/cb?token=hunter2"
		if _, err := c.Check(address); err != nil {
			t.Errorf("a name is not looked up to be checked: %v", err)
		}
		res, err := c.Do(newRequest(t, "GET", address, ""), 100)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, %v; want it refused", ip, res, err)
			continue
		}
		// The net package turns a mapped address into the IPv4 address in it.
		want := fmt.Sprintf("inside.example:%s: is at %s, which is not public", port, netip.MustParseAddr(ip).Unmap())
		if err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestAllowedAddressOfNameConnectedTo(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) })
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, ip := range []string{"127.0.0.1", "::ffff:127.0.0.1"} {
		c := newClient(Options{AllowHTTP: true, AllowNetworks: prefixes("127.0.0.1/32")}, names(t, map[string]string{"inside.example": ip}))
		res, err := c.Do(newRequest(t, "GET", "http://inside.example:"+port, ""), 100)
		if err != nil {
			t.Errorf("%s: %v", ip, err)
			continue
		}
		if got := string(res.Body); got != "inside.example:"+port {
			t.Errorf("%s: the host asked for is %q", ip, got)
		}
	}
}

func TestEnvironmentProxyNotUsed(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") })
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
		t.Setenv(strings.ToLower(name), proxy.URL)
	}
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	c := newClient(Options{AllowHTTP: true, AllowNetworks: prefixes("127.0.0.0/8")}, names(t, map[string]string{"a.example": "127.0.0.1"}))
	if res, err := c.Do(newRequest(t, "GET", "http://a.example:"+port, ""), 0); err != nil || res.Status != 204 {
		t.Errorf("%v, %v", res, err)
	}
}

func TestSensitiveHeadersNotSent(t *testing.T) {
	var got *http.Request
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		http.SetCookie(w, &http.Cookie{Name: "id", Value: "1"})
	})
	c := loopback(Options{})
	for range 2 {
		req := newRequest(t, "POST", server.URL+"/cb?a=%2F&b=x;y&&c", "hello")
		req.Host = "other.example"
		for _, name := range []string{"Authorization", "Proxy-Authorization", "Cookie", "Referer"} {
			req.Header.Set(name, "hunter2")
		}
		req.Header.Set("Content-Type", "text/plain")
		if _, err := c.Do(req, 0); err != nil {
			t.Fatal(err)
		}
		if req.Header.Get("Cookie") == "" {
			t.Error("the caller's request was changed")
		}
	}
	for name := range got.Header {
		if name != "User-Agent" && name != "Content-Length" && name != "Content-Type" {
			t.Errorf("%s: %s was sent", name, got.Header.Get(name))
		}
	}
	if got.UserAgent() != "gallerywire" || "http://"+got.Host != server.URL || got.RequestURI != "/cb?a=%2F&b=x;y&&c" {
		t.Errorf("%s asked %s for %s", got.UserAgent(), got.Host, got.RequestURI)
	}
}

func TestUserAgent(t *testing.T) {
	var got string
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.UserAgent() })
	for _, stated := range []string{"", "mine"} {
		req := newRequest(t, "GET", server.URL, "")
		if stated != "" {
			req.Header.Set("User-Agent", stated)
		}
		if _, err := loopback(Options{}).Do(req, 0); err != nil || got != cmp.Or(stated, userAgent) {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// moved answers every request with status and location.
func moved(t *testing.T, status int, location string) *httptest.Server {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(status)
	})
}

func TestDoFollowsNoRedirect(t *testing.T) {
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	for _, status := range []int{301, 302, 303, 307, 308} {
		res, err := loopback(Options{}).Do(newRequest(t, "POST", moved(t, status, elsewhere.URL).URL, "x"), 100)
		if err != nil || res.Status != status || res.Header.Get("Location") != elsewhere.URL {
			t.Errorf("%d: %+v, %v", status, res, err)
		}
	}
}

func TestDoChecksAddress(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	c := New(Options{AllowHTTP: true})
	withUser := strings.Replace(server.URL, "//", "//u:hunter2@", 1)
	for _, address := range []string{server.URL, withUser, "ftp://a.example", "https:opaque"} {
		body := &closing{Reader: strings.NewReader("x")}
		req := newRequest(t, "POST", address, "")
		req.Body = body
		_, err := c.Do(req, 10)
		if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
		if !body.closed {
			t.Errorf("%s: the body was left open", address)
		}
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestBodyReadUpToMax(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "0123456789") })
	c := loopback(Options{})
	for _, tt := range []struct {
		max  int64
		body string
		cut  bool
	}{{0, "", true}, {9, "012345678", true}, {10, "0123456789", false}, {1 << 40, "0123456789", false}} {
		res, err := c.Do(newRequest(t, "GET", server.URL, ""), tt.max)
		if err != nil || string(res.Body) != tt.body || res.Truncated != tt.cut || res.Status != 200 {
			t.Errorf("at most %d: %+v, %v", tt.max, res, err)
		}
	}
}

func TestHugeBodyNotRead(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		ended := make(chan int64, 1)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n, _ := io.Copy(w, io.LimitReader(zeros{}, 100<<20))
			ended <- n
		}))
		server.EnableHTTP2 = h2
		server.StartTLS()
		c := loopback(Options{})
		c.transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		res, err := c.Do(newRequest(t, "GET", server.URL, ""), 1000)
		if err != nil || len(res.Body) != 1000 || cap(res.Body) > 8<<10 || !res.Truncated {
			t.Errorf("HTTP/2 %t: %v, %v", h2, res, err)
		}
		// What the sockets hold is out of our hands.
		if n := <-ended; n > 16<<20 {
			t.Errorf("HTTP/2 %t: %d bytes were taken", h2, n)
		}
		server.Close()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestBodyNotDecompressed(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.Copy(z, io.LimitReader(zeros{}, 10<<20))
	z.Close()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("compression was asked for")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})
	res, err := loopback(Options{}).Do(newRequest(t, "GET", server.URL, ""), 1<<20)
	if err != nil || !bytes.Equal(res.Body, bomb.Bytes()) || res.Truncated {
		t.Errorf("%d bytes, %v", len(res.Body), err)
	}
}

func TestLongHeadersRefused(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 100<<10))
	})
	if _, err := loopback(Options{}).Do(newRequest(t, "GET", server.URL, ""), 10); err == nil || !strings.Contains(err.Error(), "headers over 64 KiB") {
		t.Errorf("%v", err)
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			fmt.Fprint(w, "so far")
			w.(http.Flusher).Flush()
		}
		<-release
	})
	defer close(release)
	c := loopback(Options{Timeout: 100 * time.Millisecond})

	_, err := c.Do(newRequest(t, "GET", server.URL+"/?token=hunter2", ""), 100)
	if want := strings.TrimPrefix(server.URL, "http://") + ": no answer in time"; !errors.Is(err, context.DeadlineExceeded) || err.Error() != want {
		t.Errorf("no answer: %v, want %s", err, want)
	}
	// A status is an answer, whatever becomes of the body.
	res, err := c.Do(newRequest(t, "GET", server.URL+"/body", ""), 100)
	if err != nil || res.Status != 200 || string(res.Body) != "so far" || !res.Truncated {
		t.Errorf("slow body: %+v, %v", res, err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := loopback(Options{}).Do(newRequest(t, "GET", server.URL, "").WithContext(ctx), 100)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestConnectionReused(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "thanks") }))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c := loopback(Options{})
	for range 5 {
		if _, err := c.Do(newRequest(t, "POST", server.URL, "news"), 100); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 5 calls", n)
	}
}

// TestErrorsRepeatNoSecrets has, for each way of failing, a far side that
// sends back what it receives.
func TestErrorsRepeatNoSecrets(t *testing.T) {
	for _, tt := range []struct {
		name, scheme, want string
		far                func(net.Conn, []byte)
	}{
		{"echo", "http", "no valid HTTP", func(c net.Conn, request []byte) { _, _ = c.Write(request) }},
		{"echo in a header", "http", "no valid HTTP", func(c net.Conn, request []byte) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n%s", request)
		}},
		{"echo in a status", "http", "no valid HTTP", func(c net.Conn, request []byte) { fmt.Fprintf(c, "HTTP/1.1 %s", request) }},
		{"echo in a length", "http", "no valid HTTP", func(c net.Conn, request []byte) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n", strings.Fields(string(request))[1])
		}},
		{"silence", "http", "closed the connection without an answer", func(net.Conn, []byte) {}},
		{"half an answer", "http", "closed the connection without an answer", func(c net.Conn, _ []byte) { fmt.Fprint(c, "HTTP/1.1 200 OK\r\nA: b") }},
		{"reset", "http", "connection reset by peer", func(c net.Conn, _ []byte) { _ = c.(*net.TCPConn).SetLinger(0) }},
		{"something else on a port for https", "https", "does not look like a TLS handshake", func(c net.Conn, _ []byte) { fmt.Fprint(c, "220 mail.example ESMTP\r\n") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			far := listen(t, tt.far)
			_, err := loopback(Options{}).Do(newRequest(t, "GET", tt.scheme+"://"+far+"/hunter2?token=hunter2", ""), 100)
			if err == nil || !strings.HasPrefix(err.Error(), far+": ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s: … %s", err, far, tt.want)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2") {
				t.Errorf("a secret shows: %#v", err)
			}
		})
	}
}

// listen takes connections, reads the first packet of each and lets far answer.
func listen(t *testing.T, far func(net.Conn, []byte)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			request := make([]byte, 4096)
			n, _ := c.Read(request)
			far(c, request[:n])
			c.Close()
		}
	}()
	return l.Addr().String()
}

func TestUnreachableHosts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	if _, err := loopback(Options{}).Do(newRequest(t, "GET", "http://"+address, ""), 10); err == nil || err.Error() != address+": connection refused" {
		t.Errorf("%v", err)
	}
	c := newClient(Options{}, names(t, nil))
	if _, err := c.Do(newRequest(t, "GET", "https://nowhere.example/?token=hunter2", ""), 10); err == nil || err.Error() != "nowhere.example: no such host" {
		t.Errorf("%v", err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, err := loopback(Options{}).Do(newRequest(t, "GET", server.URL+"/?token=hunter2", ""), 10)
	if err == nil || !strings.Contains(err.Error(), "its certificate is of an authority that is not known here") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}
