package checks

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var nginxDir = filepath.Join(deployments, "nginx")

// proxy is a real nginx with the configuration of deployments/nginx.
type proxy struct {
	url string
	dir string
}

// startNginx runs nginx in front of the nodes. Only addresses and places are others
// than in the files.
func startNginx(t *testing.T, nodes ...string) *proxy {
	t.Helper()
	nginx := tool(t, "nginx", "nginx-light")
	p := &proxy{dir: t.TempDir()}
	listen := free(t)
	p.url = "http://" + listen
	var servers []string
	for _, node := range nodes {
		servers = append(servers, "server "+node+" max_fails=0;")
	}
	write(t, filepath.Join(p.dir, "conf.d", "gallerywire.conf"), replaced(t, read(t, nginxDir, "gallerywire.conf"),
		"listen 8080;", "listen "+listen+";", "/var/cache/nginx/", p.dir+"/"))
	write(t, filepath.Join(p.dir, "conf.d", "upstream.conf"), replaced(t, read(t, nginxDir, "upstream.conf"),
		"server 127.0.0.1:8080 max_fails=0;", strings.Join(servers, " ")))
	p.frame(t)
	cmd := exec.Command(nginx, "-p", p.dir, "-c", filepath.Join(p.dir, "nginx.conf"), "-g", "daemon off;")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if out, err := exec.Command(nginx, "-t", "-q", "-p", p.dir, "-c", filepath.Join(p.dir, "nginx.conf")).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	eventually(t, func() error {
		_, _, err := get(p.url + "/healthz")
		return err
	})
	return p
}

// frame writes what a distribution's nginx.conf is, for somebody's own directory.
func (p *proxy) frame(t *testing.T) {
	t.Helper()
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // a test's directory is its owner's alone
	}
	write(t, filepath.Join(p.dir, "nginx.conf"), []byte(user+`worker_processes 2;
pid `+p.dir+`/nginx.pid;
error_log `+p.dir+`/error.log warn;
events { worker_connections 256; }
http {
    default_type application/octet-stream;
    access_log `+p.dir+`/access.log;
    gzip on;
    client_body_temp_path `+p.dir+`/body;
    proxy_temp_path `+p.dir+`/proxy;
    fastcgi_temp_path `+p.dir+`/fastcgi;
    uwsgi_temp_path `+p.dir+`/uwsgi;
    scgi_temp_path `+p.dir+`/scgi;
    include `+p.dir+`/conf.d/*.conf;
}
`))
}

func TestNginxTakesTheConfigurations(t *testing.T) {
	nginx := tool(t, "nginx", "nginx-light")
	for name, upstream := range map[string]string{
		"beside a node": filepath.Join(nginxDir, "upstream.conf"),
		"in compose":    filepath.Join(deployments, "compose", "upstream.conf"),
	} {
		p := &proxy{dir: t.TempDir()}
		write(t, filepath.Join(p.dir, "conf.d", "upstream.conf"), read(t, upstream))
		write(t, filepath.Join(p.dir, "conf.d", "default.conf"), replaced(t, read(t, nginxDir, "gallerywire.conf"),
			"/var/cache/nginx/", p.dir+"/", "listen 8080;", "listen "+free(t)+";"))
		p.frame(t)
		out, err := exec.Command(nginx, "-t", "-q", "-p", p.dir, "-c", filepath.Join(p.dir, "nginx.conf")).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// stand is a node as far as a cache can tell: a feed in two codings, a page of it for
// people, conditions, differences, and a date that says how long it may be kept.
type stand struct {
	mu     sync.Mutex
	text   string
	maxAge int
	broken bool
	asked  []*http.Request
}

func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	h := w.Header()
	h.Set("X-Request-Id", r.Header.Get("X-Request-Id"))
	switch {
	case s.broken:
		w.WriteHeader(http.StatusBadGateway)
	case strings.HasPrefix(r.URL.Path, "/partners/"):
		s.partner(w, r)
	case r.URL.Path == "/readyz" || r.URL.Path == "/healthz" || r.URL.Path == "/hub" || strings.HasPrefix(r.URL.Path, "/events"):
		s.moment(w, r)
	case s.text == "":
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusGone)
	default:
		s.feed(w, r)
	}
}

