package receive_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/gallerywire/gallerywire/internal/store/credential"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// senders are Keys with the directory of their files, each named as its key.
type senders struct {
	*receive.Keys
	t       testing.TB
	dir     string
	log     *strings.Builder
	metrics *prometheus.Registry
}

// newSenders writes the secret of each key that has none into its file.
func newSenders(t testing.TB, o receive.KeysOptions) *senders {
	s := &senders{t: t, dir: t.TempDir(), log: new(strings.Builder), metrics: prometheus.NewRegistry()}
	for i, k := range o.Keys {
		if k.Secret == "" {
			o.Keys[i].File = filepath.Join(s.dir, k.Name)
			s.write(k.Name, secretOf(k.Kind, k.Name)+"\n")
		}
	}
	o.Network = func(client netip.Addr) string { return client.String() }
	o.Registerer, o.Logger = s.metrics, slog.New(slog.NewTextHandler(s.log, nil))
	s.Keys = receive.NewKeys(o)
	return s
}

func (s *senders) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// logged returns what was logged since the last call.
func (s *senders) logged() string {
	defer s.log.Reset()
	return s.log.String()
}

// secretOf is a secret of that kind that the name decides.
func secretOf(kind receive.Kind, name string) string {
	text := "the-secret-key-of-" + name + "-0123456789"
	if kind == receive.StandardWebhooks {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(text))
	}
	return text
}

// request is a request with the headers, and how often its body was read.
type request struct {
	header http.Header
	body   string
	broken error
	reads  int
}

func with(header ...string) *request {
	r := &request{header: http.Header{}, body: `{"id": "a"}`}
	for i := 0; i < len(header); i += 2 {
		r.header.Add(header[i], header[i+1])
	}
	return r
}

func bearer(token string) *request { return with("Authorization", "Bearer "+token) }

// signed is a request as a library of Standard Webhooks sends it.
func signed(t testing.TB, at time.Time, secrets ...string) *request {
	t.Helper()
	r := with("webhook-id", "msg_1", "webhook-timestamp", fmt.Sprint(at.Unix()))
	var signatures []string
	for _, text := range secrets {
		signer, err := standardwebhooks.NewWebhook(text)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := signer.Sign("msg_1", at, []byte(r.body))
		if err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, signature)
	}
	r.header.Set("webhook-signature", strings.Join(signatures, " "))
	return r
}

// pushed is a request as Superdesk sends it.
func pushed(secret string) *request {
	r := with()
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(r.body))
	r.header.Set("x-superdesk-signature", "sha1="+hex.EncodeToString(mac.Sum(nil)))
	return r
}

func (s *senders) admit(r *request) (receive.Sender, error) { return s.admitFrom("203.0.113.7", r) }

func (s *senders) admitFrom(client string, r *request) (receive.Sender, error) {
	req := httptest.NewRequest(http.MethodPost, "/events", nil)
	req.Header = r.header
	return s.Admit(req, netip.MustParseAddr(client), func() ([]byte, error) {
		r.reads++
		return []byte(r.body), r.broken
	})
}

