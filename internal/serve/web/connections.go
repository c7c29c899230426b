package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// stallTimeout is how long a client may take for each minProgress bytes of an answer: a
	// slow client gets all of it, a client that reads almost nothing is cut off. Progress is
	// checked every progressInterval.
	stallTimeout     = 20 * time.Second
	minProgress      = 16 << 10
	progressInterval = time.Second
	// minIdle is how long a connection must have been idle to be cut off in favour of
	// others.
	minIdle = 2 * time.Second
	// minCounted is the shortest answer that is counted; the kernel buffers shorter ones.
	minCounted = 16 << 10
	// maxUnsent and readBuffer bound what the kernel holds for a connection.
	maxUnsent  = 64 << 10
	readBuffer = 32 << 10
	// bodyBuffer replaces readBuffer for a body that is expected and may have to wait: a sender
	// on this machine, as a proxy is, sends segments that do not fit the smaller one, and
	// repeats them after seconds.
	bodyBuffer = 1 << 20
	// idleSample is among how many connections the longest idle one is searched.
	idleSample = 256
	// maxRefusing is how many refused connections are answered at a time, each for at most
	// twice refusalTimeout; more are closed without an answer.
	maxRefusing    = 256
	refusalTimeout = time.Second
)

// ConnectionLimits bound what connections may cost. Zero values bound nothing.
type ConnectionLimits struct {
	All       int                     // connections at a time
	PerClient int                     // of one client
	Client    func(netip.Addr) string // names the client; empty: it is not counted, as a proxy; nil: none is
}

// Connections are those of a server. When there are too many, the one that has been
// idle for longest is cut off; if none was idle, the new one is refused. It is safe for
// concurrent use.
type Connections struct {
	limits   ConnectionLimits
	began    time.Time
	cut      *prometheus.CounterVec
	refusing chan struct{}

	mu      sync.Mutex
	open    map[*connection]struct{}
	clients map[string]map[*connection]struct{}
	writers map[*connection]struct{} // those that write an answer worth counting
	answers map[*byte]*pending       // by their last byte
	held    int
}

// pending is an answer that is being written, to any number of readers.
type pending struct {
	last    *byte
	size    int
	readers int
}

// NewConnections returns the connections of a server that has none yet.
func NewConnections(l ConnectionLimits) *Connections {
	if l.Client == nil {
		l.Client = func(netip.Addr) string { return "" }
	}
	return &Connections{
		limits: l, began: time.Now(), refusing: make(chan struct{}, maxRefusing),
		cut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gallerywire_http_connections_cut_total",
			Help: "Connections of readers that were cut off, by reason: stalled, full, client, memory; or refused, because no other was idle.",
		}, []string{"reason"}),
		open: map[*connection]struct{}{}, clients: map[string]map[*connection]struct{}{},
		writers: map[*connection]struct{}{}, answers: map[*byte]*pending{},
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
			Help: "Bytes of answers that readers have not read yet, each answer counted once.",
		}, func() float64 { return float64(cs.Held()) }),
	}
}

// Len is how many connections are open.
func (cs *Connections) Len() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.open)
}

// Held is how many bytes of answers readers have not read yet. An answer that several are
// reading is counted once.
func (cs *Connections) Held() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.held
}

// Relieve cuts off readers that have read nothing for a while, the longest idle first,
// until fewer bytes are held.
func (cs *Connections) Relieve(most int) {
	var idle []*connection
	cs.mu.Lock()
	for cs.held >= most {
		c := cs.longestIdle(cs.writers)
		if c == nil {
			break
		}
		cs.written(c)
		idle = append(idle, c)
	}
	cs.mu.Unlock()
	for _, c := range idle {
		cs.cut.WithLabelValues("memory").Inc()
		c.reset()
	}
}

