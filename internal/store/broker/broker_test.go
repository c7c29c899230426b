package broker_test

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// wantError ignores case.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(part)) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

func open(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	b, err := broker.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestOpenEmbeddedIsConnected(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	if err := b.Status(); err != nil {
		t.Errorf("status: %v", err)
	}
	if !b.Embedded() {
		t.Error("not embedded")
	}
	if got, want := b.MaxPayload(), int64(8<<20); got != want {
		t.Errorf("max payload %d, want %d", got, want)
	}
	if url := b.PublisherURL(); !strings.HasPrefix(url, "nats://127.0.0.1:") || strings.HasSuffix(url, ":0") {
		t.Errorf("publisher url %q is not what was bound", url)
	}
	if got := b.Name("intake"); got != "gallerywire_intake" {
		t.Errorf("name %q", got)
	}
}

func TestOpenEmbeddedThatListensNowhere(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, func(o *broker.Options) { o.Embedded.Listen = "" })
	if url := b.PublisherURL(); url != "" {
		t.Errorf("publisher url %q, want none", url)
	}
	if _, err := b.Bucket(t.Context(), "galleries"); err != nil {
		t.Error(err)
	}
}

func TestCloseTwiceReturnsTheSame(t *testing.T) {
	t.Parallel()
	b := open(t, brokertest.Options(t))
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	wantError(t, b.Status(), "closed")
}

func TestDirectoryIsLockedWhileOpen(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	first := open(t, o)
	_, err := broker.Open(t.Context(), o)
	wantError(t, err, "lock the data directory "+o.Embedded.DataDir, "another process")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, o)
}

func TestRestartKeepsDataAndNoSecret(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := open(t, o)
	if _, err := b.Bucket(t.Context(), "galleries"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.JetStream().Publish(t.Context(), "$KV.gallerywire_galleries.a", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	secret := readFile(t, o, "secret")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b = open(t, o)
	if again := readFile(t, o, "secret"); again == secret || len(strings.TrimSpace(again)) < 32 {
		t.Errorf("the secret is %q, and was %q", again, secret)
	}
	bucket, err := b.Bucket(t.Context(), "galleries")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := bucket.GetLastMsgForSubject(t.Context(), "$KV.gallerywire_galleries.a")
	if err != nil || string(msg.Data) != "kept" {
		t.Errorf("got %v, %v", msg, err)
	}
}

func readFile(t *testing.T, o broker.Options, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.Embedded.DataDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSecretAndSocketAreForTheOwnerOnly(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	if err := os.Mkdir(o.Embedded.DataDir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := open(t, o)
	admin := b.ListenAdmin()
	if admin == nil {
		t.Fatal("no socket for operators")
	}
	defer admin.Close()
	for _, name := range []string{"secret", "socket", "admin"} {
		info, err := os.Stat(filepath.Join(o.Embedded.DataDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"socket", "admin"} {
		if _, err := os.Stat(filepath.Join(o.Embedded.DataDir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s outlives the server: %v", name, err)
		}
	}
}

// takenPort returns an address at which somebody else listens.
func takenPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestTakenPort(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	o.Embedded.Listen = takenPort(t)
	_, err := broker.Open(t.Context(), o)
	wantError(t, err, "listen on "+o.Embedded.Listen, "address already in use", "nats.embedded.listen")

	o.Embedded.ListenElsewhere = true
	b := open(t, o)
	if url := b.PublisherURL(); url == "nats://"+o.Embedded.Listen {
		t.Errorf("listens on the taken port %s", url)
	}
	connect(t, b.PublisherURL())
}

func TestWrongListenAddresses(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "192.0.2.1:0"} {
		t.Run(listen, func(t *testing.T) {
			o := brokertest.Options(t)
			o.Embedded.Listen = listen
			_, err := broker.Open(t.Context(), o)
			wantError(t, err, "listen on "+listen)
		})
	}
}

func TestServerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	if err := os.MkdirAll(o.Embedded.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(o.Embedded.DataDir, "jetstream")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := broker.Open(t.Context(), o)
	wantError(t, err, "start nats in "+o.Embedded.DataDir, "jetstream")

	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	open(t, o)
}

func TestListenOnEveryAddress(t *testing.T) {
	t.Parallel()
	var log logBuffer
	b := brokertest.Start(t, func(o *broker.Options) {
		o.Embedded.Listen = "0.0.0.0:0"
		o.Logger = log.logger(slog.LevelWarn)
	})
	if url := b.PublisherURL(); !strings.HasPrefix(url, "nats://127.0.0.1:") {
		t.Errorf("publisher url %s", url)
	}
	if logged := log.String(); !strings.Contains(logged, "publisher_token_file") {
		t.Errorf("no warning that everybody may publish: %q", logged)
	}
}

func TestReplicasNeedACluster(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	o.Replicas = 3
	_, err := broker.Open(t.Context(), o)
	wantError(t, err, "replicas is 3")
}

func TestMessageOfMaxPayloadIsTaken(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	received := subscribe(t, b.Conn(), "big")
	const size = 8 << 20
	if err := b.Conn().Publish("big", make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if got := len(storetest.Receive(t, "the message", received).Data); got != size {
		t.Errorf("%d bytes arrived", got)
	}
	if err := b.Conn().Publish("big", make([]byte, size+1)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("one byte more: %v", err)
	}
}

// subscribe returns once the server knows of the subscription.
func subscribe(t *testing.T, nc *nats.Conn, subject string) <-chan *nats.Msg {
	t.Helper()
	received := make(chan *nats.Msg, 64)
	if _, err := nc.ChanSubscribe(subject, received); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return received
}

func connect(t *testing.T, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append(options, nats.Timeout(storetest.WaitLimit))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func TestStoredIsWhatTheEmbeddedServerHolds(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := open(t, o)
	if _, err := b.Bucket(t.Context(), "galleries"); err != nil {
		t.Fatal(err)
	}
	empty, limit := b.Stored()
	if _, err := b.JetStream().Publish(t.Context(), "$KV."+b.Name("galleries")+".a", make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	if full, _ := b.Stored(); full-empty < 100_000 || full-empty > 200_000 || full > limit {
		t.Errorf("%d bytes, before %d, of %d", full, empty, limit)
	}
	if used, limit := brokertest.Start(t, func(o *broker.Options) { o.URL, o.Embedded = brokertest.Server(t).URL(), broker.Embedded{} }).Stored(); used != 0 || limit != 0 {
		t.Errorf("of a server elsewhere: %d bytes of %d", used, limit)
	}
}
