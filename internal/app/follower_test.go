package app_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// follower is many subscribers, each at a path of its own. It is written from the
// Recommendation of WebSub alone.
type follower struct {
	t      testing.TB
	server *httptest.Server
	secret string

	mu     sync.Mutex
	asked  map[string]string // what it asked for, by path: the mode and the topic
	agreed map[string]string // what it confirmed
	denied []string          // the topics of its denials
	got    map[string][]got  // deliveries, by path
	under  map[string]int    // deliveries under way, by path
	refuse func(path string) int

	follows, began map[string]string // by path: the feed that subscribe had it subscribe to, and what that was then
	entry          chan struct{}     // receives each delivery; nil: none
}

// got is one delivery.
type got struct {
	header http.Header
	body   string
}

func newFollower(t testing.TB) *follower {
	t.Helper()
	f := &follower{
		t: t, secret: "a secret that nobody guesses",
		asked: map[string]string{}, agreed: map[string]string{}, got: map[string][]got{}, under: map[string]int{},
		follows: map[string]string{}, began: map[string]string{},
	}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

// ask asks the hub of a node for something about a topic, for the subscriber at
// path.
func (f *follower) ask(hub, mode, path, topic string) {
	f.t.Helper()
	f.mu.Lock()
	f.asked[path] = mode + " " + topic
	f.mu.Unlock()
	form := url.Values{"hub.mode": {mode}, "hub.topic": {topic}, "hub.callback": {f.server.URL + path}, "hub.secret": {f.secret}}
	resp, err := http.PostForm(hub, form)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusAccepted {
		f.t.Fatalf("%s %s: %s %s", mode, topic, resp.Status, text)
	}
}

// confirmed is how many subscribers have confirmed what they asked for last.
func (f *follower) confirmed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for path, what := range f.asked {
		if f.agreed[path] == what {
			n++
		}
	}
	return n
}

// ServeHTTP implements [http.Handler].
func (f *follower) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		f.confirm(w, r)
		return
	}
	f.mu.Lock()
	f.under[r.URL.Path]++
	if f.under[r.URL.Path] > 1 {
		f.t.Errorf("%s: two deliveries at once", r.URL.Path)
	}
	f.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.under[r.URL.Path]--
	if err != nil {
		return // the hub was killed
	}
	if f.refuse != nil {
		if status := f.refuse(r.URL.Path); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	mac := hmac.New(sha256.New, []byte(f.secret))
	mac.Write(body)
	if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); r.Header.Get("X-Hub-Signature") != want {
		f.t.Errorf("%s: signature %q, want %q", r.URL.Path, r.Header.Get("X-Hub-Signature"), want)
	}
	f.got[r.URL.Path] = append(f.got[r.URL.Path], got{r.Header, string(body)})
	if f.entry != nil {
		f.entry <- struct{}{}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (f *follower) confirm(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	if q.Get("hub.mode") == "denied" && q.Get("hub.reason") != "" {
		f.denied = append(f.denied, q.Get("hub.topic"))
		return
	}
	what := q.Get("hub.mode") + " " + q.Get("hub.topic")
	if f.asked[r.URL.Path] != what {
		http.NotFound(w, r)
		return
	}
	f.agreed[r.URL.Path] = what
	_, _ = io.WriteString(w, q.Get("hub.challenge"))
}

// received returns what was delivered at a path.
func (f *follower) received(path string) []got {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got[path])
}

// forget forgets what was delivered so far.
func (f *follower) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.got)
}

// last is what was delivered last at a path; empty: nothing.
func (f *follower) last(path string) string {
	all := f.received(path)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1].body
}

// mailbox is a mail server that takes everything.
type mailbox struct {
	address string

	mu    sync.Mutex
	mails []string
}

func newMailbox(t testing.TB) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{address: l.Addr().String()}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { m.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return m
}

// serve is RFC 5321 as far as it is needed.
func (m *mailbox) serve(conn net.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "220 mail.example.com\r\n")
	for lines := textproto.NewReader(bufio.NewReader(conn)); ; {
		line, err := lines.ReadLine()
		if err != nil {
			return
		}
		switch command, _, _ := strings.Cut(strings.ToUpper(line), " "); command {
		case "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			data, err := lines.ReadDotBytes()
			if err != nil {
				return
			}
			m.mu.Lock()
			m.mails = append(m.mails, string(data))
			m.mu.Unlock()
			fmt.Fprint(conn, "250 thanks\r\n")
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 yes\r\n")
		}
	}
}

func (m *mailbox) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.mails)
}