// metric returns the value of the series with those values of labels.
func (s *senders) metric(name string, labels ...string) float64 {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() == name && cmp.Equal(values, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	s.t.Fatalf("there is no series %s of %v", name, labels)
	return 0
}

func (s *senders) count(key, result string) int {
	s.t.Helper()
	return int(s.metric("gallerywire_intake_requests_total", key, result))
}

// ofEachKind are keys, one of each kind.
func ofEachKind() []receive.Key {
	return []receive.Key{
		{Name: "blog", Kind: receive.Bearer, IDPrefix: "blog-"},
		{Name: "hooks", Kind: receive.StandardWebhooks, IDPrefix: "hooks-", GUIDPrefixes: []string{"urn:hooks:"}},
		{Name: "superdesk", Kind: receive.Superdesk},
	}
}

func TestAdmit(t *testing.T) {
	s := newSenders(t, receive.KeysOptions{Keys: ofEachKind()})
	now := time.Now()
	blog, hooks, desk := secretOf(receive.Bearer, "blog"), secretOf(receive.StandardWebhooks, "hooks"), secretOf(receive.Superdesk, "superdesk")
	other := secretOf(receive.StandardWebhooks, "another")
	change := func(r *request, name, value string) *request { r.header.Set(name, value); return r }
	cut := func(r *request, name string) *request { r.header.Del(name); return r }
	body := func(r *request, text string) *request { r.body = text; return r }
	for _, tt := range []struct {
		name    string
		request *request
		want    string // the key; empty: refused
		reads   int
	}{
		{"no proof", with(), "", 0},
		{"bearer", bearer(blog), "blog", 0},
		{"bearer in other letters", with("Authorization", "bEARER  "+blog+" "), "blog", 0},
		{"bearer and another scheme", with("Authorization", "Basic YTpi", "Authorization", "Bearer "+blog), "blog", 0},
		{"a wrong token", bearer(blog + "0"), "", 0},
		{"the hash of a token", bearer(credential.HashOf(blog).String()), "", 0},
		{"an empty token", bearer(""), "", 0},
		{"a very long token", bearer(strings.Repeat("a", 1<<20)), "", 0},
		{"a token as password", with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("blog:"+blog))), "", 0},
		{"a signing secret as token", bearer(desk), "", 0},
		{"signed", signed(t, now, hooks), "hooks", 1},
		{"signed by an old and a new secret", signed(t, now, other, hooks), "hooks", 1},
		{"signed by another", signed(t, now, other), "", 1},
		{"a signature of another version", change(signed(t, now, hooks), "webhook-signature", strings.Replace(signed(t, now, hooks).header.Get("webhook-signature"), "v1", "v1a", 1)), "", 1},
		{"signed, without an id", cut(signed(t, now, hooks), "webhook-id"), "", 0},
		{"signed, with another id", change(signed(t, now, hooks), "webhook-id", "msg_2"), "", 1},
		{"signed, without a time", cut(signed(t, now, hooks), "webhook-timestamp"), "", 0},
		{"signed, with another time", change(signed(t, now, hooks), "webhook-timestamp", fmt.Sprint(now.Unix()+1)), "", 1},
		{"signed, with a time that is no number", change(signed(t, now, hooks), "webhook-timestamp", now.Format(time.RFC3339)), "", 0},
		{"signed, yesterday", signed(t, now.Add(-24*time.Hour), hooks), "", 0},
		{"signed, other bytes", body(signed(t, now, hooks), `{"id": "b"}`), "", 1},
		{"signed, no bytes", body(signed(t, now, hooks), ""), "", 1},
		{"an id and a time alone", cut(signed(t, now, hooks), "webhook-signature"), "", 0},
		{"pushed", pushed(desk), "superdesk", 1},
		{"pushed, in capitals", change(pushed(desk), "x-superdesk-signature", "sha1="+strings.ToUpper(pushed(desk).header.Get("x-superdesk-signature")[5:])), "superdesk", 1},
		{"pushed with another secret", pushed(desk + "0"), "", 1},
		{"pushed, other bytes", body(pushed(desk), `{"id": "b"}`), "", 1},
		{"pushed, with a short signature", change(pushed(desk), "x-superdesk-signature", "sha1=00"), "", 0},
		{"pushed, without its hash's name", change(pushed(desk), "x-superdesk-signature", pushed(desk).header.Get("x-superdesk-signature")[5:]), "", 0},
		{"pushed, with another hash", change(pushed(desk), "x-superdesk-signature", "sha256="+strings.Repeat("0", 64)), "", 0},
		{"pushed with the secret of another kind", pushed(blog), "", 1},
		{"a right token and a wrong signature", change(pushed("wrong"), "Authorization", "Bearer "+blog), "blog", 0},
		{"a wrong token and a right signature", change(pushed(desk), "Authorization", "Bearer wrong"), "superdesk", 1},
		{"two signatures, the second right", change(signed(t, now, other), "x-superdesk-signature", pushed(desk).header.Get("x-superdesk-signature")), "superdesk", 1},
		{"two signatures, both wrong", change(signed(t, now, other), "x-superdesk-signature", pushed("wrong").header.Get("x-superdesk-signature")), "", 1},
	} {
		sender, err := s.admit(tt.request)
		if (err == nil) != (tt.want != "") || sender.Name != tt.want || err != nil && !errors.Is(err, receive.ErrUnauthorized) && !isTooMany(err) {
			t.Errorf("%s: admits %q: %v, want %q", tt.name, sender.Name, err, tt.want)
		}
		if tt.request.reads != tt.reads {
			t.Errorf("%s: the body was read %d times, want %d", tt.name, tt.request.reads, tt.reads)
		}
		if text := fmt.Sprint(err); strings.Contains(text, "secret-key") || strings.Contains(text, "whsec") {
			t.Errorf("%s: a secret is told: %s", tt.name, text)
		}
	}
	if sender, err := s.admit(signed(t, now, hooks)); err != nil || !cmp.Equal(sender, receive.Sender{Name: "hooks", Kind: receive.StandardWebhooks, IDPrefix: "hooks-", GUIDPrefixes: []string{"urn:hooks:"}}) {
		t.Errorf("%+v: %v", sender, err)
	}
	for series, want := range map[string]int{"blog admitted": 4, "hooks admitted": 3, "superdesk admitted": 4, "(unknown) missing_key": 3, "(unknown) too_many": 0} {
		key, result, _ := strings.Cut(series, " ")
		if got := s.count(key, result); got != want {
			t.Errorf("%s is %d, want %d", series, got, want)
		}
	}
}

