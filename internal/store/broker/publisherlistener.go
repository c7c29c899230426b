package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	// maxPublishers is how many connections publishers may have together. The
	// server cuts off one that shows no token within two seconds.
	maxPublishers = 1024
	// The server takes memory for all of a large message once it is announced. At
	// most maxLarge of them are in flight, each for at most largeTimeout.
	largeMessage = 64 << 10
	maxLarge     = 4
	largeTimeout = time.Minute
	// stallTimeout is how long a publisher may leave an answer unread.
	stallTimeout = 10 * time.Second
	// copyBuffer is for each direction of a connection, and kernelBuffer what the
	// kernel holds of each.
	copyBuffer   = 8 << 10
	kernelBuffer = 64 << 10
	// maxControlLine is more than the server takes in one line.
	maxControlLine = 8 << 10
)

// refusal is the server's own answer to one connection too many.
const refusal = "INFO {}\r\n-ERR 'maximum connections exceeded'\r\n"

// publisherListener is where publishers connect to the embedded server. The
// server's own listener has one limit for all connections, so that strangers who use
// it up would keep the node itself and its commands out. This one counts publishers
// only, and bounds the memory that they can make the server use.
type publisherListener struct {
	net.Listener
	url   string // where a CMS connects
	log   *slog.Logger
	large chan struct{} // has a value for each large message in flight

	mu     sync.Mutex
	open   int
	warned time.Time
}

// listenForPublishers listens at [Embedded].Listen, which is not empty.
func listenForPublishers(o Options) (*publisherListener, error) {
	at := o.Embedded.Listen
	host, text, err := net.SplitHostPort(at)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w: write it like 127.0.0.1:4222", at, err)
	}
	if port, err := strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return nil, fmt.Errorf("listen on %s: %q is no port number", at, text)
	}
	l, err := net.Listen("tcp", at)
	if addressInUse(err) && o.Embedded.ListenElsewhere {
		o.Logger.Warn("the port for publishers is taken: listening on a free one instead", "listen", at)
		l, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		remedy := "choose another nats.embedded.listen"
		if addressInUse(err) {
			remedy = "stop what listens there, or " + remedy
		}
		if op, ok := errors.AsType[*net.OpError](err); ok {
			err = op.Err // without the address, which stands before it
		}
		return nil, fmt.Errorf("listen on %s: %w: %s", at, err, remedy)
	}
	bound := l.Addr().(*net.TCPAddr)
	if !bound.IP.IsLoopback() && o.Embedded.PublisherToken == "" && len(o.Embedded.Publishers) == 0 {
		o.Logger.Warn("everyone who reaches this port may publish: set nats.embedded.publisher_token_file", "listen", bound.String())
	}
	reachable := bound.IP.String()
	if bound.IP.IsUnspecified() {
		reachable = "127.0.0.1"
	}
	return &publisherListener{
		Listener: l,
		url:      "nats://" + net.JoinHostPort(reachable, strconv.Itoa(bound.Port)),
		log:      o.Logger,
		large:    make(chan struct{}, maxLarge),
	}, nil
}

// serve copies between a publisher's connection and one that connect makes to the
// server, until either ends or ctx does.
func (l *publisherListener) serve(ctx context.Context, client net.Conn, connect func() (net.Conn, error)) {
	if !l.admit() {
		_ = client.SetWriteDeadline(time.Now().Add(time.Second)) // it fits an empty buffer
		_, _ = client.Write([]byte(refusal))
		return
	}
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.open--
	}()
	tcp := client.(*net.TCPConn)
	_ = tcp.SetReadBuffer(kernelBuffer)
	_ = tcp.SetWriteBuffer(kernelBuffer)
	server, err := connect()
	if err != nil {
		return
	}
	p := &publisherConn{client: client, server: server, large: l.large}
	ctx, end := context.WithCancel(ctx)
	var answers sync.WaitGroup
	answers.Go(func() {
		defer end()
		defer client.Close()
		p.copyAnswers()
	})
	p.copyRequests(ctx)
	_ = server.Close()
	answers.Wait()
	p.releaseLarge()
}

// admit counts a connection, unless there are too many.
func (l *publisherListener) admit() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open < maxPublishers {
		l.open++
		return true
	}
	if now := time.Now(); now.Sub(l.warned) > time.Minute {
		l.warned = now
		l.log.Warn("publishers have too many connections, no more are accepted: close some, or keep strangers off nats.embedded.listen", "connections", l.open)
	}
	return false
}

