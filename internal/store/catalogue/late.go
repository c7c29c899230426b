package catalogue

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A take-down may overtake the publication that it ends. Feeds say then all the
// same that the gallery is gone, or they would depend on the order in which the
// two came: the record of the take-down learns from the publication what was
// taken down.

// learns reports whether e is a take-down that ended r and does not know of it,
// nor of a later one.
func (e *Entry) learns(r Revision) bool {
	if r.Gallery == nil || !e.Rank.TakeDown || e.state != sound {
		return false
	}
	known := e.ended()
	return known == nil || known.of.rank.Compare(r.Rank) < 0
}

// teach writes the record of the take-down anew, with what r tells.
func (c *Catalogue) teach(ctx context.Context, key string, r Revision) error {
	stream, err := c.open(ctx)
	if err != nil {
		return err
	}
	raw, err := stream.GetLastMsgForSubject(ctx, c.subject(key))
	if err != nil {
		return err
	}
	e, err := entry(key, raw.Header, raw.Sequence, raw.Time)
	if err != nil || !e.learns(r) {
		return err // somebody else did it
	}
	msg := nats.NewMsg(c.subject(key))
	msg.Data = raw.Data
	for _, name := range []string{headerFormat, headerEvent} {
		if value := raw.Header.Get(name); value != "" {
			msg.Header.Set(name, value)
		}
	}
	index, err := e.taught(r, raw.Header.Get(headerIndex))
	if err != nil {
		return fmt.Errorf("encode the index line of gallery %q: %w", r.ID, err)
	}
	msg.Header.Set(headerIndex, string(index))
	_, err = c.opts.JetStream.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(e.Revision))
	return err
}

// taught returns the index line of e with what r tells.
func (e *Entry) taught(r Revision, index string) ([]byte, error) {
	var l line
	if err := json.Unmarshal([]byte(index), &l); err != nil {
		return nil, err
	}
	was := lineOf(r, nil).entry()
	was.Rank = r.Rank
	ds := departures(e, nil, e.Rank, false)
	l.GUID = was.GUID()
	l.leave(shorten(append(ds, was.departs(e.Rank))))
	return l.encode()
}