func isTooMany(err error) bool {
	_, ok := errors.AsType[*receive.TooMany](err)
	return ok
}

// TestSuperdeskSignsAsPythonDoes has a signature that Python's hmac made.
func TestSuperdeskSignsAsPythonDoes(t *testing.T) {
	s := newSenders(t, receive.KeysOptions{Keys: []receive.Key{{Name: "desk", Kind: receive.Superdesk, Secret: "Superdesk's secret, é"}}})
	r := with("x-superdesk-signature", "sha1=06dfb5b8283264ea3d228cfa4f85d31fe2510940")
	r.body = `{"guid": "tag:example.com,2026:1", "type": "picture"}` + "\n"
	if _, err := s.admit(r); err != nil {
		t.Error(err)
	}
}

func TestReasonsOfARefusalAreToldOnlyWhereNoSecretDecides(t *testing.T) {
	s := newSenders(t, receive.KeysOptions{Keys: ofEachKind()})
	hooks := secretOf(receive.StandardWebhooks, "hooks")
	old := signed(t, time.Now().Add(-time.Hour), hooks)
	half := signed(t, time.Now(), hooks)
	half.header.Del("webhook-id")
	for want, r := range map[string]*request{
		": webhook-timestamp is more than 5m0s from the time here":                          old,
		": webhook-signature needs webhook-id, and webhook-timestamp in seconds since 1970": half,
		": x-superdesk-signature is not sha1= and 40 hexadecimal digits":                    with("x-superdesk-signature", "0123"),
		"": bearer("wrong"),
	} {
		if _, err := s.admit(r); err == nil || err.Error() != receive.ErrUnauthorized.Error()+want {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestASignatureIsGoodForFiveMinutes(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	s := newSenders(t, receive.KeysOptions{Keys: ofEachKind(), Now: func() time.Time { return now }})
	for after, good := range map[time.Duration]bool{
		0: true, 5 * time.Minute: true, -5 * time.Minute: true, 5*time.Minute + time.Second: false, -5*time.Minute - time.Second: false,
	} {
		if _, err := s.admit(signed(t, now.Add(-after), secretOf(receive.StandardWebhooks, "hooks"))); (err == nil) != good {
			t.Errorf("%s after it was made: %v", after, err)
		}
	}
}

func TestABodyThatCannotBeReadIsNoWrongKey(t *testing.T) {
	s := newSenders(t, receive.KeysOptions{Keys: ofEachKind()})
	broken := errors.New("too large")
	for range 100 {
		r := pushed("wrong")
		r.broken = broken
		if _, err := s.admit(r); !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	if n := s.count("(unknown)", "no_body"); n != 100 {
		t.Errorf("%d are counted", n)
	}
}

func TestBodiesAreNotReadForKindsThatNoKeyHas(t *testing.T) {
	s := newSenders(t, receive.KeysOptions{Keys: ofEachKind()[:1]})
	for _, r := range []*request{pushed("wrong"), signed(t, time.Now(), secretOf(receive.StandardWebhooks, "hooks"))} {
		if _, err := s.admit(r); !errors.Is(err, receive.ErrUnauthorized) || r.reads != 0 {
			t.Errorf("%v after %d reads", err, r.reads)
		}
	}
}

func TestSeveralSecretsAreGoodAtTheSameTime(t *testing.T) {
	for _, kind := range []receive.Kind{receive.Bearer, receive.StandardWebhooks, receive.Superdesk} {
		file := "# both, until everybody has the new one\n\n" + secretOf(kind, "old") + "\r\n  " + secretOf(kind, "new")
		s := newSenders(t, receive.KeysOptions{Keys: []receive.Key{{Name: "a", Kind: kind, Secret: file}}})
		for _, name := range []string{"old", "new", "other"} {
			r := bearer(secretOf(kind, name))
			switch kind {
			case receive.StandardWebhooks:
				r = signed(t, time.Now(), secretOf(kind, name))
			case receive.Superdesk:
				r = pushed(secretOf(kind, name))
			}
			if _, err := s.admit(r); (err == nil) != (name != "other") {
				t.Errorf("%s, the %s one: %v", kind, name, err)
			}
		}
	}
}

func TestWrongKeysAreLimitedByNetworkAndRightOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSenders(t, receive.KeysOptions{Keys: ofEachKind()})
		requests := []*request{bearer("wrong"), pushed("wrong"), signed(t, time.Now(), secretOf(receive.StandardWebhooks, "another")), signed(t, time.Time{}, secretOf(receive.StandardWebhooks, "hooks"))}
		limited := 0
		for i := range 1000 { // in a minute
			_, err := s.admit(requests[i%len(requests)])
			if tooMany, ok := errors.AsType[*receive.TooMany](err); ok {
				limited++
				if tooMany.RetryAfter < time.Second || tooMany.RetryAfter > 3*time.Second || !strings.Contains(err.Error(), "too many wrong keys") {
					t.Fatalf("%v, retry after %s", err, tooMany.RetryAfter)
				}
			}
			for _, right := range []*request{bearer(secretOf(receive.Bearer, "blog")), pushed(secretOf(receive.Superdesk, "superdesk"))} {
				if _, err := s.admit(right); err != nil {
					t.Fatalf("a right key after %d wrong ones: %v", i, err)
				}
			}
			time.Sleep(time.Minute / 1000)
		}
		if limited < 1000-60 || limited == 1000 {
			t.Errorf("%d wrong keys of 1,000 were limited", limited)
		}
		if _, err := s.admitFrom("198.51.100.1", bearer("wrong")); !errors.Is(err, receive.ErrUnauthorized) {
			t.Errorf("a wrong key from another network: %v", err)
		}
		if _, err := s.admit(with()); !errors.Is(err, receive.ErrUnauthorized) {
			t.Errorf("a request without a key, which guesses nothing: %v", err)
		}
	})
}

func TestTakeLimitsTheEventsOfEachSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSenders(t, receive.KeysOptions{Keys: ofEachKind(), OpenOnLoopback: true, RequestsPerMinute: 60})
		for _, sender := range []receive.Sender{{Name: "blog"}, {}} {
			if err := s.Take(sender, 50); err != nil {
				t.Fatal(err)
			}
			tooMany, ok := errors.AsType[*receive.TooMany](s.Take(sender, 20))
			if !ok || tooMany.RetryAfter != 10*time.Second || !strings.Contains(tooMany.Error(), "intake.requests_per_minute") {
				t.Errorf("%q: %v, retry after %v, want 10s", sender.Name, tooMany, tooMany)
			}
			time.Sleep(10 * time.Second)
			if err := s.Take(sender, 20); err != nil {
				t.Errorf("%q: after the wait: %v", sender.Name, err)
			}
		}
		if err := s.Take(receive.Sender{Name: "hooks"}, 1000); err != nil {
			t.Errorf("another sender, with a batch of more than a minute has: %v", err)
		}
		if n := s.count("blog", "over_rate"); n != 1 {
			t.Errorf("%d are counted", n)
		}
	})
	free := newSenders(t, receive.KeysOptions{Keys: ofEachKind()})
	for range 100 {
		if err := free.Take(receive.Sender{Name: "blog"}, 1000); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenOnLoopback(t *testing.T) {
	for _, tt := range []struct {
		name, from, host string
		header           []string
		want             bool
	}{
		{"this machine", "127.0.0.1:1234", "127.0.0.1:8080", nil, true},
		{"without a port", "127.0.0.1:1234", "localhost", nil, true},
		{"by name", "127.0.0.1:1234", "LocalHost:8080", nil, true},
		{"by IPv6", "[::1]:1234", "[::1]:8080", nil, true},
		{"by IPv6 without a port", "[::1]:1234", "[::1]", nil, true},
		{"mapped", "[::ffff:127.0.0.1]:1234", "127.1.2.3:8080", nil, true},
		{"another machine", "192.0.2.1:1234", "127.0.0.1:8080", nil, false},
		{"another machine that says it is this one", "192.0.2.1:1234", "localhost", []string{"X-Forwarded-For", "127.0.0.1"}, false},
		{"by another name", "127.0.0.1:1234", "news.example.com", nil, false},
		{"by a name that begins so", "127.0.0.1:1234", "localhost.example.com", nil, false},
		{"without a host", "127.0.0.1:1234", "", nil, false},
		{"by another address", "127.0.0.1:1234", "192.0.2.1:8080", nil, false},
		{"through a proxy", "127.0.0.1:1234", "127.0.0.1:8080", []string{"Forwarded", "for=127.0.0.1"}, false},
		{"through a proxy that tells the host", "127.0.0.1:1234", "127.0.0.1:8080", []string{"X-Forwarded-Host", "localhost"}, false},
		{"through a proxy with an empty header", "127.0.0.1:1234", "127.0.0.1:8080", []string{"X-Forwarded-For", ""}, false},
		{"through a cache", "127.0.0.1:1234", "127.0.0.1:8080", []string{"Via", "1.1 cache"}, false},
		{"from a page in a browser", "127.0.0.1:1234", "127.0.0.1:8080", []string{"Origin", "https://example.com"}, false},
		{"with a wrong key", "127.0.0.1:1234", "127.0.0.1:8080", []string{"Authorization", "Bearer wrong"}, false},
	} {
		for _, open := range []bool{true, false} {
			s := newSenders(t, receive.KeysOptions{Keys: ofEachKind(), OpenOnLoopback: open})
			r := httptest.NewRequest(http.MethodPost, "/events", nil)
			r.RemoteAddr, r.Host, r.Header = tt.from, tt.host, with(tt.header...).header
			sender, err := s.Admit(r, netip.MustParseAddr("127.0.0.1"), nil)
			if want := open && tt.want; (err == nil) != want || !cmp.Equal(sender, receive.Sender{}) {
				t.Errorf("%s, open: %t: %v %v", tt.name, open, sender, err)
			}
		}
	}
}

// TestFilesChangeWhileRequestsAreJudged is for the race detector.
func TestFilesChangeWhileRequestsAreJudged(t *testing.T) {
	s := newSenders(t, receive.KeysOptions{Keys: ofEachKind(), RequestsPerMinute: 1_000_000})
	var all sync.WaitGroup
	all.Go(func() {
		for i := range 200 {
			s.write("blog", secretOf(receive.Bearer, fmt.Sprint(i)))
			s.Reload()
			s.States()
		}
	})
	for i := range 4 {
		all.Go(func() {
			for range 200 {
				sender, err := s.admit(pushed(secretOf(receive.Superdesk, "superdesk")))
				if err != nil {
					t.Errorf("the key that does not change: %v", err)
					return
				}
				_, _ = s.admitFrom(fmt.Sprintf("203.0.113.%d", i), bearer(secretOf(receive.Bearer, "0"))) // right or wrong
				_ = s.Take(sender, 1)
			}
		})
	}
	all.Wait()
}
