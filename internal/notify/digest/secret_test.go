package digest_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// secret is in whatever of an address is secret, in any spelling.
const secret = "s3cr3t"

// evidence is everything that others may read of a test.
type evidence struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// collect gathers what is logged by any package, and printed.
func collect(t *testing.T) *evidence {
	t.Helper()
	e := &evidence{}
	log.SetOutput(e)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	return e
}

// Write implements [io.Writer].
func (e *evidence) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.all.Write(p)
}

func (e *evidence) logger(o *digest.Options) {
	o.Logger = slog.New(slog.NewTextHandler(e, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// add keeps what n shows of the notice, an error, and its metrics.
func (e *evidence) add(n *node, notice outbox.Notice, err error) {
	fmt.Fprintf(e, "%v %+v %#v %+v %s %+v\n", err, err, err, n.targets(notice), notice.Data, n.States())
	families, gatherErr := n.metrics.Gather()
	if gatherErr != nil {
		n.t.Error(gatherErr)
	}
	for _, f := range families {
		fmt.Fprintln(e, f)
	}
}

// wantNoSecret fails if there is no evidence, too.
func (e *evidence) wantNoSecret(t *testing.T) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if text := e.all.String(); text == "" || strings.Contains(strings.ToLower(text), secret) {
		t.Errorf("the secret is there, or nothing at all:\n%s", text)
	}
}

// diverted is the server that gets every call through the default transport; nil: those
// that are named. Deliveries that go on after their tests use the transport too, so it is
// set once.
var diverted atomic.Pointer[httptest.Server]

func TestMain(m *testing.M) {
	http.DefaultTransport = &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if s := diverted.Load(); s != nil {
				address = s.Listener.Addr().String()
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	m.Run()
}

// divert makes every connection through the default transport one to a server whose
// answers are given what was sent.
func divert(t *testing.T, answer func(w http.ResponseWriter, request string)) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer(w, fmt.Sprintf("%s %s %s %s", r.URL, r.Header, body, secret))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	diverted.Store(s)
	t.Cleanup(func() {
		diverted.Store(nil)
		s.Close()
	})
	return s
}

// chats are addresses of chats whose every secret has the secret in it, at a
// server.
func chats(host string) map[string]string {
	hex := "0123456789abcdef0123456789abcdef"
	return map[string]string{
		"discord":       "discord://" + secret + "-token@" + secret + "-webhook",
		"slack webhook": "slack://hook:S3CR3TAAA-S3CR3TBBB-s3cr3tccccccccccccc1234x@webhook",
		"slack api":     "slack://xoxb:123456789012-1234567890123-s3cr3taaaaaaaaaaaaaaaaaaa@C001CHANNEL",
		"telegram":      "telegram://110201543:s3cr3tdtTL0X3dTQFOwqXkh5iSZrH9IvZLh@telegram?chats=@s3cr3tchannel",
		"generic":       "generic://" + host + "/" + secret + "?token=" + secret + "&@authorization=" + secret,
		"custom":        "generic+https://user:" + secret + "@" + host + "/" + secret + "?token=" + secret,
		"pushover":      "pushover://shoutrrr:" + secret + "@" + secret + "user/",
		"ntfy":          "ntfy://user:" + secret + "@" + host + "/" + secret + "topic",
		"teams":         "teams://11111111-4444-4444-8444-cccccccccccc@22222222-4444-4444-8444-cccccccccccc/" + hex + "/33333333-4444-4444-8444-cccccccccccc/V2ESyij_gAljSoUQHvZoZYzlpAoAXExyOl26dlf1xHEx05?host=" + secret + ".webhook.office.com",
		"zulip":         "zulip://bot%40" + secret + ".example.com:" + secret + "@" + host + "/?stream=s",
		"googlechat":    "googlechat://chat.googleapis.com/v1/spaces/FOO/messages?key=" + secret + "&token=" + secret,
		"pushbullet":    "pushbullet://o.s3cr3taaaaaaaaaaaaaaaaaaaaaaaaaa",
		"mattermost":    "mattermost://user@" + host + "/" + secret + "?disabletls=yes",
		"matrix":        "matrix://:" + secret + "@" + host + "/?rooms=!room",
		"matrix login":  "matrix://s3cr3t:s3cr3t@" + host + "/?rooms=!room",
		"gotify":        "gotify://" + host + "/s3cr3t/As3cr3tabcdefgh",
		"lark":          "lark://open.larksuite.com/" + secret + "?secret=" + secret,
		"wecom":         "wecom://" + secret,
		"signal":        "signal://user:s3cr3t@" + host + "/+12025550100/+12025550101",
		"bark":          "bark://:s3cr3t@" + host + "/",
		"join":          "join://shoutrrr:s3cr3t@join/?devices=s3cr3t",
		"opsgenie":      "opsgenie://api.opsgenie.com/s3cr3t",
		"ifttt":         "ifttt://" + secret + "/?events=s3cr3tevent",
		"rocketchat":    "rocketchat://user@" + host + "/" + secret + "A/" + secret + "B/channel",
		"notifiarr":     "notifiarr://" + secret + "key",
	}
}

func TestSecretsOfChatsNeitherLoggedNorShown(t *testing.T) {
	var answer atomic.Value
	server := divert(t, func(w http.ResponseWriter, request string) {
		answer.Load().(func(http.ResponseWriter, string))(w, request)
	})
	s, e := withoutStore(t), collect(t)
	notice := s.noticeOf("a")
	for name, how := range map[string]func(http.ResponseWriter, string){
		"500": func(w http.ResponseWriter, request string) { http.Error(w, request, http.StatusInternalServerError) },
		"404": func(w http.ResponseWriter, request string) { http.Error(w, request, http.StatusNotFound) },
		"no":  func(w http.ResponseWriter, request string) { fmt.Fprintf(w, `{"ok": false, "error": %q}`, request) },
		"?":   func(w http.ResponseWriter, request string) { io.WriteString(w, request) },
		"moved": func(w http.ResponseWriter, request string) {
			w.Header().Set("Location", "https://user:"+secret+"@127.0.0.1:1/"+secret+"?"+secret)
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"hung up": func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) },
	} {
		answer.Store(how)
		var sending sync.WaitGroup
		for chat, address := range chats(server.Listener.Addr().String()) {
			n := s.node(to(address), e.logger, func(o *digest.Options) {
				o.Timeout = 300 * time.Millisecond // Discord's is tried again and again
			})
			sending.Go(func() {
				err := n.send(notice)
				if err == nil && name != "no" && name != "?" && name != "moved" {
					t.Errorf("%s, %s: no error", name, chat)
				}
				e.add(n, notice, err)
			})
		}
		sending.Wait()
	}
	e.wantNoSecret(t)
}

func TestErrorOfChatSaysWhy(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []struct {
		name, address string // with HOST
		status        int    // 0: no server
		want          string
		final         bool
	}{
		{"busy", "generic://HOST/s3cr3t?disabletls=yes", http.StatusServiceUnavailable, "generic 127.0.0.1: it answered 503 Service Unavailable", false},
		{"gone", "generic://HOST/s3cr3t?disabletls=yes", http.StatusGone, "generic 127.0.0.1: it answered 410 Gone: not tried again", true},
		{"away", "generic://HOST/s3cr3t?disabletls=yes", 0, "generic 127.0.0.1: its server refuses the connection", false},
		{"ntfy", "ntfy://user:s3cr3t@HOST/topic?scheme=http", http.StatusForbidden, "ntfy 127.0.0.1: it answered 403 Forbidden", false},
		{"gotify", "gotify://HOST/As3cr3tabcdefgh?disabletls=yes", http.StatusForbidden, "gotify 127.0.0.1: it answered 403 Forbidden", false},
		{"mattermost", "mattermost://HOST/s3cr3t?disabletls=yes", http.StatusForbidden, "mattermost 127.0.0.1: it answered 403 Forbidden", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, chat := withoutStore(t), newChat(t)
			host := strings.TrimPrefix(chat.URL, "http://")
			if chat.status = c.status; c.status == 0 {
				host = strings.TrimPrefix(gone.URL, "http://")
			}
			n := s.node(to(strings.Replace(c.address, "HOST", host, 1)))
			wantReason(t, n.send(s.noticeOf("a")), c.want, c.final)
		})
	}
}

