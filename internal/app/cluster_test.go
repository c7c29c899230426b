package app_test

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// proxy is a connection between a node and a NATS server that a test can cut.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, conns: map[net.Conn]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test has ended
			}
			running.Go(func() { p.forward(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.setCut(true)
		running.Wait()
	})
	return p
}

// forward copies both ways until one of the two ends or the proxy is cut.
func (p *proxy) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	if p.cut {
		p.mu.Unlock()
		return
	}
	p.conns[client] = true
	p.mu.Unlock()
	var copying sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		copying.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			client.Close()
			server.Close()
		})
	}
	copying.Wait()
	p.mu.Lock()
	delete(p.conns, client)
	p.mu.Unlock()
}

// setCut ends every connection and accepts no other, or accepts them again.
func (p *proxy) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	for conn := range p.conns {
		if cut {
			conn.Close()
		}
	}
}

// clusterStory is three nodes on three NATS servers, with events that come in while
// nodes, servers and connections fail.
type clusterStory struct {
	t       *testing.T
	servers *brokertest.Cluster
	nodes   []*process
	configs []string
	proxies [][]*proxy // of each node, one a server
	acked   atomic.Int64
}

// withStubs has what is withdrawn stay in documents as items that say so.
const withStubs = "tombstones: {stub: true}\n"

func newClusterStory(t *testing.T) *clusterStory {
	s := &clusterStory{t: t, servers: brokertest.StartCluster(t)}
	for range 3 {
		var urls []string
		var proxies []*proxy
		for target := range strings.SplitSeq(s.servers.URL(), ",") {
			p := newProxy(t, strings.TrimPrefix(target, "nats://"))
			proxies = append(proxies, p)
			urls = append(urls, "nats://"+p.listener.Addr().String())
		}
		config := oneFeed + callsLoopback + crashFeeds + withStubs + fmt.Sprintf("nats: {url: %q, replicas: 3}", strings.Join(urls, ","))
		s.proxies, s.configs = append(s.proxies, proxies), append(s.configs, config)
		s.nodes = append(s.nodes, serve(t, config))
	}
	for _, node := range s.nodes {
		node.ready()
	}
	return s
}

// publish sends the list, at most forty a second so that faults come in the middle
// of it, and counts what was acknowledged.
func (s *clusterStory) publish(list []change) (sent chan struct{}) {
	sent = make(chan struct{})
	cms := connect(s.t, s.servers.URL())
	go func() {
		defer close(sent)
		tick := time.NewTicker(25 * time.Millisecond)
		defer tick.Stop()
		for _, c := range list {
			<-tick.C
			publish(s.t, cms, c.subject, c.data)
			s.acked.Add(1)
		}
	}()
	return sent
}

// wait blocks for a fault's length: a fault is over after a time, whatever goes on
// meanwhile.
func (s *clusterStory) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.t.Context().Done():
	}
}

// fault does the i-th of the kinds of harm to node and server n, and undoes it.
func (s *clusterStory) fault(kind string, n int) {
	s.t.Helper()
	const while = 1500 * time.Millisecond
	switch kind {
	case "kill":
		s.nodes[n].kill()
		s.nodes[n] = serve(s.t, s.configs[n])
	case "freeze":
		s.signal(n, syscall.SIGSTOP)
		s.wait(while)
		s.signal(n, syscall.SIGCONT)
	case "server":
		s.servers.Stop(n)
		s.wait(while)
		s.servers.Start(n)
	case "cut":
		for _, p := range s.proxies[n] {
			p.setCut(true)
		}
		s.wait(while)
		for _, p := range s.proxies[n] {
			p.setCut(false)
		}
	case "leader":
		for _, stream := range []string{"ARTICLES", "KV_gallerywire_galleries"} {
			s.servers.StepDown(stream)
		}
	}
}

func (s *clusterStory) signal(n int, what syscall.Signal) {
	s.t.Helper()
	if err := s.nodes[n].cmd.Process.Signal(what); err != nil {
		s.t.Fatal(err)
	}
}

// TestAClusterComesToRestAfterFaults has nodes killed and stopped, servers restarted,
// leaders changed and connections cut while events come in. At rest every node serves
// what a node serves that was left alone, and every subscriber has it.
// GALLERYWIRE_TEST_ROUNDS=10 makes it ten times as long.
func TestAClusterComesToRestAfterFaults(t *testing.T) {
	t.Parallel()
	rounds, _ := strconv.Atoi(cmp.Or(os.Getenv("GALLERYWIRE_TEST_ROUNDS"), "1"))
	events, seed := 500*rounds, rand.Uint64()
	random := rand.New(rand.NewPCG(seed, seed))
	t.Logf("seed %d", seed)
	list := changes(events)
	want := feedsAfter(t, list, withStubs)

	s := newClusterStory(t)
	f := newFollower(t)
	topics := map[string]string{}
	for path := range want {
		topics["/first"+path], topics["/second"+path] = path, path
	}
	subscribe(s.nodes[0], f, topics)
	sent := s.publish(list)
	for round := range rounds {
		var faults []string
		for _, kind := range []string{"kill", "freeze", "server", "cut", "leader"} {
			faults = append(faults, kind, kind)
		}
		random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		for i, kind := range faults {
			due := int64((round*len(faults) + i) * events / (rounds * len(faults)))
			s.nodes[0].eventually("enough events are acknowledged", func() bool { return s.acked.Load() >= due })
			n := random.IntN(3)
			t.Logf("%s %d after %d events", kind, n, s.acked.Load())
			s.fault(kind, n)
		}
	}
	<-sent

	for n, node := range s.nodes {
		node.ready()
		for path, body := range want {
			node.eventually(fmt.Sprintf("%s of node %d is as if nothing had happened", path, n), func() bool {
				_, got := node.get(path)
				return got == body
			})
		}
	}
	for subscriber, path := range topics {
		s.nodes[0].eventually(subscriber+" has what is served", func() bool { return f.last(subscriber) == want[path] })
	}
	for n, node := range s.nodes {
		if lost := node.metric("gallerywire_events_lost_total"); lost != 0 {
			t.Errorf("node %d says that %v events were lost", n, lost)
		}
		if code := node.stop(); code != 0 {
			t.Errorf("exit code %d\n%s", code, node.logs)
		}
	}
}
