// Package publish sends galleries as a CMS does: over JetStream, waiting for
// the acknowledgement that says the event is stored.
//
// Events are sent in the order in which they are read, with several under way
// at once. An event sent again within the stream's window is known to the
// server and stored once.
package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	Fault error // what is wrong with it; nil when it would be accepted
}

// Read yields the events in r: one JSON value after the other (NDJSON, or plain
// JSON), a list being its elements. It ends after the first value that is not
// JSON, for what follows cannot be told.
func Read(name string, r io.Reader, maxEvent int64) func(yield func(Item) bool) {
	return func(yield func(Item) bool) {
		// Values are taken as they are: what is wrong inside is the event's fault.
		d := jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		inside := false // of a list
		for n := 1; ; {
			switch d.PeekKind() {
			case '[':
				if !inside {
					inside = true
					_, _ = d.ReadToken()
					continue
				}
			case ']':
				inside = false
				_, _ = d.ReadToken()
				continue
			}
			value, err := d.ReadValue()
			if errors.Is(err, io.EOF) && !inside {
				return
			}
			place := fmt.Sprintf("%s #%d", name, n)
			if err != nil {
				yield(Item{Name: place, Fault: fmt.Errorf("not valid JSON: %w", err)})
				return
			}
			if !yield(inspect(place, value.Clone(), maxEvent)) {
				return
			}
			n++
		}
	}
}

// inspect decodes the event as the service would.
func inspect(name string, data []byte, maxEvent int64) Item {
	item := Item{Name: name, Kind: event.Published, Data: data}
	m := event.Message{Data: data, Stored: time.Now()}
	_, _, item.ID = event.Attributes(m)
	e, err := event.Decode(m, maxEvent)
	if err != nil {
		item.Fault = err
		return item
	}
	item.Kind = e.Kind
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
// It returns early only when ctx ends.
func (s *Sender) Send(ctx context.Context, items func(func(Item) bool), done func(Receipt)) error {
	type waiting struct {
		item   Item
		future jetstream.PubAckFuture
		err    error
	}
	var queue []waiting
	settle := func(most int) {
		for len(queue) > most {
			w := queue[0]
			queue = queue[1:]
			done(receive(ctx, w.item, w.future, w.err))
		}
	}
	for item := range items {
		if ctx.Err() != nil {
			break
		}
		msg, err := s.message(item)
		w := waiting{item: item, err: err}
		if err == nil {
			w.future, w.err = s.js.PublishMsgAsync(msg)
		}
		queue = append(queue, w)
		settle(window - 1)
	}
	settle(0)
	return ctx.Err()
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

func receive(ctx context.Context, item Item, future jetstream.PubAckFuture, err error) Receipt {
	if err != nil {
		return Receipt{Item: item, Err: err}
	}
	timeout := time.NewTimer(ackTimeout)
	defer timeout.Stop()
	select {
	case ack := <-future.Ok():
		return Receipt{Item: item, Stream: ack.Stream, Sequence: ack.Sequence, Duplicate: ack.Duplicate}
	case err := <-future.Err():
		return Receipt{Item: item, Err: err}
	case <-timeout.C:
		return Receipt{Item: item, Err: errors.New("no acknowledgement: is gallerywire running there, and may you publish?")}
	case <-ctx.Done():
		return Receipt{Item: item, Err: ctx.Err()}
	}
}