// partner answers each key with a text of its own, and says that a cache might keep it.
func (s *stand) partner(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("Etag", `"all the same"`)
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if _, after, found := strings.Cut(r.URL.Path, "/~"); found {
		key, _, _ = strings.Cut(after, "/")
	}
	if key == "" {
		w.WriteHeader(http.StatusUnauthorized)
	}
	fmt.Fprintf(w, "feed of %q", key)
}

// moment answers what no cache may keep, and says that one might.
func (s *stand) moment(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = io.Copy(io.Discard, r.Body)
	fmt.Fprintf(w, "%s %d", r.Method, len(s.asked))
}

func (s *stand) feed(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Vary", "Accept-Encoding, Sec-Fetch-Dest")
	if r.Header.Get("Sec-Fetch-Dest") == "document" {
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<h1>page of %s</h1>", s.text)
		return
	}
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d, must-revalidate", s.maxAge))
	h.Set("Content-Type", "application/rss+xml; charset=utf-8")
	tag, body := strconv.Quote(s.text), []byte("feed of "+s.text)
	if coding := r.Header.Get("Accept-Encoding"); strings.Contains(coding, "gzip") && !strings.Contains(coding, "gzip;q=0,") {
		tag, body = strconv.Quote(s.text+"-gzip"), zipped(body)
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Etag", tag)
	if have := r.Header.Get("If-None-Match"); have != "" && r.Header.Get("A-Im") == "feed" && have != tag {
		h.Set("Im", "feed")
		h.Set("Cache-Control", "private, no-store")
		w.WriteHeader(http.StatusIMUsed)
		_, _ = w.Write([]byte("what is new in " + s.text))
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func zipped(text []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(text) // to memory
	_ = w.Close()
	return out.Bytes()
}

// set changes what the stand says from now on.
func (s *stand) set(change func(*stand)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// count is how often it was asked for the path.
func (s *stand) count(path string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.asked {
		if r.URL.RequestURI() == path {
			n++
		}
	}
	return n
}

func (s *stand) last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

func startStand(t *testing.T, s *stand) (*stand, *proxy) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, startNginx(t, strings.TrimPrefix(server.URL, "http://"))
}

// readers ask for one address in each way that gets another answer.
var readers = map[string][]string{
	"a reader":             nil,
	"one that takes gzip":  {"Accept-Encoding", "br, gzip;q=0.8, deflate"},
	"one that refuses it":  {"Accept-Encoding", "gzip;q=0, identity"},
	"one that has it":      {"If-None-Match", `"v1"`},
	"one that has it zip":  {"If-None-Match", `"v1-gzip"`, "Accept-Encoding", "gzip"},
	"one for a difference": {"If-None-Match", `"v0"`, "A-IM", "feed"},
	"a person":             {"Sec-Fetch-Dest", "document", "Accept-Encoding", "gzip, deflate, br, zstd"},
	"a page's script":      {"Sec-Fetch-Dest", "empty", "Accept-Encoding", "gzip, deflate, br, zstd"},
}

// seen is what of an answer must be the same with nginx and without.
type seen struct {
	status                               int
	body, kind, coding, tag, cache, vary string
}

func look(t *testing.T, url string, headers []string) seen {
	t.Helper()
	res, body, err := get(url, headers...)
	if err != nil {
		t.Fatal(err)
	}
	h := res.Header
	s := seen{res.StatusCode, body, h.Get("Content-Type"), h.Get("Content-Encoding"), h.Get("Etag"), h.Get("Cache-Control"), h.Get("Vary")}
	if s.status == http.StatusNotModified {
		s.kind, s.coding, s.cache, s.vary = "", "", "", "" // a cache leaves out what its client has
	}
	return s
}

// TestNginxAnswersAsTheNodeDoes has every kind of reader come before and after every
// other: none gets what was meant for another.
func TestNginxAnswersAsTheNodeDoes(t *testing.T) {
	s := &stand{text: "v1", maxAge: 3600}
	direct := httptest.NewServer(s)
	defer direct.Close()
	p := startNginx(t, strings.TrimPrefix(direct.URL, "http://"))
	n := 0
	for first, one := range readers {
		for second, two := range readers {
			for third, three := range readers {
				n++
				path := fmt.Sprintf("/feeds/all.rss?%d", n)
				for i, headers := range [][]string{one, two, three} {
					got, want := look(t, p.url+path, headers), look(t, direct.URL+path, headers)
					if got != want {
						t.Fatalf("%s, then %s, then %s; number %d gets\n%+v, want\n%+v", first, second, third, i+1, got, want)
					}
				}
			}
		}
	}
}

func TestNginxKeepsEachFormOnce(t *testing.T) {
	s, p := startStand(t, &stand{text: "v1", maxAge: 3600})
	const path = "/feeds/all.rss"
	for range 3 {
		for _, headers := range [][]string{
			nil, {"Accept-Encoding", "identity"}, {"Accept-Encoding", "br"}, {"If-None-Match", `"v1"`}, {"Accept", "text/html"},
			{"Accept-Encoding", "gzip"}, {"Accept-Encoding", "deflate, gzip"}, {"Accept-Encoding", "br;q=1, x-gzip ; q=0.2"},
		} {
			look(t, p.url+path, headers)
		}
	}
	if n := s.count(path); n != 2 {
		t.Errorf("the node was asked %d times, want once a coding", n)
	}
	res, _, err := get(p.url+path, "If-None-Match", `"v1"`)
	if err != nil || res.StatusCode != http.StatusNotModified || res.Header.Get("X-Cache") != "HIT" {
		t.Errorf("who has it gets %v %v", res, err)
	}
}

func TestNginxShowsNothingAfterMaxAge(t *testing.T) {
	s, p := startStand(t, &stand{text: "v1", maxAge: 1})
	const path = "/feeds/all.rss"
	if got := look(t, p.url+path, nil); got.body != "feed of v1" {
		t.Fatalf("%+v", got)
	}
	// Once it is old it is asked for again by its tag, and has not changed.
	eventually(t, func() error {
		if look(t, p.url+path, nil); s.count(path) < 2 {
			return fmt.Errorf("it is never asked for again")
		}
		return nil
	})
	if tag := s.last().Header.Get("If-None-Match"); tag != `"v1"` {
		t.Errorf("it is asked for again with the tag %s", tag)
	}
	if got := look(t, p.url+path, nil); got.body != "feed of v1" {
		t.Errorf("after that: %+v", got)
	}

	// From now on no answer may be kept for longer than a second.
	s.set(func(s *stand) { s.text = "" })
	down := time.Now()
	last := down // when somebody asked who was shown it
	eventually(t, func() error {
		asked := time.Now()
		if got := look(t, p.url+path, nil); got.status != http.StatusGone {
			last = asked
			return fmt.Errorf("what was taken down is shown: %+v", got)
		}
		return nil
	})
	if late := last.Sub(down); late > 2500*time.Millisecond { // nginx counts whole seconds
		t.Errorf("what was taken down was shown for %v", late)
	}
}

// TestNginxShowsNothingOldWhenNodesAreBroken has the node fail once a copy is old:
// an error is right, what may have been taken down is not.
func TestNginxShowsNothingOldWhenNodesAreBroken(t *testing.T) {
	s, p := startStand(t, &stand{text: "v1", maxAge: 1})
	look(t, p.url+"/feeds/all.rss", nil)
	s.set(func(s *stand) { s.broken = true })
	eventually(t, func() error {
		if got := look(t, p.url+"/feeds/all.rss", nil); got.status != http.StatusBadGateway {
			return fmt.Errorf("the answer is %+v", got)
		}
		return nil
	})
	for range 20 {
		if got := look(t, p.url+"/feeds/all.rss", nil); got.status != http.StatusBadGateway {
			t.Fatalf("the old copy is back: %+v", got)
		}
	}
}

// TestNginxTellsHowOldAnAnswerIs lets caches behind it count from the instant at which the node answered.
func TestNginxTellsHowOldAnAnswerIs(t *testing.T) {
	_, p := startStand(t, &stand{text: "v1", maxAge: 3600})
	first, _, err := get(p.url + "/feeds/all.rss")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if time.Now().UTC().Format(http.TimeFormat) == first.Header.Get("Date") {
			return fmt.Errorf("the second is not over")
		}
		return nil
	})
	second, _, err := get(p.url + "/feeds/all.rss")
	if err != nil || second.Header.Get("X-Cache") != "HIT" || second.Header.Get("Date") != first.Header.Get("Date") {
		t.Errorf("a copy made at %s says %s: %v", first.Header.Get("Date"), second.Header.Get("Date"), err)
	}
}

func TestNginxCachesNothingOfTheMoment(t *testing.T) {
	s, p := startStand(t, &stand{text: "v1", maxAge: 3600})
	for _, path := range []string{"/hub", "/readyz", "/healthz", "/events", "/events/article.published"} {
		before := s.count(path)
		look(t, p.url+path, nil)
		look(t, p.url+path, nil)
		if n := s.count(path) - before; n != 2 {
			t.Errorf("%s was asked for %d times of 2", path, n)
		}
	}
	for _, path := range []string{"/metrics", "/status", "/status?full=1", "/status/", "/debug", "/debug/pprof/", "//metrics", "/x/../metrics", "/%6detrics"} {
		got := look(t, p.url+path, nil)
		if got.status != http.StatusNotFound || s.count(path) > 0 {
			t.Errorf("%s is shown: %+v", path, got)
		}
		if got.kind != "text/html; charset=utf-8" || got.cache != "no-store" || !strings.Contains(got.body, `<a href="/">`) {
			t.Errorf("%s shows no way back: %+v", path, got)
		}
	}
	if got := look(t, p.url+"/status-quo", nil); got.status != http.StatusOK {
		t.Errorf("a neighbour is not shown: %+v", got)
	}
}

// TestNginxKeepsPartnersApart has partners and the public come in every order to the same
// addresses. The node allows more than the real one does: nginx alone keeps them apart.
func TestNginxKeepsPartnersApart(t *testing.T) {
	s := &stand{text: "v1", maxAge: 3600}
	direct := httptest.NewServer(s)
	defer direct.Close()
	p := startNginx(t, strings.TrimPrefix(direct.URL, "http://"))
	clients := [][]string{
		nil, {"Authorization", "Bearer key-of-a"}, {"Authorization", "Bearer key-of-b"},
		{"Authorization", "Bearer key-of-a", "Accept-Encoding", "gzip"}, {"Authorization", "Bearer key-of-b", "If-None-Match", `"v1"`, "A-IM", "feed"},
	}
	for _, path := range []string{
		"/partners/a/feed.rss", "/partners/a/", "/partners/a/changes.json?since=1", "/partners/a/~key-of-a/feed.rss", "/partners/a/~key-of-b/feed.rss",
		"//partners/a/~key-of-a/feed.rss", "/%70artners/a/%7Ekey-of-a/feed.rss", "/Partners/a/~key-of-a/feed.rss",
	} {
		asked := 0
		for _, one := range clients {
			for _, two := range clients {
				for _, headers := range [][]string{one, two} {
					got, want := look(t, p.url+path, headers), look(t, direct.URL+path, headers)
					if got != want {
						t.Errorf("%s, %q: nginx answers\n%+v, the node\n%+v", path, headers, got, want)
					}
					asked += 2
				}
			}
		}
		if n := s.count(path); n != asked && !strings.HasPrefix(path, "//") { // which the client writes otherwise
			t.Errorf("%s: the node was asked %d times of %d", path, n, asked)
		}
	}
	direct.Close()
	if got := look(t, p.url+"/partners/a/~key-of-a/feed.rss", clients[1]); got.status != http.StatusBadGateway {
		t.Errorf("without a node: %+v", got)
	}
	look(t, p.url+"/feeds/all.rss?logged", nil)
	eventually(t, func() error {
		if !strings.Contains(string(read(t, p.dir, "access.log")), "logged") || !strings.Contains(string(read(t, p.dir, "error.log")), "logged") {
			return fmt.Errorf("nothing is logged")
		}
		return nil
	})
	for _, name := range []string{"access.log", "error.log"} {
		if log := string(read(t, p.dir, name)); strings.Contains(log, "key-of") {
			t.Errorf("%s has a key:\n%s", name, log)
		}
	}
}

func TestNginxBoundsWhatIsSent(t *testing.T) {
	s, p := startStand(t, &stand{text: "v1", maxAge: 3600})
	for _, tc := range []struct {
		path string
		size int
		want int
	}{
		{"/hub", 8 << 10, http.StatusOK},
		{"/hub", 17 << 10, http.StatusRequestEntityTooLarge},
		{"/events", 4 << 20, http.StatusOK},
		{"/events/article.published", 3 << 20, http.StatusOK},
		{"/events", 4<<20 + 1, http.StatusRequestEntityTooLarge},
		{"/feeds/all.rss", 2 << 10, http.StatusRequestEntityTooLarge},
	} {
		before := s.count(tc.path)
		res, _, err := answer(client.Post(p.url+tc.path, "application/x-www-form-urlencoded", strings.NewReader(strings.Repeat("a", tc.size))))
		if err != nil || res.StatusCode != tc.want {
			t.Errorf("%d bytes to %s: %v %v, want %d", tc.size, tc.path, res, err, tc.want)
		}
		if reached := s.count(tc.path) > before; reached != (tc.want == http.StatusOK) {
			t.Errorf("%d bytes reached %s: %t", tc.size, tc.path, reached)
		}
	}
}

// post sends an event, and returns the status and what the answer says.
func post(t *testing.T, url string, body []byte, headers ...string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url+"/events", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, text, err := answer(client.Do(req))
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, text
}

// TestNginxPassesEventsOn has an event, which may be signed, arrive as it was sent, and at
// another node where one cannot store it.
func TestNginxPassesEventsOn(t *testing.T) {
	sent := zipped([]byte(galleryOf("harbour", "Harbour lights")))
	asked := 0
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer away.Close()
	stores := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost { // whether nginx is up
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(body, sent) || r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("X-Forwarded-For") != "127.0.0.1" ||
			r.Header.Get("Authorization") != "Bearer key" || r.Header.Get("Ce-Id") != "e1" {
			t.Errorf("%v: %d bytes arrive with %v", err, len(body), r.Header)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer stores.Close()
	p := startNginx(t, strings.TrimPrefix(away.URL, "http://"), strings.TrimPrefix(stores.URL, "http://"))
	for range 4 { // in turns
		if status, text := post(t, p.url, sent, "Content-Encoding", "gzip", "Authorization", "Bearer key", "Ce-Id", "e1"); status != http.StatusAccepted {
			t.Errorf("answered %d: %s", status, text)
		}
	}
	if asked == 0 {
		t.Error("the node that cannot store was never asked")
	}
}

// TestNginxOpensNothing sends without a key what programs of the machine may send.
func TestNginxOpensNothing(t *testing.T) {
	n := serve(t, gallerywire(t), loopback("GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR="+t.TempDir(), "GALLERYWIRE_INTAKE_OPEN_ON_LOOPBACK=true"))
	n.ready()
	p := startNginx(t, n.http)
	event := []byte(galleryOf("harbour", "Harbour lights"))
	if status, text := post(t, "http://"+n.http, event); status != http.StatusAccepted {
		t.Errorf("the node answers %d: %s", status, text)
	}
	for _, headers := range [][]string{nil, {"X-Forwarded-For", ""}, {"X-Forwarded-For", "127.0.0.1"}, {"Host", "localhost"}} {
		if status, text := post(t, p.url, event, headers...); status != http.StatusUnauthorized {
			t.Errorf("nginx answers %d to %q: %s", status, headers, text)
		}
	}
}

func TestNginxHandsTheRequestIDOn(t *testing.T) {
	s, p := startStand(t, &stand{text: "v1", maxAge: 3600})
	for i, tc := range []struct{ given, want string }{
		{"abc-1.2_3", "^abc-1\\.2_3$"},
		{"", "^[0-9a-f]{32}$"},
		{`"><script>`, "^[0-9a-f]{32}$"},
		{strings.Repeat("a", 65), "^[0-9a-f]{32}$"},
	} {
		headers := []string{"X-Request-Id", tc.given}
		res, _, err := get(fmt.Sprintf("%s/feeds/all.rss?%d", p.url, i), headers...)
		if err != nil {
			t.Fatal(err)
		}
		got := res.Header.Values("X-Request-Id")
		if len(got) != 1 || !regexp.MustCompile(tc.want).MatchString(got[0]) || s.last().Header.Get("X-Request-Id") != got[0] {
			t.Errorf("given %q the answer has %q, the node saw %q", tc.given, got, s.last().Header.Get("X-Request-Id"))
		}
	}
	one, _, err := get(p.url+"/feeds/all.rss?0", "X-Request-Id", "another")
	if err != nil || one.Header.Get("X-Request-Id") != "another" || one.Header.Get("X-Cache") != "HIT" {
		t.Errorf("from the cache: %v %v", one.Header, err)
	}
}

// TestNginxInFrontOfTheRealProgram has every address answered as the node answers,
// and finds whatever the node's Vary names that the cache's key does not.
func TestNginxInFrontOfTheRealProgram(t *testing.T) {
	environ := loopback("GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR="+t.TempDir())
	n := serve(t, gallerywire(t), environ)
	n.ready()
	run(t, environ, galleryOf("harbour", "Harbour lights"), "publish", "-")
	n.until("/feeds/all.rss", "Harbour lights")
	p := startNginx(t, n.http)
	direct := "http://" + n.http
	known := []string{"Accept-Encoding", "Sec-Fetch-Dest", "A-IM", "If-None-Match"}
	for _, path := range []string{
		"/", "/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json", "/sections/travel.atom", "/galleries/harbour", "/galleries/harbour.json",
		"/galleries/none", "/galleries", "/sections/travel", "/sitemap.xml", "/robots.txt", "/favicon.ico", "/feeds.opml", "/asyncapi.json", "/openapi.json",
		"/schemas/gallery.json", "/style.css", "/page.js",
	} {
		zip := []string{"Accept-Encoding", "gzip"}
		plain, zipped := look(t, direct+path, nil), look(t, direct+path, zip)
		got, picture := look(t, p.url+path, zip), path == "/favicon.ico" // which is compressed in itself
		if zipped := got.coding == "gzip" && got.body != plain.body; zipped == picture || zipped && got.tag != "" && got.tag == plain.tag {
			t.Errorf("%s is compressed: %t; tag %s, that of the plain form %s", path, zipped, got.tag, plain.tag)
		}
		ways := maps.Clone(readers)
		ways["one that has it"] = []string{"If-None-Match", plain.tag}
		ways["one that has it zip"] = append([]string{"If-None-Match", zipped.tag}, zip...)
		for range 2 {
			for name, headers := range ways {
				got, want := look(t, p.url+path, headers), look(t, direct+path, headers)
				if got != want {
					t.Errorf("%s, %s: nginx answers\n%+v, the node\n%+v", path, name, got, want)
				}
				for field := range strings.SplitSeq(got.vary, ",") {
					if field = strings.TrimSpace(field); field != "" && !slices.Contains(known, field) {
						t.Errorf("%s varies by %s, which the cache does not know", path, field)
					}
				}
			}
		}
	}
}

// TestNginxGivesEachPartnerItsOwn has two partners of a real node and the public ask for
// every address of a partner: only that partner ever gets what is for it alone.
func TestNginxGivesEachPartnerItsOwn(t *testing.T) {
	keys := map[string]string{"a": "key-of-a-12345678901234567890", "b": "key-of-b-12345678901234567890"}
	dir := t.TempDir()
	for name, key := range keys {
		write(t, filepath.Join(dir, name), []byte(key))
	}
	environ := loopback("GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR="+t.TempDir(), "GALLERYWIRE_LOG_REQUESTS=full",
		fmt.Sprintf("GALLERYWIRE_PARTNERS=[{name: a, access: {path_keys: true, keys: [{name: k, secret_file: %q}]}}, {name: b, access: {keys: [{name: k, secret_file: %q}]}}]", dir+"/a", dir+"/b"))
	n := serve(t, gallerywire(t), environ)
	n.ready()
	run(t, environ, strings.Replace(galleryOf("harbour", "Only for A"), `{"id"`, `{"rights":{"allow":["a"]},"id"`, 1), "publish", "-")
	direct, p := "http://"+n.http, startNginx(t, n.http)
	as := func(name string) []string { return []string{"Authorization", "Bearer " + keys[name]} }
	eventually(t, func() error {
		if got := look(t, direct+"/partners/a/feed.rss", as("a")); !strings.Contains(got.body, "Only for A") {
			return fmt.Errorf("A gets %+v", got)
		}
		return nil
	})
	keyed := "/partners/a/~" + keys["a"]
	for _, path := range []string{
		"/partners/a/feed.rss", "/partners/a/feed.atom", "/partners/a/feed.json", "/partners/a/", "/partners/a/galleries/harbour", "/partners/a/galleries/harbour.json",
		"/partners/a/archive/newest.atom", "/partners/b/feed.rss", "/partners/b/galleries/harbour.rss", keyed + "/feed.rss", keyed + "/", "/galleries/harbour", "/feeds/all.rss",
	} {
		plain := look(t, direct+path, as("a"))
		for range 2 {
			for name, headers := range map[string][]string{
				"A": as("a"), "B": as("b"), "the public": nil, "A by gzip": append(as("a"), "Accept-Encoding", "gzip"), "A who has it": append(as("a"), "If-None-Match", plain.tag),
				"B who has it": append(as("b"), "If-None-Match", plain.tag), "a person": {"Sec-Fetch-Dest", "document"},
			} {
				got, want := look(t, p.url+path, headers), look(t, direct+path, headers)
				if got != want {
					t.Errorf("%s, %s: nginx answers\n%+v, the node\n%+v", path, name, got, want)
				}
				allowed := strings.HasPrefix(path, keyed) || strings.HasPrefix(path, "/partners/a/") && strings.HasPrefix(name, "A")
				if strings.Contains(got.body, "Only for A") && !allowed {
					t.Errorf("%s: %s gets\n%s", path, name, got.body)
				}
			}
		}
	}
	for where, log := range map[string]string{"the node": n.log.String(), "nginx": string(read(t, p.dir, "access.log")) + string(read(t, p.dir, "error.log"))} {
		if strings.Contains(log, "key-of") {
			t.Errorf("the log of %s has a key:\n%s", where, log)
		}
	}
}

// TestNginxKeepsAPersonAndAReaderApart has somebody who is no browser say so in ways
// that a cache and a node might read differently, before anybody else comes.
func TestNginxKeepsAPersonAndAReaderApart(t *testing.T) {
	environ := loopback("GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR="+t.TempDir())
	n := serve(t, gallerywire(t), environ)
	n.ready()
	run(t, environ, galleryOf("harbour", "Harbour lights"), "publish", "-")
	n.until("/feeds/all.rss", "Harbour lights")
	for name, odd := range map[string][]string{
		"in capitals":     {"Sec-Fetch-Dest", "DOCUMENT"},
		"twice":           {"Sec-Fetch-Dest", "document", "Sec-Fetch-Dest", "document"},
		"first of two":    {"Sec-Fetch-Dest", "document", "Sec-Fetch-Dest", "empty"},
		"second of two":   {"Sec-Fetch-Dest", "empty", "Sec-Fetch-Dest", "document"},
		"in a list":       {"Sec-Fetch-Dest", "document, document"},
		"with white room": {"Sec-Fetch-Dest", " document "},
	} {
		p := startNginx(t, n.http)
		for _, path := range []string{"/feeds/all.rss", "/feeds/all.atom", "/galleries/harbour.json"} {
			look(t, p.url+path, odd)
			for _, who := range []string{"a reader", "a person", "a page's script"} {
				got, want := look(t, p.url+path, readers[who]), look(t, "http://"+n.http+path, readers[who])
				if got != want {
					t.Errorf("document %s, then %s, who gets\n%+v, want\n%+v", name, who, got, want)
				}
			}
			// In the coding of the odd one, which is the key that it could have taken.
			person := []string{"Sec-Fetch-Dest", "document"}
			if got, want := look(t, p.url+path, person), look(t, "http://"+n.http+path, person); got != want {
				t.Errorf("document %s, then a browser, which gets\n%+v, want\n%+v", name, got, want)
			}
		}
	}
}

// TestNginxKeepsNoDifference has readers ask for one in ways that a cache might not
// notice, while its own copy gets old: each gets the difference to what it has itself,
// or all of the feed.
func TestNginxKeepsNoDifference(t *testing.T) {
	environ := loopback("GALLERYWIRE_NATS_EMBEDDED_LISTEN=127.0.0.1:0", "GALLERYWIRE_NATS_EMBEDDED_DATA_DIR="+t.TempDir(), "GALLERYWIRE_HTTP_MAX_AGE=1s")
	n := serve(t, gallerywire(t), environ)
	n.ready()
	p := startNginx(t, n.http)
	publish := func(id, title string) string {
		run(t, environ, galleryOf(id, title), "publish", "-")
		n.until(feed, title)
		return look(t, "http://"+n.http+feed, nil).tag
	}
	have := publish("harbour", "Harbour lights")
	publish("dusk", "Dusk")
	for i, odd := range [][]string{
		{"A-IM", "vcdiff", "A-IM", "feed"},
		{"A-IM", "feed", "A-IM", "vcdiff"},
		{"A-IM", "vcdiff, feed"},
		{"A-IM", "vcdiff;q=0.5", "A-IM", "FEED"},
	} {
		eventually(t, func() error { // the cache has what comes before the next gallery
			if got := look(t, p.url+feed, nil); i > 0 && !strings.Contains(got.body, fmt.Sprintf("Dawn %d<", i-1)) {
				return fmt.Errorf("the cache has %s", got.body)
			}
			return nil
		})
		title := fmt.Sprintf("Dawn %d", i)
		publish(fmt.Sprintf("dawn-%d", i), title)
		eventually(t, func() error {
			got := look(t, p.url+feed, append([]string{"If-None-Match", have}, odd...))
			if !strings.Contains(got.body, title+"<") {
				return fmt.Errorf("%q: %s is missing:\n%s", odd, title, got.body)
			}
			if !strings.Contains(got.body, "Dusk") {
				t.Fatalf("%q: the reader gets the difference to what the cache has, %d:\n%s", odd, got.status, got.body)
			}
			return nil
		})
	}
}
