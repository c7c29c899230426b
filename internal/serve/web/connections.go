package web

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// stallTimeout is how long a client may take for each leastTaken bytes of an answer:
	// who is slow gets all of it, who takes next to nothing is cut off. Every lookAgain
	// it is seen how far he is.
	stallTimeout = 20 * time.Second
	leastTaken   = 16 << 10
	lookAgain    = time.Second
	// quietLeast is how long a connection was quiet that may be cut off to make room
	// for others.
	quietLeast = 2 * time.Second
	// heldLeast is how long an answer is that is worth counting; less is in the
	// kernel's hands at once.
	heldLeast = 16 << 10
	// unsentMost and readBuffer bound what the kernel holds for a connection.
	unsentMost = 64 << 10
	readBuffer = 32 << 10
	// sample is how many connections are looked at to find the quietest.
	sample = 256
)

// ConnectionLimits bound what connections may cost. Zero values bound nothing.
type ConnectionLimits struct {
	All       int                     // connections at a time
	PerClient int                     // of one client
	Client    func(netip.Addr) string // names the client; empty: a proxy, or whoever is not counted; nil: nobody is
}

// Connections are those of a server. When there are too many, the one that has been
// quiet for longest makes room, and where none was, the new one is refused. It is safe
// for concurrent use.
type Connections struct {
	limits ConnectionLimits
	began  time.Time
	cut    *prometheus.CounterVec

	mu      sync.Mutex
	open    map[*connection]struct{}
	clients map[string]map[*connection]struct{}
	writers map[*connection]struct{} // those that write an answer worth counting
	answers map[*byte]*answered      // by their last byte
	held    int
}

// answered is an answer that is being written, to any number of readers.
type answered struct {
	last    *byte
	size    int
	readers int
}

// NewConnections returns what there is before any connection.
func NewConnections(l ConnectionLimits) *Connections {
	if l.Client == nil {
		l.Client = func(netip.Addr) string { return "" }
	}
	return &Connections{
		limits: l, began: time.Now(),
		cut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gallerywire_http_connections_cut_total",
			Help: "Connections of readers that were cut off, by reason: stalled, full, client, memory; or refused, because no other was quiet.",
		}, []string{"reason"}),
		open: map[*connection]struct{}{}, clients: map[string]map[*connection]struct{}{},
		writers: map[*connection]struct{}{}, answers: map[*byte]*answered{},
	}
}

// Collectors are metrics of the connections.
func (cs *Connections) Collectors() []prometheus.Collector {
	for _, reason := range []string{"stalled", "full", "client", "memory", "refused"} {
		cs.cut.WithLabelValues(reason)
	}
	return []prometheus.Collector{cs.cut,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gallerywire_http_connections",
			Help: "Connections of readers, idle ones among them.",
		}, func() float64 { return float64(cs.Len()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gallerywire_http_held_bytes",
			Help: "Bytes of answers that readers have not taken yet, each answer counted once.",
		}, func() float64 { return float64(cs.Held()) }),
	}
}

// Len is how many connections are open.
func (cs *Connections) Len() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.open)
}

// Held is how many bytes of answers readers have not taken yet. An answer that
// several are reading is in memory once, and counted so.
func (cs *Connections) Held() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.held
}

// Relieve cuts off readers that have taken nothing for a while, the quietest first,
// as long as so many bytes or more are held.
func (cs *Connections) Relieve(most int) {
	var quiet []*connection
	cs.mu.Lock()
	for cs.held >= most {
		c := cs.quietest(cs.writers)
		if c == nil {
			break
		}
		cs.written(c)
		quiet = append(quiet, c)
	}
	cs.mu.Unlock()
	for _, c := range quiet {
		cs.cut.WithLabelValues("memory").Inc()
		c.abandon()
	}
}

// quietest returns a connection that has been quiet for long, of those looked at the
// one that was for longest; nil: none. The lock is held.
func (cs *Connections) quietest(among map[*connection]struct{}) (found *connection) {
	least, looked := int64(time.Since(cs.began)-quietLeast), 0
	for c := range among {
		if at := c.active.Load(); at <= least {
			found, least = c, at
		}
		if looked++; looked == sample {
			break
		}
	}
	return found
}

// Listener returns l with connections that are counted here.
func (cs *Connections) Listener(l net.Listener) net.Listener { return &limited{l, cs} }

type limited struct {
	net.Listener
	all *Connections
}

// Accept returns the next connection that there is room for.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.all.admit(conn); c != nil {
			return c, nil
		}
	}
}

// refusal is what a connection gets that there is no room for.
const refusal = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nCache-Control: no-store\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

