package intake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// expires is how long the server keeps a request for messages, and
	// heartbeat how often it says so. One that was replaced, or that lost the
	// consumer while we were away, says nothing.
	expires   = 30 * time.Second
	heartbeat = 2 * time.Second
	// glance bounds how long a connection made anew waits for a new request.
	glance = 250 * time.Millisecond
	// words is room for what the server says between the messages.
	words = 256
)

var (
	errEnded  = errors.New("no more messages")
	errSilent = errors.New("the server says nothing: it may have lost the consumer")
)

// pull reads the messages of a durable consumer. It does what jetstream's own
// reader does but for one thing: that takes every empty message with a header
// named Status for a word of the server, so that whoever may publish could stop
// it. What the server hands out has a reply subject, its own words have none.
type pull struct {
	conn    *nats.Conn
	sub     *nats.Subscription
	ch      chan *nats.Msg
	ended   chan struct{} // closed when nothing more comes into ch
	request string        // where messages are asked for
	batch   int

	onHeard    func() // called when the server says or sends something
	wanted     int    // asked for and neither come nor refused
	heard      time.Time
	reconnects uint64
}

func newPull(js jetstream.JetStream, consumer jetstream.Consumer, batch int, onHeard func()) (*pull, error) {
	info, prefix := consumer.CachedInfo(), cmp.Or(js.Options().APIPrefix, jetstream.DefaultAPIPrefix)
	p := &pull{
		conn: js.Conn(), batch: batch, heard: time.Now(), onHeard: onHeard,
		ch:      make(chan *nats.Msg, batch+words),
		ended:   make(chan struct{}),
		request: fmt.Sprintf("%sCONSUMER.MSG.NEXT.%s.%s", prefix, info.Stream, info.Name),
	}
	p.reconnects = p.conn.Stats().Reconnects
	var err error
	if p.sub, err = p.conn.ChanSubscribe(p.conn.NewInbox(), p.ch); err != nil {
		return nil, fmt.Errorf("listen for events: %w", err)
	}
	ended := sync.OnceFunc(func() { close(p.ended) }) // the connection may close while p is drained: then it says so twice
	p.sub.SetClosedHandler(func(string) { ended() })
	return p, nil
}

// drain asks for no more and lets next return what is on its way.
func (p *pull) drain() { _ = p.sub.Drain() } // one that is closed has ended already

// next returns the next message. After drain, and after the connection was
// closed, the error is errEnded once there are no more; after any other error p
// is of no more use.
func (p *pull) next() (*nats.Msg, error) {
	for {
		if err := p.ask(); err != nil {
			return nil, err
		}
		msg, err := p.receive()
		if err != nil {
			return nil, err
		}
		if msg != nil { // also one that waited here while next was not called
			p.heard = time.Now()
			p.onHeard()
		}
		switch {
		case msg == nil:
		case msg.Reply != "":
			p.wanted--
			return msg, nil
		default:
			if err := p.listen(msg); err != nil {
				return nil, err
			}
		}
	}
}

// ask requests messages when half of those requested have come. What was
// requested over a connection that is lost is forgotten.
func (p *pull) ask() error {
	if now := p.conn.Stats().Reconnects; now != p.reconnects {
		p.reconnects, p.wanted, p.heard = now, 0, time.Now()
	}
	if p.wanted > p.batch/2 || !p.sub.IsValid() || p.sub.IsDraining() || !p.conn.IsConnected() {
		return nil
	}
	more := p.batch - p.wanted
	body, err := json.Marshal(map[string]int64{"batch": int64(more), "expires": int64(expires), "idle_heartbeat": int64(heartbeat)})
	if err != nil {
		return fmt.Errorf("ask for events: %w", err)
	}
	if err := p.conn.PublishRequest(p.request, p.sub.Subject, body); err != nil {
		return fmt.Errorf("ask for events: %w", err)
	}
	p.wanted, p.heard = p.wanted+more, time.Now()
	return nil
}

// receive returns nothing when nothing came for a moment.
func (p *pull) receive() (*nats.Msg, error) {
	select {
	case msg := <-p.ch:
		return msg, nil
	default:
	}
	timer := time.NewTimer(glance)
	defer timer.Stop()
	select {
	case msg := <-p.ch:
		return msg, nil
	case <-p.ended:
		return p.rest()
	case <-timer.C:
	}
	if !p.sub.IsValid() {
		return p.rest()
	}
	if p.conn.IsConnected() && time.Since(p.heard) > 2*heartbeat {
		return nil, errSilent
	}
	return nil, nil
}

func (p *pull) rest() (*nats.Msg, error) {
	select {
	case msg := <-p.ch:
		return msg, nil
	default:
		return nil, errEnded
	}
}

// listen takes in a word of the server (NATS ADR-37).
func (p *pull) listen(msg *nats.Msg) error {
	status, why := msg.Header.Get("Status"), msg.Header.Get("Description")
	switch status {
	case "100":
		return nil
	case "404", "408":
		left, err := strconv.Atoi(msg.Header.Get("Nats-Pending-Messages"))
		if err != nil {
			left = p.wanted
		}
		p.wanted = max(p.wanted-left, 0)
		return nil
	}
	return fmt.Errorf("the server answers %s %s", status, why)
}
