package web_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/prometheus/client_golang/prometheus"
)

func TestReadyz(t *testing.T) {
	var reasons []error
	s := newSite(t, func(o *web.Options) { o.Ready = func() []error { return reasons } })
	if res := s.get("/readyz"); res.StatusCode != 200 || body(t, res) != "ready\n" {
		t.Error(res.Status)
	}
	reasons = []error{errors.New("no connection to nats"), errors.New("the index is still being read")}
	res := s.get("/readyz")
	if got := body(t, res); res.StatusCode != 503 || got != "not ready: no connection to nats\nthe index is still being read\n" {
		t.Errorf("%s: %q", res.Status, got)
	}
	if res := s.get("/healthz"); res.StatusCode != 200 || body(t, res) != "ok\n" {
		t.Errorf("a node that is not ready is not healthy: %s", res.Status)
	}
}

func TestStartingAnswersThatItStarts(t *testing.T) {
	h := web.Starting(web.Options{Ready: func() []error { return []error{errors.New("no connection to nats")} }})
	for path, status := range map[string]int{"/": 503, "/feeds/all.rss": 503, "/readyz": 503, "/healthz": 200} {
		if res := ask(t, h, http.MethodGet, path); res.StatusCode != status {
			t.Errorf("%s: %s, want %d", path, res.Status, status)
		}
	}
	wantHeader(t, ask(t, h, http.MethodGet, "/feeds/all.rss"), "Retry-After", "1")
}

func TestAdminAsksForTheToken(t *testing.T) {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "pictures", Help: "Pictures."}))
	h := web.Admin(web.Options{Metrics: metrics, Token: "s3cret"})
	for _, c := range []struct {
		name, authorization string
		status              int
	}{
		{"none", "", 401},
		{"bearer", "Bearer s3cret", 200},
		{"bearer in small letters", "bearer s3cret", 200},
		{"wrong bearer", "Bearer s3cre", 401},
		{"longer bearer", "Bearer s3crets", 401},
		{"empty bearer", "Bearer ", 401},
		{"password", basic("anybody", "s3cret"), 200},
		{"wrong password", basic("s3cret", "anybody"), 401},
		{"without a scheme", "s3cret", 401},
		{"not base64", "Basic ???", 401},
	} {
		res := ask(t, h, http.MethodGet, "/metrics", "Authorization", c.authorization)
		text := body(t, res)
		if res.StatusCode != c.status || strings.Contains(text, "pictures") != (c.status == 200) {
			t.Errorf("%s: %s, %q", c.name, res.Status, text)
		}
	}
	wantHeader(t, ask(t, h, http.MethodGet, "/metrics"), "WWW-Authenticate", `Basic realm="gallerywire", charset="UTF-8"`)
	if res := ask(t, h, http.MethodGet, "/healthz"); res.StatusCode != 200 {
		t.Errorf("a health check needs the token: %s", res.Status)
	}
	open := web.Admin(web.Options{Metrics: metrics})
	if res := ask(t, open, http.MethodGet, "/metrics"); res.StatusCode != 200 {
		t.Errorf("without a token: %s", res.Status)
	}
}

func TestAdminShowsNothingWithoutTheToken(t *testing.T) {
	private := func(mux *http.ServeMux) {
		mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "all is well") })
	}
	h := web.Admin(web.Options{Token: "s3cret", Private: private})
	open := web.Admin(web.Options{Private: private})
	for path, status := range map[string]int{
		"/status": 200, "/metrics": 200, "/debug/pprof/": 200, "/debug/pprof/cmdline": 200, "/debug/pprof/heap": 200,
		"/debug/pprof/symbol": 200, "/debug/pprof/nosuch": 404, "/none": 404, "/status/none": 404,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, "MADE-UP"} {
			res := ask(t, h, method, path)
			if got := body(t, res); res.StatusCode != 401 || got != "the token is missing or wrong\n" || res.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s without the token: %s, %q", method, path, res.Status, got)
			}
		}
		for name, res := range map[string]*http.Response{
			"with the token":      ask(t, h, http.MethodGet, path, "Authorization", basic("", "s3cret")),
			"where there is none": ask(t, open, http.MethodGet, path),
		} {
			if res.StatusCode != status {
				t.Errorf("%s %s: %s, want %d", path, name, res.Status, status)
			}
		}
	}
}

