package broker_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

// logLines passes on what is logged as warning or error, and drops what nobody
// takes.
type logLines chan string

func (l logLines) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default:
	}
	return len(p), nil
}

func (l logLines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// stop stops the server and waits until the broker has noticed.
func stop(t *testing.T, server *brokertest.External, b *broker.Broker) {
	t.Helper()
	noticed := b.Conn().StatusChanged(nats.RECONNECTING)
	server.Stop()
	storetest.Receive(t, "the loss of the connection", noticed)
}

func TestConnectionIsLostAndComesBack(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	var log logBuffer
	b := open(t, broker.Options{URL: server.URL(), Logger: log.logger(slog.LevelWarn)})
	again := make(chan struct{}, 8)
	b.OnReconnect(func() { again <- struct{}{} })
	for range 2 {
		stop(t, server, b)
		wantError(t, b.Status(), "no connection to nats at "+server.URL(), "trying again")
		if err := b.Conn().Publish("x", nil); !errors.Is(err, nats.ErrReconnectBufExceeded) {
			t.Errorf("publish while away: %v", err)
		}
		_, err := b.Bucket(t.Context(), "galleries")
		wantError(t, err, "bucket gallerywire_galleries: nats is away")
		if !errors.Is(err, nats.ErrReconnectBufExceeded) {
			t.Errorf("a bucket while away: %v", err)
		}
		server.Start()
		storetest.Receive(t, "the call after a reconnection", again)
		if err := b.Status(); err != nil {
			t.Errorf("status: %v", err)
		}
		if _, err := b.Bucket(t.Context(), "galleries"); err != nil {
			t.Errorf("bucket after a reconnection: %v", err)
		}
	}
	if got := strings.Count(log.String(), "lost the connection"); got != 2 {
		t.Errorf("two losses are logged %d times:\n%s", got, log.String())
	}
}

func TestOpenWhileNATSIsAway(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	server.Stop()
	b := open(t, broker.Options{URL: server.URL()})
	if b.Embedded() {
		t.Error("embedded")
	}
	connected := make(chan struct{}, 8)
	b.OnReconnect(func() { connected <- struct{}{} })
	wantError(t, b.Status(), "no connection to nats at "+server.URL())
	server.Start()
	storetest.Receive(t, "the first connection", connected)
	if err := b.Status(); err != nil {
		t.Errorf("status: %v", err)
	}
}

func TestCloseWhileNATSIsAway(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	b := open(t, broker.Options{URL: server.URL()})
	stop(t, server, b)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestRefusedConnectionIsReportedAndRetried(t *testing.T) {
	t.Parallel()
	node := brokertest.Start(t, func(o *broker.Options) { o.Embedded.PublisherToken = "needed" })
	log := make(logLines, 64)
	url := strings.Replace(node.PublisherURL(), "//", "//user:hidden@", 1)
	b := open(t, broker.Options{URL: url, Logger: log.logger()})
	if line := storetest.Receive(t, "the first try", log); !strings.Contains(line, "no connection to nats yet: trying again") || strings.Contains(line, "hidden") {
		t.Errorf("log: %s", line)
	}
	err := b.Status()
	wantError(t, err, "nats does not accept this user: check nats.credentials_file", "trying again")
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("the password is in %q", err)
	}
	if b.Conn().IsClosed() {
		t.Error("given up")
	}
}

func TestPublisherURLHidesCredentials(t *testing.T) {
	t.Parallel()
	b := open(t, broker.Options{URL: "nats://user:hidden@127.0.0.1:1, 127.0.0.1:2"})
	if got, want := b.PublisherURL(), "nats://127.0.0.1:1,nats://127.0.0.1:2"; got != want {
		t.Errorf("publisher url %q, want %q", got, want)
	}
	if err := b.Status(); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("status %v", err)
	}
}

func TestWrongOptionsForURL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing")
	const url = "nats://127.0.0.1:4222"
	for name, c := range map[string]struct {
		options broker.Options
		says    string
	}{
		"no port number":      {broker.Options{URL: "nats://u:hidden@host:x"}, "invalid port"},
		"other scheme":        {broker.Options{URL: "https://u:hidden@host"}, `unknown scheme "https"`},
		"no host":             {broker.Options{URL: "nats://"}, "no host"},
		"one of several":      {broker.Options{URL: url + ",,"}, "no host"},
		"credentials missing": {broker.Options{URL: url, CredentialsFile: missing}, "nats credentials: open " + missing},
		"credentials empty":   {broker.Options{URL: url, CredentialsFile: empty}, "no user"},
		"authority missing":   {broker.Options{URL: url, TLS: broker.TLS{CAFile: missing}}, "nats tls: "},
		"authority empty":     {broker.Options{URL: url, TLS: broker.TLS{CAFile: empty}}, "nats tls: "},
		"certificate missing": {broker.Options{URL: url, TLS: broker.TLS{CertFile: missing, KeyFile: missing}}, "nats tls: "},
		"certificate no key":  {broker.Options{URL: url, TLS: broker.TLS{CertFile: empty}}, "go together"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := broker.Open(t.Context(), c.options)
			wantError(t, err, c.says)
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

// The error names the key of the configuration, which the server's words leave open.
func TestRefusalsNameTheKey(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	alone := open(t, broker.Options{URL: server.URL(), Replicas: 3})
	_, err := alone.Bucket(t.Context(), "galleries")
	wantError(t, err, "bucket gallerywire_galleries: nats is no cluster there, and keeps one copy: set nats.replicas to 1")

	log := make(logLines, 64)
	b := open(t, broker.Options{URL: strings.Replace(server.URL(), "nats://", "tls://", 1), Logger: log.logger()})
	storetest.Receive(t, "the first try", log)
	wantError(t, b.Status(), "nats speaks no TLS there: have it do so, or write nats:// in nats.url")
}
