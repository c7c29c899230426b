package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsWindow is how many events may be in flight at once over NATS.
const natsWindow = 64

// overNATS publishes on JetStream.
type overNATS struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	subjects []string

	lost, unanswered *EndError
}

// OverNATS returns a sender over conn for a service that listens on subjects and
// acknowledges an event within the timeout; 0: 10 s. How long to wait for a lost server
// is up to conn.
func OverNATS(conn *nats.Conn, subjects []string, timeout time.Duration) (*Sender, error) {
	timeout = cmp.Or(timeout, ackTimeout)
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(natsWindow), jetstream.WithPublishAsyncTimeout(timeout))
	if err != nil {
		return nil, fmt.Errorf("use jetstream: %w", err)
	}
	where := conn.ConnectedAddr() // now, because a lost connection has none
	return &Sender{window: natsWindow, bytes: math.MaxInt, way: &overNATS{
		conn: conn, js: js, subjects: subjects,
		lost: &EndError{Why: fmt.Sprintf("the connection to nats at %s was lost and did not come back", where), Next: "run it again", Open: true},
		unanswered: &EndError{Why: fmt.Sprintf("no acknowledgement from nats at %s within %s", where, timeout),
			Next: "check /readyz of the service, then run it again", Open: true},
	}}, nil
}

func (n *overNATS) start(ctx context.Context, item Item) (func() Receipt, bool) {
	p := n.publish(ctx, item)
	return func() Receipt { return n.settle(ctx, p) }, p.err != n.lost
}

// pending is an event in flight, or the error why it is not.
type pending struct {
	item   Item
	future jetstream.PubAckFuture
	err    error
}

func (n *overNATS) publish(ctx context.Context, item Item) pending {
	p := pending{item: item}
	var subject string
	if subject, p.err = n.subject(item.Kind); p.err != nil {
		return p
	}
	if p.err = n.connected(ctx); p.err != nil {
		return p
	}
	// Without an id of its own: a stream that remembers ids would drop an event that was
	// rejected when it was sent before.
	msg := &nats.Msg{Subject: subject, Header: nats.Header{}, Data: item.Data}
	attempts := jetstream.DefaultPubRetryAttempts
	if n.conn.Stats().Reconnects > 0 { // a server that has just come back may have to find its streams
		attempts = int(ackTimeout / jetstream.DefaultPubRetryWait)
	}
	p.future, p.err = n.js.PublishMsgAsync(msg, jetstream.WithRetryAttempts(attempts))
	return p
}

// connected waits for a lost connection to come back.
func (n *overNATS) connected(ctx context.Context) error {
	if n.conn.IsConnected() {
		return nil
	}
	changed := n.conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer n.conn.RemoveStatusListener(changed)
	for !n.conn.IsConnected() {
		if n.conn.IsClosed() {
			return n.lost
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return interrupted(ctx)
		}
	}
	return nil
}

// maxTries bounds how often an event is sent, for it may be why the connection is lost.
const maxTries = 5

// settle waits for the acknowledgement, and sends the event again when the
// connection was lost before it came: taken in twice, it is one revision.
func (n *overNATS) settle(ctx context.Context, p pending) Receipt {
	r := p.receipt(ctx)
	for try := 1; try < maxTries; try++ {
		lost := errors.Is(r.Err, jetstream.ErrAsyncPublishTimeout) && !n.conn.IsConnected()
		for _, err := range []error{nats.ErrDisconnected, nats.ErrConnectionClosed, nats.ErrReconnectBufExceeded} {
			lost = lost || errors.Is(r.Err, err)
		}
		if !lost {
			break
		}
		p = n.publish(ctx, p.item)
		r = p.receipt(ctx)
	}
	r.Err = n.explain(r.Err)
	return r
}

// subject returns the configured subject that ends as the kind does.
func (n *overNATS) subject(kind event.Kind) (string, error) {
	word := string(kind)[strings.LastIndexByte(string(kind), '.'):]
	for _, subject := range n.subjects {
		if strings.HasSuffix("."+subject, word) {
			return subject, nil
		}
	}
	if kind == event.Published && len(n.subjects) > 0 {
		return n.subjects[0], nil
	}
	return "", fmt.Errorf("none of the subjects %s takes an %s", strings.Join(n.subjects, ", "), kind)
}

// ackTimeout bounds how long the server may take to acknowledge one event.
const ackTimeout = 10 * time.Second

// receipt waits for the acknowledgement. One that has arrived counts, also when ctx
// has ended.
func (p pending) receipt(ctx context.Context) Receipt {
	r := Receipt{Item: p.item, Err: p.err}
	if r.Err != nil {
		return r
	}
	select {
	case ack := <-p.future.Ok():
		r.Stream, r.Sequence = ack.Stream, ack.Sequence
	case r.Err = <-p.future.Err():
	case <-ctx.Done():
		select {
		case ack := <-p.future.Ok():
			r.Stream, r.Sequence = ack.Stream, ack.Sequence
		default:
			r.Err = interrupted(ctx)
		}
	}
	return r
}

const (
	// storeFailed is the error code of a stream that refuses, as a full one does.
	storeFailed jetstream.ErrorCode = 10077
	// noResources is the error code of a server that stores as much as it may.
	noResources jetstream.ErrorCode = 10023
)

// explain adds a remedy to the error of an event that was not stored.
func (n *overNATS) explain(err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrAsyncPublishTimeout):
		return n.unanswered
	case errors.Is(err, nats.ErrDisconnected):
		return fmt.Errorf("the connection was lost again and again: it may be stored all the same, send it again: %w", err)
	case errors.Is(err, nats.ErrConnectionClosed):
		return n.lost
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("there is no event stream: start \"gallerywire serve\", or if it runs, \"gallerywire health\" says why it takes nothing in: %w", err)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("larger than the server takes: make it smaller: %w", err)
	case errors.As(err, &api) && api.ErrorCode == noResources:
		return fmt.Errorf("the server has no room for events: send it again when there is room on its disk: %w", err)
	case errors.As(err, &api) && api.ErrorCode == storeFailed && strings.HasPrefix(api.Description, "maximum "):
		return fmt.Errorf("the event stream is full: send it again when gallerywire has caught up: %w", err)
	}
	return err
}