// longestIdle returns the connection of a sample that has been idle for longest; nil:
// none has been for minIdle. The lock is held.
func (cs *Connections) longestIdle(among map[*connection]struct{}) (found *connection) {
	least, looked := int64(time.Since(cs.began)-minIdle), 0
	for c := range among {
		if at := c.active.Load(); at <= least {
			found, least = c, at
		}
		if looked++; looked == idleSample {
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

// Accept returns the next connection within the limits.
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

// refusal is the answer to a connection above the limits.
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
	switch {
	case victim == c:
		cs.refuse(c)
		return nil
	case victim != nil:
		victim.reset()
	}
	return c
}

// refuse answers the connection in the background and closes it. The request is read
// first, and the end of the connection awaited: a client that is answered before it has
// asked, or whose connection is reset, takes that for an error and does not see the answer.
func (cs *Connections) refuse(c *connection) {
	select {
	case cs.refusing <- struct{}{}:
	default:
		c.reset()
		return
	}
	go func() {
		defer func() { <-cs.refusing }()
		defer c.reset()
		_ = c.SetDeadline(time.Now().Add(refusalTimeout))
		_, _ = c.Conn.Read(make([]byte, 4<<10))
		_ = c.SetDeadline(time.Now().Add(refusalTimeout))
		_, _ = c.Conn.Write([]byte(refusal))
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c.Conn)
	}()
}

// add counts the connection and returns the one to be closed for it, if any: c itself
// where none was idle.
func (cs *Connections) add(c *connection) (victim *connection, reason string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	same := cs.clients[c.client]
	switch {
	case c.client != "" && cs.limits.PerClient > 0 && len(same) >= cs.limits.PerClient:
		victim, reason = cs.longestIdle(same), "client"
	case cs.limits.All > 0 && len(cs.open) >= cs.limits.All:
		victim, reason = cs.longestIdle(cs.open), "full"
	}
	if reason != "" && victim == nil {
		return c, "refused"
	}
	if victim != nil {
		cs.drop(victim)
	}
	cs.open[c] = struct{}{}
	if c.client != "" {
		if cs.clients[c.client] == nil {
			cs.clients[c.client] = map[*connection]struct{}{}
		}
		cs.clients[c.client][c] = struct{}{}
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

// connection is a reader's connection.
type connection struct {
	net.Conn
	all    *Connections
	client string
	active atomic.Int64 // last read or write, since all began
	until  atomic.Int64 // the deadline of small writes, likewise; 0: not set

	writing *pending // guarded by all.mu
}

// connectionKey is that of a request's connection in its context.
type connectionKey struct{}

// ExpectBody lets the kernel hold more of a request's body until it is read.
func ExpectBody(r *http.Request) {
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	if c == nil {
		return
	}
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(bodyBuffer)
	}
}

func (c *connection) touch() { c.active.Store(int64(time.Since(c.all.began))) }

// Read records activity.
func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.touch()
	}
	return n, err
}

// Write writes all of b as long as the client reads minProgress in each stallTimeout.
func (c *connection) Write(b []byte) (written int, err error) {
	if len(b) < minCounted {
		return c.writeSmall(b)
	}
	c.begin(b)
	defer c.end()
	mark, since := 0, time.Now()
	for now := since; ; now = time.Now() {
		if err := c.SetWriteDeadline(now.Add(progressInterval)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(b[written:])
		written += n
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			c.touch()
			return written, err
		case written-mark >= minProgress:
			mark, since = written, time.Now()
			c.touch()
		case time.Since(since) >= stallTimeout:
			return written, c.stalled(err)
		}
	}
}

// writeSmall writes what the kernel usually buffers at once. It moves the deadline only
// when that is near, because this takes longer than everything else here.
func (c *connection) writeSmall(b []byte) (int, error) {
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

// stalled cuts off a client that read too little.
func (c *connection) stalled(err error) error {
	c.all.cut.WithLabelValues("stalled").Inc()
	c.reset()
	return err
}

// begin counts b as held. The address of its last byte identifies an answer: for every
// reader what remains after the head ends at that byte.
func (c *connection) begin(b []byte) {
	last := &b[len(b)-1]
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	a := c.all.answers[last]
	if a == nil {
		a = &pending{last: last, size: len(b)}
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

// CloseWrite closes the client's reading side, as net/http does before it closes.
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

// reset closes the connection and lets the kernel drop its buffers.
func (c *connection) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