func TestSecretsOfMailNeitherLoggedNorShown(t *testing.T) {
	e := collect(t)
	for _, c := range []struct {
		name, command, answer string
		want                  string
		final                 bool
	}{
		{"password", "AUTH", "535 no user " + secret + " with " + secret, "its server rejects the login with 535: check user and password", false},
		{"greeting", "", "554 go away " + secret, "its server does not accept mail now, with 554", false},
		{"hello", "EHLO", "421-" + secret + "\n421 " + secret, "its server does not accept mail now, with 421", false},
		{"sender", "MAIL", "451 " + secret + " not now", "its server does not accept mail now, with 451", false},
		{"recipient", "RCPT", "550 " + secret + " is unknown", "its server refuses the mail with 550: not tried again", true},
		{"content", "DATA", "554 spam of " + secret, "its server refuses the mail with 554: not tried again", true},
		{"nonsense", "RCPT", secret, "it did not accept the message", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, server := withoutStore(t), newMailServer(t, func(m *mailServer) { m.answers[c.command] = c.answer })
			address := strings.Replace(server.address("from=s3cr3t@example.com&fromname=s3cr3t&to=s3cr3t@example.org"), "://", "://s3cr3t:s3cr3t@", 1)
			n := s.node(to(address), e.logger)
			notice := s.noticeOf("a")
			err := n.send(notice)
			e.add(n, notice, err)
			wantReason(t, err, "smtp "+server.listener.Addr().String()+": "+c.want, c.final)
			if len(server.all()) != 0 {
				t.Error("the mail was accepted")
			}
		})
	}
	e.wantNoSecret(t)
}

