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
	// largeMessage is the size from which a message is large: the server takes
	// memory for all of one once it is announced. So many may be on their way at
	// a time, each for so long.
	largeMessage = 64 << 10
	maxLarge     = 4
	largeTimeout = time.Minute
	// stallTimeout is how long a publisher may take nothing of what it is sent.
	stallTimeout = 10 * time.Second
	// entranceBuffer is for each direction of a connection, and kernelBuffer what
	// the kernel holds of each.
	entranceBuffer = 8 << 10
	kernelBuffer   = 64 << 10
	// maxControlLine is more than the server takes in one line.
	maxControlLine = 8 << 10
)

// entrance is where publishers connect to the embedded server. The server's own
// listener has one bound for everybody, so that strangers who use it up would keep
// the node itself and its commands out; this one counts publishers only, and
// bounds what they can make the server keep in memory.
type entrance struct {
	log   *slog.Logger
	large chan struct{} // the large messages that are on their way

	mu     sync.Mutex
	open   int
	warned time.Time
}

func newEntrance(log *slog.Logger) *entrance {
	return &entrance{log: log, large: make(chan struct{}, maxLarge)}
}

// admit counts a connection that there is room for.
func (e *entrance) admit() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open < maxPublishers {
		e.open++
		return true
	}
	if now := time.Now(); now.Sub(e.warned) > time.Minute {
		e.warned = now
		e.log.Warn("publishers have too many connections, no more are taken: close some, or keep strangers off nats.embedded.listen", "connections", e.open)
	}
	return false
}

func (e *entrance) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open--
}

// refusal is the answer where there are too many connections, as the server gives it.
const refusal = "INFO {}\r\n-ERR 'maximum connections exceeded'\r\n"

// enter hands a publisher's connection on to the server that connect reaches.
func (e *entrance) enter(ctx context.Context, outer net.Conn, connect func() (net.Conn, error)) {
	if !e.admit() {
		_ = outer.SetWriteDeadline(time.Now().Add(time.Second)) // it fits an empty buffer
		_, _ = outer.Write([]byte(refusal))
		return
	}
	defer e.leave()
	if tcp, ok := outer.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(kernelBuffer)
		_ = tcp.SetWriteBuffer(kernelBuffer)
	}
	inner, err := connect()
	if err != nil {
		return
	}
	p := &publisher{outer: outer, inner: inner, large: e.large}
	ctx, end := context.WithCancel(ctx)
	var answers sync.WaitGroup
	answers.Go(func() {
		defer end()
		defer outer.Close()
		p.answer()
	})
	_ = p.introduce()
	_ = p.take(ctx)
	_ = inner.Close()
	answers.Wait()
	p.release()
}

// publisher is a connection of one.
type publisher struct {
	outer, inner net.Conn
	large        chan struct{}
	holds        bool // a place for a large message
	payload      int  // bytes of a message that have not come yet
	line         []byte

	writing sync.Mutex // held while it is written to
}

// introduce tells the server from where the connection is, by the PROXY protocol:
// only one that is from nowhere may be the node's own.
func (p *publisher) introduce() error {
	from, to := p.outer.RemoteAddr().(*net.TCPAddr), p.outer.LocalAddr().(*net.TCPAddr)
	family := "TCP6"
	if from.IP.To4() != nil {
		family = "TCP4"
	}
	_, err := fmt.Fprintf(p.inner, "PROXY %s %s %s %d %d\r\n", family, from.IP, to.IP, from.Port, to.Port)
	return err
}

// answer writes what the server says until either side ends.
func (p *publisher) answer() {
	for buffer := make([]byte, entranceBuffer); ; {
		n, err := p.inner.Read(buffer)
		p.writing.Lock()
		_ = p.outer.SetWriteDeadline(time.Now().Add(stallTimeout))
		_, failed := p.outer.Write(buffer[:n])
		p.writing.Unlock()
		if errors.Join(err, failed) != nil {
			return
		}
	}
}

// take hands over what the publisher sends until either side ends. It reads no
// more while the publisher does not take its answers.
func (p *publisher) take(ctx context.Context) error {
	for buffer := make([]byte, entranceBuffer); ; {
		n, err := p.outer.Read(buffer)
		p.writing.Lock()
		//lint:ignore SA2001 until nothing is being written to it
		p.writing.Unlock()
		if err := errors.Join(p.pass(ctx, buffer[:n]), err); err != nil {
			return err
		}
	}
}

// pass hands b over. Before the line ends that announces a large message, it
// waits until there is room for one.
func (p *publisher) pass(ctx context.Context, b []byte) error {
	sent := 0
	for i := 0; i < len(b); {
		if p.payload > 0 {
			n := min(p.payload, len(b)-i)
			i, p.payload = i+n, p.payload-n
			if p.payload > 0 || !p.holds {
				continue
			}
			if _, err := p.inner.Write(b[sent:i]); err != nil {
				return err
			}
			sent = i
			p.release()
			continue
		}
		end := bytes.IndexByte(b[i:], '\n')
		if end < 0 {
			p.note(b[i:])
			break
		}
		p.note(b[i : i+end])
		size := announced(p.line)
		p.line = p.line[:0]
		if size >= largeMessage {
			if _, err := p.inner.Write(b[sent : i+end]); err != nil {
				return err
			}
			sent = i + end
			if err := p.acquire(ctx); err != nil {
				return err
			}
		}
		i += end + 1
		if size >= 0 {
			p.payload = size + len("\r\n")
		}
	}
	_, err := p.inner.Write(b[sent:])
	return err
}

// note keeps part of a line. The server refuses a longer one.
func (p *publisher) note(part []byte) {
	if len(p.line)+len(part) <= maxControlLine {
		p.line = append(p.line, part...)
	}
}

// announced returns how many bytes of a message follow the line, -1 where none
// does, or one that the server does not take.
func announced(line []byte) int {
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

// acquire waits for room for a large message, not for ever: meanwhile
// it has a connection that others could have.
func (p *publisher) acquire(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, largeTimeout)
	defer stop()
	select {
	case p.large <- struct{}{}:
		p.holds = true
		return p.outer.SetReadDeadline(time.Now().Add(largeTimeout))
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *publisher) release() {
	if p.holds {
		<-p.large
		p.holds = false
		_ = p.outer.SetReadDeadline(time.Time{})
	}
}