// admit returns the connection, nil if it was refused.
func (cs *Connections) admit(conn net.Conn) *connection {
	c := &connection{Conn: conn, all: cs}
	if at, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		c.client = cs.limits.Client(at.Addr().Unmap())
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		boundUnsent(tcp)
		_ = tcp.SetReadBuffer(readBuffer)
	}
	c.touch()
	victim, reason := cs.add(c)
	if reason != "" {
		cs.cut.WithLabelValues(reason).Inc()
	}
	if victim != nil {
		victim.abandon()
	}
	if victim != c {
		return c
	}
	return nil
}

// add counts the connection and returns which is to be closed for it, which is the
// new one itself where it is refused.
func (cs *Connections) add(c *connection) (victim *connection, reason string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	same := cs.clients[c.client]
	switch {
	case c.client != "" && cs.limits.PerClient > 0 && len(same) >= cs.limits.PerClient:
		victim, reason = cs.quietest(same), "client"
	case cs.limits.All > 0 && len(cs.open) >= cs.limits.All:
		victim, reason = cs.quietest(cs.open), "full"
	}
	if reason != "" && victim == nil {
		_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // it fits an empty buffer
		_, _ = c.Conn.Write([]byte(refusal))
		return c, "refused"
	}
	if victim != nil {
		cs.drop(victim)
	}
	cs.open[c] = struct{}{}
	if c.client != "" {
		if same == nil {
			same = map[*connection]struct{}{}
			cs.clients[c.client] = same
		}
		same[c] = struct{}{}
	}
	return victim, reason
}

// drop forgets the connection. The lock is held.
func (cs *Connections) drop(c *connection) {
	delete(cs.open, c)
	cs.written(c)
	if same := cs.clients[c.client]; same != nil {
		if delete(same, c); len(same) == 0 {
			delete(cs.clients, c.client)
		}
	}
}

// written notes that c no longer writes an answer. The lock is held.
func (cs *Connections) written(c *connection) {
	a := c.writing
	if a == nil {
		return
	}
	c.writing = nil
	delete(cs.writers, c)
	if a.readers--; a.readers == 0 {
		delete(cs.answers, a.last)
		cs.held -= a.size
	}
}

// connection is one of a reader.
type connection struct {
	net.Conn
	all    *Connections
	client string
	active atomic.Int64 // when something was last read or written, since all began
	until  atomic.Int64 // the deadline for writing a little, likewise; 0: not set

	writing *answered // guarded by all.mu
}

func (c *connection) touch() { c.active.Store(int64(time.Since(c.all.began))) }

// Read notes that something came.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.touch()
	}
	return n, err
}

// Write writes all of b as long as the client takes some of it from time to time.
func (c *connection) Write(b []byte) (written int, err error) {
	if len(b) < heldLeast {
		return c.writeLittle(b)
	}
	c.begin(b)
	defer c.end()
	mark, since := 0, time.Now()
	for now := since; ; now = time.Now() {
		if err := c.SetWriteDeadline(now.Add(lookAgain)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(b[written:])
		written += n
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			c.touch()
			return written, err
		case written-mark >= leastTaken:
			mark, since = written, time.Now()
			c.touch()
		case time.Since(since) >= stallTimeout:
			return written, c.stalled(err)
		}
	}
}

// writeLittle writes what the kernel takes at once as a rule. A deadline that is far
// enough away is not set anew: that takes longer than all else here.
func (c *connection) writeLittle(b []byte) (int, error) {
	now := time.Since(c.all.began)
	if now > time.Duration(c.until.Load())-stallTimeout {
		until := now + 2*stallTimeout
		if err := c.SetWriteDeadline(c.all.began.Add(until)); err != nil {
			return 0, err
		}
		c.until.Store(int64(until))
	}
	n, err := c.Conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, c.stalled(err)
	}
	c.active.Store(int64(now))
	return n, err
}

// stalled cuts a client off that took nothing.
func (c *connection) stalled(err error) error {
	c.all.cut.WithLabelValues("stalled").Inc()
	c.abandon()
	return err
}

// begin counts b as held. What is left of an answer once its head is written ends as
// the answer does, for every reader.
func (c *connection) begin(b []byte) {
	last := &b[len(b)-1]
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	a := c.all.answers[last]
	if a == nil {
		a = &answered{last: last, size: len(b)}
		c.all.answers[last] = a
		c.all.held += a.size
	}
	a.readers++
	c.writing = a
	c.all.writers[c] = struct{}{}
}

func (c *connection) end() {
	c.until.Store(0)
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.all.written(c)
}

// CloseWrite tells the client that nothing more comes, as net/http does before it
// closes.
func (c *connection) CloseWrite() error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// Close closes the connection and forgets it.
func (c *connection) Close() error {
	c.all.mu.Lock()
	c.all.drop(c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// abandon closes the connection and has the kernel drop what it holds for it.
// Whoever reads or writes it finds out.
func (c *connection) abandon() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