func TestMailEncrypted(t *testing.T) {
	t.Parallel()
	certificate := httptest.NewTLSServer(nil)
	t.Cleanup(certificate.Close)
	able := func(m *mailServer) { m.tls = certificate.TLS }
	unable := func(*mailServer) {}
	implicit := func(m *mailServer) { m.tls, m.implicit = certificate.TLS, true }
	for _, c := range []struct {
		name, user, options string
		server              func(*mailServer)
		want                string // of the error
		commands            string
	}{
		{"where the server can", "user:s3cr3t@", "&skiptlsverify=yes", able, "", "EHLO STARTTLS EHLO AUTH MAIL RCPT DATA QUIT"},
		{"from the beginning", "user:s3cr3t@", "&encryption=ImplicitTLS&skiptlsverify=yes", implicit, "", "EHLO AUTH MAIL RCPT DATA QUIT"},
		{"by a server we trust", "user:s3cr3t@", "", able, "its server is not trusted: check its certificate", "EHLO STARTTLS"},
		{"not where the server cannot", "", "", unable, "", "EHLO MAIL RCPT DATA QUIT"},
		{"or not sent", "", "&requirestarttls=yes", unable, "its server offers no encryption", "EHLO"},
		{"or no token is sent", "user:s3cr3t@", "&auth=OAuth2", unable, "its server offers no encryption", "EHLO"},
		{"with a token", "user:s3cr3t@", "&auth=OAuth2&skiptlsverify=yes", able, "", "EHLO STARTTLS EHLO AUTH MAIL RCPT DATA QUIT"},
		{"not where it is not wanted", "", "&usestarttls=no", able, "", "EHLO MAIL RCPT DATA QUIT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, server := withoutStore(t), newMailServer(t, c.server)
			address := strings.Replace(server.address("from=a@example.com&to=b@example.org"), "://", "://"+c.user, 1)
			n := s.node(to(address + c.options))
			if err := n.send(s.noticeOf("a")); c.want != "" {
				wantReason(t, err, "smtp "+server.listener.Addr().String()+": "+c.want, false)
			} else if err != nil {
				t.Error(err)
			}
			if got := strings.Join(server.commands(), " "); got != c.commands {
				t.Errorf("commands %s, want %s", got, c.commands)
			}
		})
	}
}

func wantReason(t *testing.T, err error, want string, final bool) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if got := err != nil && strings.HasSuffix(err.Error(), outbox.ErrFinal.Error()); got != final {
		t.Errorf("final: %v", got)
	}
}

