package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func TestRequestIDs(t *testing.T) {
	s := newSite(t)
	for _, id := range []string{"a", "7f.A_-9", strings.Repeat("x", 64)} {
		wantHeader(t, s.get("/healthz", "X-Request-Id", id), "X-Request-Id", id)
	}
	ours := regexp.MustCompile(`^[A-Z2-7]{26}$`)
	for _, id := range []string{"", strings.Repeat("x", 65), "a b", "a\"b", "a\nstatus=200", "ü", "<script>"} {
		if got := s.get("/healthz", "X-Request-Id", id).Header.Get("X-Request-Id"); !ours.MatchString(got) {
			t.Errorf("%q became %q", id, got)
		}
	}
}

func TestAccessLog(t *testing.T) {
	s := newSite(t, func(o *web.Options) { o.Requests = web.RequestsFull })
	s.get("/feeds/all.json?a=b", "X-Request-Id", "r1", "User-Agent", "reader\nlevel=ERROR")
	line := s.log.String()
	for _, part := range []string{
		"level=INFO", "msg=request", "method=GET", `url="/feeds/all.json?a=b"`, "status=200",
		"remote=", `agent="reader\nlevel=ERROR"`, "request=r1", "took=",
	} {
		if !strings.Contains(line, part) {
			t.Errorf("no %s in %s", part, line)
		}
	}
	if n := strings.Count(line, "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, line)
	}
}

// Without being asked to, a node keeps nothing of its readers.
func TestRequestsAreNotLoggedByDefault(t *testing.T) {
	s := newSite(t)
	s.get("/feeds/all.json", "User-Agent", "reader")
	if got := s.log.String(); got != "" {
		t.Errorf("logged %s", got)
	}
}

func TestAnonymousAccessLogNamesNoReader(t *testing.T) {
	s := newSite(t, func(o *web.Options) { o.Requests = web.RequestsAnonymous })
	for remote, want := range map[string]string{
		"203.0.113.77:4711":              "remote=203.0.113.0/24",
		"[2001:db8:7:8:9::abcd]:4711":    "remote=2001:db8:7::/48",
		"[::ffff:203.0.113.77]:4711":     "remote=203.0.113.0/24",
		"[fe80::1234:abcd%wlan0]:4711":   "remote=fe80::/48",
		"@":                              `remote=""`, // of a Unix socket
		"proxy.example.com:reader-4711x": `remote=""`,
	} {
		s.log.Reset()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/feeds/all.json?a=b", nil)
		r.RemoteAddr = remote
		r.Header.Set("User-Agent", "somebody's reader")
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		line := s.log.String()
		for _, part := range []string{"msg=request", "method=GET", `url="/feeds/all.json?a=b"`, "status=200", "request=", want} {
			if !strings.Contains(line, part) {
				t.Errorf("no %s in %s", part, line)
			}
		}
		for _, secret := range []string{"113.77", "abcd", "4711", "somebody", "agent"} {
			if strings.Contains(line, secret) {
				t.Errorf("%s in %s", secret, line)
			}
		}
	}
}

func TestRequestsAreCountedByRouteAndStatus(t *testing.T) {
	s := newSite(t)
	etag := s.get("/feeds/all.rss").Header.Get("Etag")
	s.get("/feeds/all.rss", "If-None-Match", etag)
	s.get("/feeds/none.rss")
	s.get("/healthz")
	// Whatever is asked for, the labels stay the same few.
	for _, path := range []string{"/a", "/b", "/wp-login.php", "/feeds/all.rss/c"} {
		s.get(path)
		s.request("MADE-UP", path)
	}
	want := map[string]float64{
		"GET /feeds/{file} 200": 1, "GET /feeds/{file} 304": 1, "GET /feeds/{file} 404": 1,
		"GET /healthz 200": 1, "GET / 404": 4, "none 405": 4,
	}
	if diff := cmp.Diff(want, requests(t, s.metrics)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestFeedsOfGalleriesAreCountedApartFromPages(t *testing.T) {
	l := newLive(t)
	l.publish("a", 1, 1)
	for _, path := range []string{"/galleries/a", "/galleries/a.rss", "/galleries/a.json", "/galleries/none.atom"} {
		l.get(path)
	}
	want := map[string]float64{
		"GET /galleries/{key} 200": 1, "GET /galleries/{key}.{format} 200": 2, "GET /galleries/{key}.{format} 404": 1,
	}
	if diff := cmp.Diff(want, requests(t, l.metrics)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// requests are those counted, by route, partner and status.
func requests(t *testing.T, metrics *prometheus.Registry) map[string]float64 {
	t.Helper()
	got := map[string]float64{}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "gallerywire_http_requests_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			of := strings.TrimSuffix(" of "+labels["partner"], " of ")
			got[labels["route"]+of+" "+labels["status"]] = m.GetCounter().GetValue()
		}
	}
	return got
}

func TestAPanicIsAnswered(t *testing.T) {
	s := newSite(t, func(o *web.Options) {
		o.Pages = func(mux *http.ServeMux) {
			mux.HandleFunc("GET /panic", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000000")
				w.Header().Set("Etag", `"a"`)
				w.Header().Set("Cache-Control", "public, max-age=60")
				panic("out of film")
			})
		}
	})
	res := s.get("/panic", "X-Request-Id", "r1")
	if got := body(t, res); res.StatusCode != 500 || got != "something went wrong, request r1\n" {
		t.Errorf("%s: %q", res.Status, got)
	}
	wantHeader(t, res, "Content-Length", "")
	wantHeader(t, res, "ETag", "")
	wantHeader(t, res, "Cache-Control", "no-store")
	log := s.log.String()
	for _, part := range []string{"level=ERROR", "out of film", "method=GET", "url=/panic", "request=r1", "stack="} {
		if !strings.Contains(log, part) {
			t.Errorf("no %s in the log:\n%s", part, log)
		}
	}
}

func TestAPanicInTheMiddleCutsTheConnection(t *testing.T) {
	s := newSite(t, func(o *web.Options) {
		o.Pages = func(mux *http.ServeMux) {
			mux.HandleFunc("GET /panic", func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(strings.Repeat("half a page ", 1000)))
				panic("out of film")
			})
			mux.HandleFunc("GET /abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}
	})
	server := httptest.NewServer(s.handler)
	defer server.Close()
	res, err := http.Get(server.URL + "/panic")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the client takes half of the answer for all of it: %v", err)
	}
	if res, err := http.Get(server.URL + "/abort"); err == nil {
		res.Body.Close()
		t.Errorf("an aborted request is answered: %s", res.Status)
	}
	server.Close() // waits for the handlers and what they log
	if n := strings.Count(s.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d panics in the log, want 1:\n%s", n, s.log)
	}
}
