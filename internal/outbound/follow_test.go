package outbound

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

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

func TestFollowSendsAgainWhatTheStatusAsksFor(t *testing.T) {
	for _, tt := range []struct {
		status       int
		method, then string
	}{
		{301, "POST", "GET  "}, {302, "POST", "GET  "}, {303, "POST", "GET  "}, {303, "PUT", "GET  "},
		{307, "POST", "POST text/plain news"}, {308, "POST", "POST text/plain news"},
		{301, "PUT", "PUT text/plain news"}, {302, "PUT", "PUT text/plain news"},
	} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/old" {
				w.Header().Set("Location", "new?a=b#c")
				w.WriteHeader(tt.status)
				return
			}
			body, _ := io.ReadAll(r.Body)
			if r.Header.Get("Referer") != "" {
				t.Error("a Referer was sent")
			}
			fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Content-Type"), body)
		})
		req := newRequest(t, tt.method, server.URL+"/old", "news")
		req.Header.Set("Content-Type", "text/plain")
		res, err := loopback(Options{}).Follow(req, 100)
		if err != nil || string(res.Body) != tt.then {
			t.Errorf("%d after %s: %+v, %v; want %q", tt.status, tt.method, res, err, tt.then)
		}
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	inside := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	_, port, _ := strings.Cut(strings.TrimPrefix(inside.URL, "http://"), ":")
	for location, why := range map[string]string{
		"http://127.0.0.2:" + port + "/?token=hunter2": "is at 127.0.0.2, which is not public",
		"http://[::ffff:7f00:2]:" + port + "/":         "which is not public",
		"http://2130706434:" + port + "/":              "looks like an IP address",
		"http://inside.example:" + port + "/?hunter2":  "inside.example:" + port + ": is at 127.0.0.2, which is not public",
		"http://u:hunter2@127.0.0.1:" + port + "/":     "holds a user",
		"file:///etc/passwd":                           "does not begin with",
		"http://a b/?hunter2":                          "no address",
		"/" + strings.Repeat("hunter2", 500):           "longer than 2048 bytes",
	} {
		o := Options{AllowHTTP: true, AllowNetworks: prefixes("127.0.0.1/32")}
		c := newClient(o, names(t, map[string]string{"inside.example": "127.0.0.2"}))
		_, err := c.Follow(newRequest(t, "GET", moved(t, 302, location).URL+"/?hunter2", ""), 100)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v; want %s", location, err, why)
		}
	}
}

func TestFollowKeepsToHTTPS(t *testing.T) {
	plain := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called without TLS") })
	server := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	c := loopback(Options{})
	c.transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	_, err := c.Follow(newRequest(t, "GET", server.URL, ""), 100)
	if !errors.Is(err, ErrRefused) || !strings.HasSuffix(err.Error(), "redirects from https to http") {
		t.Errorf("%v", err)
	}
}

func TestFollowEnds(t *testing.T) {
	var asked atomic.Int32
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, "/again", http.StatusFound)
	})
	_, err := loopback(Options{}).Follow(newRequest(t, "GET", server.URL, ""), 100)
	if err == nil || !strings.HasSuffix(err.Error(), "redirects more than 5 times") || asked.Load() != 6 {
		t.Errorf("after %d requests: %v", asked.Load(), err)
	}
}

func TestTimeoutIsOfAllRedirectsTogether(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(150 * time.Millisecond):
		case <-r.Context().Done():
		}
		http.Redirect(w, r, "/again", http.StatusFound)
	})
	_, err := loopback(Options{Timeout: 400 * time.Millisecond}).Follow(newRequest(t, "GET", server.URL, ""), 100)
	if err == nil || !strings.HasSuffix(err.Error(), "no answer in time") {
		t.Errorf("%v", err)
	}
}

func TestRedirectsThatLeadNowhereAreAnswers(t *testing.T) {
	for _, status := range []int{300, 302, 304} {
		location := ""
		if status != 302 {
			location = "/elsewhere"
		}
		res, err := loopback(Options{}).Follow(newRequest(t, "GET", moved(t, status, location).URL, ""), 100)
		if err != nil || res.Status != status {
			t.Errorf("%d: %+v, %v", status, res, err)
		}
	}
}

func TestBodyThatCannotBeSentAgain(t *testing.T) {
	req := newRequest(t, "POST", moved(t, 307, "/new").URL, "x")
	req.GetBody = nil
	_, err := loopback(Options{}).Follow(req, 100)
	if err == nil || !strings.HasSuffix(err.Error(), "cannot be sent again") {
		t.Errorf("%v", err)
	}
}