// publisherConn is a publisher's connection and the one to the server behind it.
type publisherConn struct {
	client, server net.Conn
	large          chan struct{}
	holdsLarge     bool   // a value in large is of this connection
	payload        int    // bytes of the current message that are still to come
	line           []byte // the current line as far as it has come

	writing sync.Mutex // held while client is written to
}

// copyAnswers copies from the server to the client until either ends.
func (p *publisherConn) copyAnswers() {
	for buffer := make([]byte, copyBuffer); ; {
		n, err := p.server.Read(buffer)
		p.writing.Lock()
		_ = p.client.SetWriteDeadline(time.Now().Add(stallTimeout))
		_, writeErr := p.client.Write(buffer[:n])
		p.writing.Unlock()
		if errors.Join(err, writeErr) != nil {
			return
		}
	}
}

// copyRequests tells the server the client's address, by the PROXY protocol, because
// only a connection without one may be the node's own. Then it copies from the client
// to the server until either ends. It reads no more while the client leaves answers
// unread.
func (p *publisherConn) copyRequests(ctx context.Context) {
	from, to := p.client.RemoteAddr().(*net.TCPAddr), p.client.LocalAddr().(*net.TCPAddr)
	family := "TCP6"
	if from.IP.To4() != nil {
		family = "TCP4"
	}
	_, err := fmt.Fprintf(p.server, "PROXY %s %s %s %d %d\r\n", family, from.IP, to.IP, from.Port, to.Port)
	for buffer := make([]byte, copyBuffer); err == nil; {
		var n int
		n, err = p.client.Read(buffer)
		p.writing.Lock()
		//lint:ignore SA2001 wait until the answer under way is written
		p.writing.Unlock()
		err = errors.Join(p.forward(ctx, buffer[:n]), err)
	}
}

// forward writes b to the server. Before the end of a line that announces a large
// message it waits until one more may be in flight.
func (p *publisherConn) forward(ctx context.Context, b []byte) error {
	sent := 0
	for i := 0; i < len(b); {
		if p.payload > 0 {
			n := min(p.payload, len(b)-i)
			i, p.payload = i+n, p.payload-n
			if p.payload > 0 || !p.holdsLarge {
				continue
			}
			if _, err := p.server.Write(b[sent:i]); err != nil {
				return err
			}
			sent = i
			p.releaseLarge()
			continue
		}
		end := bytes.IndexByte(b[i:], '\n')
		part := b[i:]
		if end >= 0 {
			part = b[i : i+end]
		}
		if len(p.line)+len(part) <= maxControlLine { // the server refuses a longer one
			p.line = append(p.line, part...)
		}
		if end < 0 {
			break
		}
		size := announcedSize(p.line)
		p.line = p.line[:0]
		if size >= largeMessage {
			if _, err := p.server.Write(b[sent : i+end]); err != nil {
				return err
			}
			sent = i + end
			if err := p.acquireLarge(ctx); err != nil {
				return err
			}
		}
		i += end + 1
		if size >= 0 {
			p.payload = size + len("\r\n")
		}
	}
	_, err := p.server.Write(b[sent:])
	return err
}

// announcedSize returns how many bytes of a message follow the line; -1 where none
// does, or one that the server does not take.
func announcedSize(line []byte) int {
	words := bytes.Fields(line)
	if len(words) < 3 || !bytes.EqualFold(words[0], []byte("PUB")) && !bytes.EqualFold(words[0], []byte("HPUB")) {
		return -1
	}
	size, err := strconv.Atoi(string(words[len(words)-1]))
	if err != nil || size < 0 || size > maxPayload {
		return -1
	}
	return size
}

// acquireLarge waits until one more large message may be in flight. The wait is
// bounded, because the connection counts against maxPublishers meanwhile.
func (p *publisherConn) acquireLarge(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, largeTimeout)
	defer stop()
	select {
	case p.large <- struct{}{}:
		p.holdsLarge = true
		return p.client.SetReadDeadline(time.Now().Add(largeTimeout))
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *publisherConn) releaseLarge() {
	if p.holdsLarge {
		<-p.large
		p.holdsLarge = false
		_ = p.client.SetReadDeadline(time.Time{})
	}
}
