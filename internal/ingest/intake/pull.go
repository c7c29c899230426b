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
	// requestExpiry is how long the server keeps a request for messages, and heartbeat
	// how often it says so. A request that was replaced, or whose consumer is lost, has
	// no heartbeats.
	requestExpiry = 30 * time.Second
	heartbeat     = 2 * time.Second
	// receiveTimeout bounds how long a connection made anew waits for a new request.
	receiveTimeout = 250 * time.Millisecond
	// statusRoom is how many status messages of the server may wait in addition to the events.
	statusRoom = 256
)

var (
	errEnded  = errors.New("no more messages")
	errSilent = errors.New("the server does not answer: it may have lost the consumer")
)

// pull reads the messages of a durable consumer. It does what jetstream's own reader
// does but for one thing: that reader takes every empty message with a header named
// Status for a status of the server, so that anybody who may publish could stop it. A
// delivered event has a reply subject, a status has none.
type pull struct {
	conn    *nats.Conn
	sub     *nats.Subscription
	ch      chan *nats.Msg
	ended   chan struct{} // closed when nothing more comes into ch
	request string        // subject for requests
	batch   int

	onContact   func() // called with each message of the server
	requested   int    // messages that neither came nor were refused
	lastContact time.Time
	reconnects  uint64
}

func newPull(js jetstream.JetStream, consumer jetstream.Consumer, batch int, onContact func()) (*pull, error) {
	info, prefix := consumer.CachedInfo(), cmp.Or(js.Options().APIPrefix, jetstream.DefaultAPIPrefix)
	p := &pull{
		conn: js.Conn(), batch: batch, lastContact: time.Now(), onContact: onContact,
		ch:      make(chan *nats.Msg, batch+statusRoom),
		ended:   make(chan struct{}),
		request: fmt.Sprintf("%sCONSUMER.MSG.NEXT.%s.%s", prefix, info.Stream, info.Name),
	}
	p.reconnects = p.conn.Stats().Reconnects
	var err error
	if p.sub, err = p.conn.ChanSubscribe(p.conn.NewInbox(), p.ch); err != nil {
		return nil, fmt.Errorf("subscribe to events: %w", err)
	}
	ended := sync.OnceFunc(func() { close(p.ended) }) // a connection that closes while p is drained calls it twice
	p.sub.SetClosedHandler(func(string) { ended() })
	return p, nil
}

// drain requests no more and lets next return what is on its way.
func (p *pull) drain() { _ = p.sub.Drain() } // a closed one has ended already

// next returns the next event. After drain, and after the connection was closed, the
// error is errEnded once there are no more. After another error p is of no more use.
func (p *pull) next() (*nats.Msg, error) {
	for {
		if err := p.ask(); err != nil {
			return nil, err
		}
		msg, err := p.receive()
		if err != nil {
			return nil, err
		}
		if msg == nil {
			continue
		}
		p.lastContact = time.Now() // also when msg waited here while next was not called
		p.onContact()
		if msg.Reply != "" {
			p.requested--
			return msg, nil
		}
		switch status := msg.Header.Get("Status"); status { // NATS ADR-37
		case "100":
		case "404", "408":
			left, err := strconv.Atoi(msg.Header.Get("Nats-Pending-Messages"))
			if err != nil {
				left = p.requested
			}
			p.requested = max(p.requested-left, 0)
		default:
			return nil, fmt.Errorf("the server answers %s %s", status, msg.Header.Get("Description"))
		}
	}
}

// ask requests messages when half of those requested have come. A connection made
// anew has no requests.
func (p *pull) ask() error {
	if now := p.conn.Stats().Reconnects; now != p.reconnects {
		p.reconnects, p.requested, p.lastContact = now, 0, time.Now()
	}
	if p.requested > p.batch/2 || !p.sub.IsValid() || p.sub.IsDraining() || !p.conn.IsConnected() {
		return nil
	}
	more := p.batch - p.requested
	body, err := json.Marshal(map[string]int64{"batch": int64(more), "expires": int64(requestExpiry), "idle_heartbeat": int64(heartbeat)})
	if err == nil {
		err = p.conn.PublishRequest(p.request, p.sub.Subject, body)
	}
	if err != nil {
		return fmt.Errorf("request events: %w", err)
	}
	p.requested, p.lastContact = p.requested+more, time.Now()
	return nil
}

// receive returns nil when nothing came for a moment.
func (p *pull) receive() (*nats.Msg, error) {
	select {
	case msg := <-p.ch:
		return msg, nil
	default:
	}
	timer := time.NewTimer(receiveTimeout)
	defer timer.Stop()
	ended := false
	select {
	case msg := <-p.ch:
		return msg, nil
	case <-p.ended:
		ended = true
	case <-timer.C:
		ended = !p.sub.IsValid()
	}
	if ended {
		select {
		case msg := <-p.ch:
			return msg, nil
		default:
			return nil, errEnded
		}
	}
	if p.conn.IsConnected() && time.Since(p.lastContact) > 2*heartbeat {
		return nil, errSilent
	}
	return nil, nil
}