func TestTelegram(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		status       int
		want         string // of the error
		after        time.Duration
	}{
		{"taken", `{"ok":true,"result":{}}`, http.StatusOK, "", 0},
		{"not taken", `{"ok":false,"description":"s3cr3t"}`, http.StatusOK, "telegram: it did not accept the message: its answer was not understood", 0},
		{"too many", `{"ok":false,"parameters":{"retry_after":35}}`, http.StatusTooManyRequests, "telegram: it answered 429 Too Many Requests", 35 * time.Second},
		{"down", "s3cr3t", http.StatusBadGateway, "telegram: it answered 502 Bad Gateway", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			divert(t, func(w http.ResponseWriter, request string) {
				if !strings.HasPrefix(request, "/bot") {
					return // shoutrrr cannot be stopped: it may still send what a test before had it send
				}
				got = append(got, request)
				w.WriteHeader(c.status)
				io.WriteString(w, c.answer)
			})
			s := withoutStore(t)
			n := s.node(to("telegram://110201543:s3cr3tdtTL0X3dTQFOwqXkh5iSZrH9IvZLh@telegram?chats=@channel,-100123:7&preview=no"))
			payload, err := n.Pack(t.Context(), s.noticeOf("a"))
			if err != nil {
				t.Fatal(err)
			}
			for _, to := range n.targets(outbox.Notice{About: "travel"}) {
				err = payload.Send(t.Context(), to)
				if got := fmt.Sprint(err); got != cmp.Or(c.want, "<nil>") {
					t.Errorf("error %s, want %q", got, c.want)
				}
			}
			var later *outbox.RetryError
			if errors.As(err, &later); c.after > 0 != (later != nil) || later != nil && later.After != c.after {
				t.Errorf("later %+v", later)
			}
			if len(got) != 2 || !strings.Contains(got[0], "/bot110201543:s3cr3tdtTL0X3dTQFOwqXkh5iSZrH9IvZLh/sendMessage ") ||
				!strings.Contains(got[0], `"chat_id":"@channel"`) || !strings.Contains(got[0], `"disable_web_page_preview":true`) ||
				!strings.Contains(got[1], `"chat_id":"-100123","message_thread_id":7`) || !strings.Contains(got[1], `Gallery a`) {
				t.Errorf("Telegram got %q", got)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"smtp://user:p%40ss@mail.example.com:587/?from=a@example.com&to=b@example.com": "",
		"smtp://mail.example.com/?from=a@example.com&to=b+c@example.com":               "",
		"matrix://user:s3cr3t@matrix.invalid/?rooms=!room":                             "", // without logging in
		"":                  "not an address",
		"s3cr3t":            "not an address",
		"s3cr3t@example":    "not an address",
		"smtp://%zzs3cr3t":  "not an address",
		"smtp:":             "not an address",
		"s3cr3t://host":     "no such service",
		"logger://":         "not an address",
		"logger://x":        "sends no messages",
		"discord://s3cr3t":  "not an address of discord",
		"telegram://s3cr3t": "not an address of telegram",
		"slack://s3cr3t":    "not an address of slack",
		"teams://s3cr3t":    "not an address of teams",
		"smtp://user:s3cr3t@mail.example.com/?to=b@example.com":                                  "a sender",
		"smtp://user:s3cr3t@mail.example.com/?from=s3cr3t@example.com":                           "a recipient",
		"smtp://user:s3cr3t@mail.example.com/?from=s3cr3t&to=b@example.com":                      "the sender is not a mail address",
		"smtp://user:s3cr3t@mail.example.com/?from=a@example.com&to=b@example.com,s3cr3t":        "recipient 2 is not a mail address",
		"smtp://user:s3cr3t@mail.example.com/?from=a@example.com&to=b@x.org%0D%0ABcc:s3cr3t@x.y": "recipient 1 is not a mail address",
		"smtp://user:s3cr3t@mail.example.com/?from=a@example.com&to=b@example.com&s3cr3t=1":      "option of the mail address is wrong",
		"smtp://user:12/s3cr3t@mail.example.com/?from=a@example.com&to=b@example.com":            "not an address",
		"smtp://user:s3cr3t@mail.example.com/?from=ü@example.com&to=b@example.com":               "the sender is not a mail address",
		"smtp:///?from=a@example.com&to=b@example.com":                                           "not an address",
	} {
		err := digest.Check(address)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", address, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want %q", address, err, want)
		case err != nil && strings.Contains(err.Error(), secret):
			t.Errorf("%s: the secret is in %v", address, err)
		}
	}
}

func TestNewNamesWrongAddresses(t *testing.T) {
	t.Parallel()
	_, err := digest.New(digest.Options{Digests: []digest.Definition{{Name: "travel", To: []string{"discord://a@b", "discord://s3cr3t", "s3cr3t"}}}})
	if err == nil || !strings.Contains(err.Error(), `digest "travel": to[1]: `) || !strings.Contains(err.Error(), "to[2]: ") || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	for _, address := range chats("127.0.0.1:1") {
		f.Add(address)
	}
	f.Add("smtp://user:s3cr3t@mail.example.com/?from=a@example.com&to=b@example.com&timeout=s3cr3t")
	f.Fuzz(func(t *testing.T, address string) {
		if err := digest.Check(address); err != nil && strings.Contains(address, secret) && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the secret is in %v", address, err)
		}
	})
}