// A site that is open in a browser on the machine can point its name at
// 127.0.0.1, and the browser then lets it read the answers.
func TestAdminWithoutATokenIsNotReadUnderAnotherName(t *testing.T) {
	private := func(mux *http.ServeMux) {
		for _, path := range []string{"GET /status", "GET /status.json"} {
			mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "all is well") })
		}
	}
	serve := func(token string) (get func(host, path string) (int, string)) {
		s := httptest.NewServer(web.Admin(web.Options{Token: token, Private: private}))
		t.Cleanup(s.Close)
		return func(host, path string) (int, string) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			r.SetBasicAuth("", token)
			res, err := s.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			return res.StatusCode, body(t, res)
		}
	}
	open, locked := serve(""), serve("s3cret")
	const advice = "open this by the node's IP address or as localhost, or set http.admin_token_file\n"
	for _, path := range []string{"/status", "/status.json", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline"} {
		for _, host := range []string{"localhost", "LocalHost:8081", "127.0.0.1", "127.0.0.1:8081", "[::1]:9", "[::1]", "192.0.2.7:8081", "localhost.:8081", "node.localhost"} {
			if status, text := open(host, path); status != http.StatusOK {
				t.Errorf("%s as %s: %d, %q", path, host, status, text)
			}
		}
		for _, host := range []string{"evil.example", "evil.example:8081", "localhost.evil.example:8081", "127.0.0.1.evil.example", "1.example", "a[::1]", "evillocalhost"} {
			if status, text := open(host, path); status != http.StatusForbidden || text != advice {
				t.Errorf("%s as %s: %d, %q", path, host, status, text)
			}
			if status, text := locked(host, path); status != http.StatusOK {
				t.Errorf("%s as %s with the token: %d, %q", path, host, status, text)
			}
		}
	}
	for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
		if status, text := open("node-1.example:8081", path); status != http.StatusOK {
			t.Errorf("%s: %d, %q", path, status, text)
		}
	}
}

func TestThePublicListenerHasNothingForOperators(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/status", "/status.json", "/metrics", "/debug/pprof/", "/debug/pprof/heap"} {
		if res := s.get(path, "Authorization", "Bearer s3cret"); res.StatusCode != 404 {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
}

func basic(user, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

func TestSlowClientsAreCutOff(t *testing.T) {
	server := web.NewServer(newSite(t).handler, slog.New(slog.DiscardHandler))
	for name, limit := range map[string]time.Duration{
		"header": server.ReadHeaderTimeout, "request": server.ReadTimeout, "idle": server.IdleTimeout,
	} {
		if limit <= 0 || limit > 2*time.Minute {
			t.Errorf("the limit of the %s is %v", name, limit)
		}
	}
	server.ReadHeaderTimeout = 300 * time.Millisecond
	conn := dial(t, serve(t, server))
	send(t, conn, "GET /feeds/all.rss HTTP/1.1\r\nHost: x\r\n")
	got, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) || strings.Contains(string(got), "200") {
		t.Errorf("a header that does not end: %q, %v", got, err)
	}
}

func TestLargeHeadersAreRefused(t *testing.T) {
	conn := dial(t, serve(t, web.NewServer(newSite(t).handler, slog.New(slog.DiscardHandler))))
	go io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Error(res.Status)
	}
}

// serve runs the server on a free port until the test ends.
func serve(t *testing.T, server *http.Server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; err != http.ErrServerClosed {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// dial opens a connection that gives up after a while.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(storetest.WaitLimit)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}
