package receive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// unpublished ends the subjects on which bare content is a take-down.
const unpublished = ".unpublished"

// messageTooLarge is the error code of a stream with a max_msg_size.
const messageTooLarge jetstream.ErrorCode = 10054

// maxLogged is how many bytes of a reason are logged.
const maxLogged = 500

// delivery is what the events of a request have in common.
type delivery struct {
	sender Sender
	form   form
	id     string    // webhook-id (Standard Webhooks): the event's, if it states none
	signed time.Time // when the request was signed (likewise), at the latest; zero: not known
	wait   time.Duration
}

// pending is an event that was sent to the stream, or the answer if it was not.
type pending struct {
	future  jetstream.PubAckFuture
	leftOut gallery.Problems
	refused *problem
}

// publish publishes the messages, all at once, and returns what became of each.
func (rc *Receiver) publish(ctx context.Context, d delivery, messages []event.Message) []answer {
	d.wait = AckTimeout(len(messages))
	ctx, cancel := context.WithTimeout(ctx, d.wait)
	defer cancel()
	sent := make([]pending, len(messages))
	for i, m := range messages {
		sent[i] = rc.send(d, m)
	}
	lines := make([]answer, len(messages))
	for i, p := range sent {
		lines[i] = rc.settle(ctx, p)
		rc.events.WithLabelValues(cmp.Or(d.sender.Name, loopbackLabel), strconv.Itoa(lines[i].status())).Inc()
	}
	return lines
}

// send decodes the message as intake will, and publishes it as a CMS on NATS would.
func (rc *Receiver) send(d delivery, m event.Message) pending {
	m.Stored = time.Now()
	e, err := rc.decode(d, m)
	if err == nil {
		if m.Subject = rc.opts.Subject(e.Kind); e.Kind == event.Unpublished && !strings.HasSuffix(m.Subject, unpublished) {
			e, err = rc.decode(d, m) // it is none there if only its subject says so
		}
	}
	if err != nil {
		p := refusalOf(err)
		rc.logged.refused.Do(func() {
			rc.opts.Logger.Info("an event over http was refused", "key", cmp.Or(d.sender.Name, loopbackLabel), "status", p.Status, "reason", gallery.Clip(err.Error(), maxLogged))
		})
		return pending{refused: p}
	}
	opts := []jetstream.PublishOpt{jetstream.WithStallWait(d.wait)} // while too many events are not acknowledged
	if id := cmp.Or(e.ID, d.id); id != "" {
		opts = append(opts, jetstream.WithMsgID(d.messageID(id, e.Source, m)))
	}
	if e.Kind == event.Unpublished && e.Source == "" && e.Removed.Updated.IsZero() && !d.signed.IsZero() {
		m.Header = d.attributes(m)
	}
	err = rc.opts.Away()
	var future jetstream.PubAckFuture
	if err == nil {
		rc.remember(m, e)
		future, err = rc.opts.Stream.PublishMsgAsync(&nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}, opts...)
	}
	if err != nil {
		return pending{refused: rc.notStored(err)}
	}
	return pending{future: future, leftOut: e.LeftOut}
}

// decode returns the event if its sender may send it.
func (rc *Receiver) decode(d delivery, m event.Message) (*event.Event, error) {
	rc.decoding <- struct{}{}
	defer func() { <-rc.decoding }()
	reader := rc.opts.Reader
	reader.IDPrefix, reader.GUIDPrefixes = d.sender.IDPrefix, d.sender.GUIDPrefixes
	if int64(len(m.Data)) > reader.MaxBytes {
		return nil, refuse(http.StatusRequestEntityTooLarge, "the event has more than %d bytes (events.max_event)", reader.MaxBytes)
	}
	if d.sender.signs() && d.form.binary {
		return nil, refuse(http.StatusBadRequest, "the signature covers no headers ce-…: send a structured CloudEvent")
	}
	e, err := reader.Decode(m)
	if err == nil && d.sender.signs() && e.Source == "" && e.Kind == event.Unpublished {
		m.Subject = string(event.Published)
		if other, err := reader.Decode(m); err == nil && other.Kind == event.Published {
			return nil, refuse(http.StatusBadRequest, "this is a publication at the address of take-downs, which the signature does not cover: send a take-down, or a CloudEvent")
		}
	}
	if err == nil && e.Source == "" && (d.form.batch || d.form.structured) {
		return nil, gallery.Problems{{Place: "/specversion", Reason: "missing: the Content-Type says that this is a CloudEvent"}}
	}
	return e, err
}

// attributes make a bare take-down without a date a CloudEvent of the time at which it was
// signed. Else it would count as of its arrival, and whoever sends the request once more
// within the tolerance would take down what was published since.
func (d delivery) attributes(m event.Message) map[string][]string {
	at := d.signed
	if at.After(m.Stored) {
		at = m.Stored
	}
	return map[string][]string{
		"ce-specversion": {"1.0"}, "ce-id": {d.id}, "ce-source": {Path}, "ce-type": {string(event.Unpublished)},
		"ce-time": {at.UTC().Format(time.RFC3339Nano)},
	}
}

// messageID tells JetStream that an event was sent before. It holds a hash of all that
// counts of the event: an id that a CMS uses again, or that two of them use, loses none.
func (d delivery) messageID(id, source string, m event.Message) string {
	parts := []string{d.sender.Name, source, id, m.Subject}
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		parts = append(parts, name, m.Header[name][0])
	}
	return gallery.HashOf(fmt.Appendf(nil, "%q %x", parts, sha256.Sum256(m.Data))).String()
}

// settle waits for the acknowledgement.
func (rc *Receiver) settle(ctx context.Context, p pending) answer {
	if p.refused != nil {
		return p.refused
	}
	select {
	case ack := <-p.future.Ok():
		return &receipt{Stream: ack.Stream, Sequence: ack.Sequence, Duplicate: ack.Duplicate, LeftOut: p.leftOut}
	case err := <-p.future.Err():
		return rc.notStored(err)
	case <-ctx.Done():
		return rc.notStored(errors.New("no acknowledgement in time"))
	}
}

// notStored is the answer when the stream refuses an event, or does not answer: it may be
// stored or not, and is to be sent again.
func (rc *Receiver) notStored(err error) *problem {
	refusal, ofServer := errors.AsType[*jetstream.APIError](err)
	if errors.Is(err, nats.ErrMaxPayload) || ofServer && refusal.ErrorCode == messageTooLarge {
		return refuse(http.StatusRequestEntityTooLarge, "the event is larger than the NATS server or the stream allows")
	}
	rc.logged.failed.Do(func() {
		rc.opts.Logger.Warn("an event over http could not be stored, its sender must retry", "err", err)
	})
	return later(http.StatusServiceUnavailable, "the event could not be stored: send it again", retryAfter)
}
