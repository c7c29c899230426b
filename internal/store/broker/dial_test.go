package broker_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

func TestOperatorReachesTheRunningServer(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	node := open(t, o)
	if _, err := node.Bucket(t.Context(), "galleries"); err != nil {
		t.Fatal(err)
	}
	operator, err := broker.DialOperator(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if operator.Embedded() {
		t.Error("an operator with a server of its own")
	}
	if _, err := operator.JetStream().Publish(t.Context(), record, nil); err != nil {
		t.Error(err)
	}
	if err := operator.Close(); err != nil {
		t.Error(err)
	}
	if err := node.Status(); err != nil {
		t.Errorf("the server went with the operator: %v", err)
	}
}

func TestOperatorOfAServerElsewhere(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	operator, err := broker.DialOperator(t.Context(), broker.Options{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	if _, err := operator.Bucket(t.Context(), "galleries"); err != nil {
		t.Error(err)
	}
	server.Stop()
	_, err = broker.DialOperator(t.Context(), broker.Options{URL: server.URL()})
	wantError(t, err, "connect to nats at "+server.URL())
}

func TestOperatorWhereNothingRuns(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	const hint = `: start "gallerywire serve" first`
	_, err := broker.DialOperator(t.Context(), o)
	wantError(t, err, "no gallerywire is running on "+o.Embedded.DataDir+"/"+hint)
	_, err = broker.DialAdmin(o)
	wantError(t, err, "no gallerywire is running on "+o.Embedded.DataDir+"/"+hint)

	b := open(t, o)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = broker.DialOperator(t.Context(), o)
	wantError(t, err, "no gallerywire is running on "+o.Embedded.DataDir+"/"+hint)

	// As a process leaves it that was killed.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(o.Embedded.DataDir, "socket")})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = broker.DialOperator(t.Context(), o)
	wantError(t, err, "no gallerywire is running on "+o.Embedded.DataDir+"/"+hint)
	open(t, o)
	operator, err := broker.DialOperator(t.Context(), o)
	if err != nil {
		t.Fatalf("after a start: %v", err)
	}
	if err := operator.Close(); err != nil {
		t.Error(err)
	}
}

func TestSecretIsRefusedOverTheNetwork(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := open(t, o)
	secret := strings.TrimSpace(readFile(t, o, "secret"))
	if _, err := nats.Connect(b.PublisherURL(), nats.UserInfo("gallerywire", secret)); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connect: %v", err)
	}
}

func TestOperatorOfALongDirectory(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	o.Embedded.DataDir = filepath.Join(t.TempDir(), strings.Repeat("long/", 40))
	open(t, o)
	operator, err := broker.DialOperator(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := operator.Close(); err != nil {
		t.Error(err)
	}
	links, err := filepath.Glob(filepath.Join(os.TempDir(), "gw*", "d"))
	for _, link := range links {
		if to, _ := os.Readlink(link); to == o.Embedded.DataDir {
			t.Errorf("%s is left behind", link)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func TestOperatorConnectsAgainAfterARestart(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := open(t, o)
	operator, err := broker.DialOperator(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	again := operator.Conn().StatusChanged(nats.CONNECTED)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, o)
	storetest.Receive(t, "the operator's connection", again)
}

func TestTokenIsNotSentToAnotherProcess(t *testing.T) {
	t.Parallel()
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	o := brokertest.Options(t)
	o.Embedded.Listen, o.Embedded.PublisherToken = stranger.Addr().String(), "the token"
	_, err = broker.DialPublisher(t.Context(), o)
	wantError(t, err, "no gallerywire is running on "+o.Embedded.DataDir+"/", "set nats.url to nats://TOKEN@HOST:PORT")
}

func TestPublisherConnectsAsACMSDoes(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	o.Embedded.PublisherToken = "the token"
	node := open(t, o)
	if _, _, err := node.Events(t.Context(), articles); err != nil {
		t.Fatal(err)
	}
	nc, err := broker.DialPublisher(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "article.published", nil); err != nil {
		t.Error(err)
	}

	o.Embedded.PublisherToken = "another"
	if _, err := broker.DialPublisher(t.Context(), o); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("with a wrong token: %v", err)
	}
}

func TestPublisherUsesTheConfiguredAddressOfAnotherDirectory(t *testing.T) {
	t.Parallel()
	node := brokertest.Start(t)
	o := brokertest.Options(t)
	o.Embedded.Listen = node.PublisherURL()[len("nats://"):]
	nc, err := broker.DialPublisher(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestPublisherWhereNothingRuns(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	server.Stop()
	o := brokertest.Options(t)
	o.Embedded.Listen = server.URL()[len("nats://"):]
	for _, o := range []broker.Options{o, {URL: server.URL()}} {
		_, err := broker.DialPublisher(t.Context(), o)
		wantError(t, err, "connect to nats at "+server.URL())
	}
}

func TestDialAfterTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := broker.Options{URL: brokertest.Server(t).URL()}
	if _, err := broker.DialOperator(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("operator: %v", err)
	}
	if _, err := broker.DialPublisher(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("publisher: %v", err)
	}
	if _, err := broker.Open(ctx, brokertest.Options(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
}

func TestPublisherLogsALostConnectionButNoClose(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	log := make(logLines, 8)
	for range 2 {
		nc, err := broker.DialPublisher(t.Context(), broker.Options{URL: server.URL(), Logger: log.logger()})
		if err != nil {
			t.Fatal(err)
		}
		nc.Close() // which is not logged
	}
	nc, err := broker.DialPublisher(t.Context(), broker.Options{URL: server.URL(), Logger: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	server.Stop()
	if line := storetest.Receive(t, "a warning", log); !strings.Contains(line, "lost the connection to nats: connecting again for some seconds") {
		t.Errorf("logged %s", line)
	}
}

func TestSocketOfAnotherUserNamesTheUserToRunAs(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may use the socket of anybody")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o000); err != nil {
		t.Fatal(err)
	}
	_, err := broker.DialOperator(t.Context(), broker.Options{Embedded: broker.Embedded{DataDir: filepath.Join(dir, "data")}})
	if err == nil || !strings.HasSuffix(err.Error(), "/data/: permission denied: run this as the user of the service, or as root") || strings.Contains(err.Error(), "dial") {
		t.Errorf("%v", err)
	}
}
