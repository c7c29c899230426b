package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Receipt is the server's acknowledgement.
type Receipt struct {
	Item     Item
	Stream   string
	Sequence uint64
	Err      error
}

// window is how many events may be in flight at once.
const window = 64

// ErrLost means that the connection is gone and did not come back. The event may be
// stored or not.
var ErrLost = errors.New("the connection to nats was lost and did not come back: send it again")

// ErrUnanswered means that the server did not acknowledge an event in time.
var ErrUnanswered = errors.New("no acknowledgement: it may be stored all the same, send it again")

// Sender sends events. Its methods are not for concurrent use.
type Sender struct {
	conn     *nats.Conn
	js       jetstream.JetStream
	subjects []string
}

// NewSender returns a sender over conn for a service that listens on subjects and
// acknowledges an event within the timeout; 0: 10 s. How long to wait for a lost server
// is up to conn.
func NewSender(conn *nats.Conn, subjects []string, timeout time.Duration) (*Sender, error) {
	timeout = cmp.Or(timeout, ackTimeout)
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(window), jetstream.WithPublishAsyncTimeout(timeout))
	if err != nil {
		return nil, fmt.Errorf("use jetstream: %w", err)
	}
	return &Sender{conn: conn, js: js, subjects: subjects}, nil
}

// Send sends the items and calls done with each one's receipt, in their order. An item
// with a fault is not sent; its receipt has the fault. Send returns early only when ctx
// ends, or with [ErrLost] or [ErrUnanswered]; the receipts of items in flight that are
// not acknowledged then have that error.
func (s *Sender) Send(ctx context.Context, items iter.Seq[Item], done func(Receipt)) error {
	var queue []pending
	var gone error
	settle := func(most int) {
		for len(queue) > most {
			r := s.settle(ctx, queue[0])
			if errors.Is(r.Err, ErrLost) || errors.Is(r.Err, ErrUnanswered) {
				gone = cmp.Or(gone, r.Err)
			}
			done(r)
			queue = queue[1:]
		}
	}
	for item := range items {
		if ctx.Err() != nil {
			break
		}
		p := s.start(ctx, item)
		queue = append(queue, p)
		settle(window - 1)
		if gone != nil || errors.Is(p.err, ErrLost) {
			break
		}
	}
	settle(0)
	return cmp.Or(ctx.Err(), gone)
}

// pending is an event in flight, or the error why it is not.
type pending struct {
	item   Item
	future jetstream.PubAckFuture
	err    error
}

func (s *Sender) start(ctx context.Context, item Item) pending {
	p := pending{item: item, err: item.Fault}
	if p.err != nil {
		return p
	}
	var subject string
	if subject, p.err = s.subject(item.Kind); p.err != nil {
		return p
	}
	if p.err = s.connected(ctx); p.err != nil {
		return p
	}
	// Without an id of its own: a stream that remembers ids would drop an event that was
	// rejected when it was sent before.
	msg := &nats.Msg{Subject: subject, Header: nats.Header{}, Data: item.Data}
	attempts := jetstream.DefaultPubRetryAttempts
	if s.conn.Stats().Reconnects > 0 { // a server that has just come back may have to find its streams
		attempts = int(ackTimeout / jetstream.DefaultPubRetryWait)
	}
	p.future, p.err = s.js.PublishMsgAsync(msg, jetstream.WithRetryAttempts(attempts))
	return p
}

// connected waits for a lost connection to come back.
func (s *Sender) connected(ctx context.Context) error {
	if s.conn.IsConnected() {
		return nil
	}
	changed := s.conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer s.conn.RemoveStatusListener(changed)
	for !s.conn.IsConnected() {
		if s.conn.IsClosed() {
			return ErrLost
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
func (s *Sender) settle(ctx context.Context, p pending) Receipt {
	r := p.receipt(ctx)
	for try := 1; try < maxTries; try++ {
		lost := errors.Is(r.Err, jetstream.ErrAsyncPublishTimeout) && !s.conn.IsConnected()
		for _, err := range []error{nats.ErrDisconnected, nats.ErrConnectionClosed, nats.ErrReconnectBufExceeded} {
			lost = lost || errors.Is(r.Err, err)
		}
		if !lost {
			break
		}
		p = s.start(ctx, p.item)
		r = p.receipt(ctx)
	}
	r.Err = explain(r.Err)
	return r
}

// subject returns the configured subject that ends as the kind does.
func (s *Sender) subject(kind event.Kind) (string, error) {
	word := string(kind)[strings.LastIndexByte(string(kind), '.'):]
	for _, subject := range s.subjects {
		if strings.HasSuffix("."+subject, word) {
			return subject, nil
		}
	}
	if kind == event.Published && len(s.subjects) > 0 {
		return s.subjects[0], nil
	}
	return "", fmt.Errorf("none of the subjects %s takes an %s", strings.Join(s.subjects, ", "), kind)
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

func interrupted(ctx context.Context) error {
	return fmt.Errorf("it may be stored or not, send it again: %w", ctx.Err())
}

const (
	// storeFailed is the error code of a stream that refuses, as a full one does.
	storeFailed jetstream.ErrorCode = 10077
	// noResources is the error code of a server that stores as much as it may.
	noResources jetstream.ErrorCode = 10023
)

// explain adds a remedy to the error of an event that was not stored.
func explain(err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrAsyncPublishTimeout):
		return ErrUnanswered
	case errors.Is(err, nats.ErrDisconnected):
		return fmt.Errorf("the connection was lost again and again: it may be stored all the same, send it again: %w", err)
	case errors.Is(err, nats.ErrConnectionClosed):
		return ErrLost
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
