package brokertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// members is how many servers a cluster has: one of them may be away.
const members = 3

// Cluster is three plain NATS servers that keep streams together: no users, no
// secrets. It is not safe for concurrent use.
type Cluster struct {
	t       testing.TB
	options []*server.Options
	servers []*server.Server // nil: stopped
}

// StartCluster starts the servers on free ports of the loopback, waits until they
// can keep a stream, and stops them when the test ends.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{t: t, servers: make([]*server.Server, members)}
	var routes []*url.URL
	for range members { // each must know all from the start
		routes = append(routes, &url.URL{Scheme: "nats", Host: FreeAddress(t)})
	}
	for i, route := range routes {
		port, err := net.LookupPort("tcp", route.Port())
		if err != nil {
			t.Fatal(err)
		}
		c.options = append(c.options, &server.Options{
			ServerName: fmt.Sprint("server-", i), Host: "127.0.0.1", Port: server.RANDOM_PORT,
			JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, MaxPayload: 8 << 20,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port, NoAdvertise: true}, Routes: routes,
		})
	}
	t.Cleanup(func() {
		for i := range members {
			c.Stop(i)
		}
	})
	for i := range members {
		c.Start(i)
	}
	c.settle()
	return c
}

// FreeAddress is on this machine, with a port that nobody listens on. The kernel gives
// such a port to no outgoing connection, so that a server that is restarted gets it again.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(22_000))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// Start starts the ith server where it was before; a running one goes on.
func (c *Cluster) Start(i int) {
	c.t.Helper()
	if c.servers[i] != nil {
		return
	}
	ns, err := server.NewServer(c.options[i].Clone())
	if err != nil {
		c.t.Fatalf("new nats server: %v", err)
	}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		c.t.Fatalf("nats server %d of the cluster does not start", i)
	}
	c.servers[i], c.options[i].Port = ns, ns.Addr().(*net.TCPAddr).Port
}

// Stop stops the ith server and waits until it has ended; a stopped one stays so.
func (c *Cluster) Stop(i int) {
	if c.servers[i] == nil {
		return
	}
	c.servers[i].Shutdown()
	c.servers[i].WaitForShutdown()
	c.servers[i] = nil
}

// settle waits until the servers have found each other and elected a leader.
func (c *Cluster) settle() {
	c.t.Helper()
	deadline := time.Now().Add(2 * startTimeout)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		current := 0
		for _, s := range c.servers {
			if s != nil && s.JetStreamIsCurrent() {
				current++
			}
		}
		var err error
		if current == members {
			if err = c.place(); err == nil {
				return
			}
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%d servers of the cluster are current; a stream: %v", current, err)
		}
	}
}

// place makes a stream on all servers and deletes it. The leader refuses one until
// it knows the free space of each server, which it learns after all of them are
// current.
func (c *Cluster) place() error {
	conn, err := nats.Connect(c.URL())
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), startTimeout)
	defer cancel()
	const name = "settle"
	if _, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: name, Storage: jetstream.MemoryStorage, Replicas: members}); err != nil {
		return err
	}
	return js.DeleteStream(ctx, name)
}

// URL returns where the servers listen, also while some are stopped.
func (c *Cluster) URL() string {
	var all []string
	for _, o := range c.options {
		all = append(all, fmt.Sprintf("nats://127.0.0.1:%d", o.Port))
	}
	return strings.Join(all, ",")
}

// Leader returns which server leads the stream, -1 where none does just now.
func (c *Cluster) Leader(stream string) int {
	for i, s := range c.servers {
		if s != nil && s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return i
		}
	}
	return -1
}

// StepDown has the leader of the stream give way to another.
func (c *Cluster) StepDown(stream string) {
	c.t.Helper()
	i := c.Leader(stream)
	if i < 0 {
		return
	}
	if err := c.servers[i].JetStreamStepdownStream(server.DEFAULT_GLOBAL_ACCOUNT, stream); err != nil {
		c.t.Fatal(err)
	}
}
