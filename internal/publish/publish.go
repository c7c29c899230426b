// Package publish sends galleries as a CMS does: over JetStream, waiting for
// the acknowledgement that says the event is stored.
//
// Events are sent in the order in which they are read, with several under way
// at once. An event sent again within the stream's window is known to the
// server and stored once. A [Folder] remembers what was acknowledged of its
// files, so that what was interrupted goes on where it was, and what did not
// change is not sent again.
package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Item is an event to be sent, or why there is none.
type Item struct {
	Name  string     // where it comes from, for people: "harbour.json", "- #3"
	ID    string     // of the gallery, where it could be read
	Kind  event.Kind // what its own content says, else Published
	Data  []byte
	Event *event.Event // what Data says; nil when there is a fault
	Fault error        // what is wrong with it; nil when it would be accepted

	file *file // of a folder
}

// Read yields the events in r: one JSON value after the other (NDJSON, or plain
// JSON), a list being its elements. It ends after the first value that is not
// JSON, for what follows cannot be told.
func Read(name string, r io.Reader, events event.Reader) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		// Values are taken as they are: what is wrong inside is the event's fault.
		values := reader{d: jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
		for n := 1; ; n++ {
			place := fmt.Sprintf("%s #%d", name, n)
			value, err := values.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Item{Name: place, Fault: fmt.Errorf("not valid JSON: %w", err)})
				return
			}
			if !yield(inspect(place, value.Clone(), events)) {
				return
			}
		}
	}
}

// reader reads values one after the other and into lists, but not into lists in
// lists.
type reader struct {
	d      *jsontext.Decoder
	inside bool
}

// next returns [io.EOF] itself only where the input may end.
func (r *reader) next() (jsontext.Value, error) {
	for {
		kind := r.d.PeekKind()
		if !(kind == '[' && !r.inside || kind == ']' && r.inside) {
			return r.d.ReadValue()
		}
		if _, err := r.d.ReadToken(); err != nil {
			return nil, err
		}
		r.inside = !r.inside
	}
}

// inspect decodes the event as the service would.
func inspect(name string, data []byte, events event.Reader) Item {
	item := Item{Name: name, Kind: event.Published, Data: data}
	m := event.Message{Data: data, Stored: time.Now()}
	_, _, item.ID = event.Attributes(m)
	if item.Event, item.Fault = events.Decode(m); item.Fault == nil {
		item.Kind = item.Event.Kind
	}
	return item
}

// TakeDown returns the event that takes a gallery down as of the instant at.
func TakeDown(id, reason string, version int64, at time.Time) (Item, error) {
	data, err := json.Marshal(event.TakeDown{ID: id, Updated: at.UTC(), Version: version, Reason: reason})
	if err != nil {
		return Item{}, fmt.Errorf("take down %q: %w", id, err)
	}
	item := Item{Name: id, ID: id, Kind: event.Unpublished, Data: data}
	if ps := gallery.ValidateTakeDown(id, at, version, reason); len(ps) > 0 {
		item.Fault = ps
	}
	return item, nil
}

// Receipt is the server's acknowledgement.
type Receipt struct {
	Item      Item
	Stream    string
	Sequence  uint64
	Duplicate bool // the server had it already
	Err       error
}

// window is how many events may be under way at once.
const window = 64

// Sender sends events. Its methods are not for concurrent use.
type Sender struct {
	js       jetstream.JetStream
	subjects []string
}

// NewSender returns a sender over conn for a service that listens on subjects.
func NewSender(conn *nats.Conn, subjects []string) (*Sender, error) {
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(window))
	if err != nil {
		return nil, fmt.Errorf("use jetstream: %w", err)
	}
	return &Sender{js: js, subjects: subjects}, nil
}

// Send sends the items and calls done with each one's receipt, in their order.
// An item with a fault is not sent; its receipt holds the fault. Send returns
// early only when ctx ends.
func (s *Sender) Send(ctx context.Context, items iter.Seq[Item], done func(Receipt)) error {
	var queue []pending
	settle := func(most int) {
		for len(queue) > most {
			done(queue[0].receipt(ctx))
			queue = queue[1:]
		}
	}
	for item := range items {
		if ctx.Err() != nil {
			break
		}
		queue = append(queue, s.start(item))
		settle(window - 1)
	}
	settle(0)
	return ctx.Err()
}

// pending is an event under way, or why it is not.
type pending struct {
	item   Item
	future jetstream.PubAckFuture
	err    error
	since  time.Time
}

func (s *Sender) start(item Item) pending {
	p := pending{item: item, err: item.Fault, since: time.Now()}
	if p.err != nil {
		return p
	}
	msg, err := s.message(item)
	if err != nil {
		p.err = err
		return p
	}
	p.future, p.err = s.js.PublishMsgAsync(msg)
	return p
}

func (s *Sender) message(item Item) (*nats.Msg, error) {
	subject, err := s.subject(item.Kind)
	if err != nil {
		return nil, err
	}
	msg := nats.NewMsg(subject)
	msg.Data = item.Data
	msg.Header.Set(nats.MsgIdHdr, gallery.HashOf(append([]byte(subject+" "), item.Data...)).String())
	return msg, nil
}

// subject is the configured one whose end says the kind.
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

// receipt waits for the acknowledgement. One that has arrived counts, however
// late it is looked at.
func (p pending) receipt(ctx context.Context) Receipt {
	r := Receipt{Item: p.item, Err: explain(p.err)}
	if r.Err != nil {
		return r
	}
	timeout := time.NewTimer(max(time.Until(p.since.Add(ackTimeout)), time.Millisecond))
	defer timeout.Stop()
	select {
	case ack := <-p.future.Ok():
		r.Stream, r.Sequence, r.Duplicate = ack.Stream, ack.Sequence, ack.Duplicate
	case err := <-p.future.Err():
		r.Err = explain(err)
	case <-timeout.C:
		r.Err = errors.New("no acknowledgement: it may be stored all the same, send it again")
	case <-ctx.Done():
		r.Err = fmt.Errorf("it may be stored or not, send it again: %w", ctx.Err())
	}
	return r
}

// storeFailed is the server's code for a stream that refuses, as a full one
// does.
const storeFailed jetstream.ErrorCode = 10077

// explain says what to do about an event that was not taken.
func explain(err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("nobody stores events there: start \"gallerywire serve\" first: %w", err)
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("larger than the server takes: make it smaller: %w", err)
	case errors.As(err, &api) && api.ErrorCode == storeFailed && strings.HasPrefix(api.Description, "maximum "):
		return fmt.Errorf("the event stream is full: send it again when gallerywire has caught up: %w", err)
	}
	return err
}
