package brokertest

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	syncInterval = 2 * time.Minute
	startTimeout = 10 * time.Second
)

// External is a plain NATS server with JetStream, as one that runs elsewhere:
// no users, no secrets. It can be stopped and started again on the same port and
// the same directory. It is not safe for concurrent use.
type External struct {
	t    testing.TB
	dir  string
	port int
	nats *server.Server // nil: stopped
}

// Server starts a server on a free port of the loopback and stops it when the
// test ends.
func Server(t testing.TB) *External {
	t.Helper()
	e := &External{t: t, dir: t.TempDir(), port: server.RANDOM_PORT}
	e.Start()
	t.Cleanup(e.Stop)
	return e
}

// URL returns where the server listens, also while it is stopped.
func (e *External) URL() string {
	return "nats://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(e.port))
}

// Start starts the server where it was before; a running one goes on.
func (e *External) Start() {
	e.t.Helper()
	if e.nats != nil {
		return
	}
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: e.port, JetStream: true, StoreDir: e.dir, NoSigs: true, NoLog: true, MaxPayload: 8 << 20,
	})
	if err != nil {
		e.t.Fatalf("new nats server: %v", err)
	}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		e.t.Fatalf("nats server does not start on %s", e.URL())
	}
	e.nats, e.port = ns, ns.Addr().(*net.TCPAddr).Port
}

// Stop stops the server and waits until it has ended; a stopped one stays so.
func (e *External) Stop() {
	if e.nats == nil {
		return
	}
	e.nats.Shutdown()
	e.nats.WaitForShutdown()
	e.nats = nil
}

// Disconnect stops the server and returns when b has lost its connection.
func (e *External) Disconnect(b *broker.Broker) {
	e.t.Helper()
	lost := b.Conn().StatusChanged(nats.RECONNECTING)
	e.Stop()
	e.await(lost, "loses its connection")
}

// Reconnect starts the server and returns when b is connected again.
func (e *External) Reconnect(b *broker.Broker) {
	e.t.Helper()
	connected := b.Conn().StatusChanged(nats.CONNECTED)
	e.Start()
	e.await(connected, "connects again")
}

func (e *External) await(status <-chan nats.Status, what string) {
	e.t.Helper()
	select {
	case <-status:
	case <-time.After(time.Minute):
		e.t.Fatalf("the broker never %s", what)
	}
}

// Restart stops the server and starts it again.
func (e *External) Restart() {
	e.t.Helper()
	e.Stop()
	e.Start()
}

// Wipe removes everything that a stopped server has stored, so that it starts
// as a new one.
func (e *External) Wipe() {
	e.t.Helper()
	e.Stop()
	e.dir = e.t.TempDir()
}
