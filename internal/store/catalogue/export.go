package catalogue

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrUnreadable means that one record can not be read, while others may be.
var ErrUnreadable = errors.New("record can not be read")

// Record is a gallery as the bucket holds it.
type Record struct {
	Revision        // without its Gallery when it comes from Export
	Past     []byte // what it remembers of the revisions before, as JSON; opaque; nil: nothing
}

// exportAhead is how many records, events included, are asked for at once.
const exportAhead = 64

// past is the part of a record that does not follow from its event. Its names
// are those of the index line.
type past struct {
	GUID   string     `json:"g,omitzero"` // of a take-down: what its gallery had
	Left   []wireLeft `json:"left,omitzero"`
	Stored int64      `json:"at,omitzero"`
}

// Export yields every record, those of take-downs included, in the order in
// which they were written. A gallery that is revised meanwhile may come twice,
// the later revision last, and none is missed. A record that can not be read is
// an [ErrUnreadable] and the next ones follow; any other error is the last.
func (c *Catalogue) Export(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		consumer, messages, err := c.records(ctx)
		if err != nil {
			yield(Record{}, err)
			return
		}
		if messages == nil {
			return
		}
		defer messages.Stop()
		for more := true; more; {
			msg, meta, err := c.next(ctx, consumer, messages)
			if err != nil {
				yield(Record{}, err)
				return
			}
			if msg == nil {
				return
			}
			more = meta.NumPending > 0
			r, there, err := c.record(msg, meta)
			if (there || err != nil) && !yield(r, err) {
				return
			}
		}
	}
}

// records returns the bucket's messages from the first and whose they are, nil when
// it is empty.
func (c *Catalogue) records(ctx context.Context) (jetstream.Consumer, jetstream.MessagesContext, error) {
	stream, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	if info.State.Msgs == 0 {
		return nil, nil, nil
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{c.subject(">")}, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(exportAhead))
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	return consumer, messages, nil
}

// next returns the next message, nil when none is left: the last ones may be
// deleted before they are sent, of which the server says nothing.
func (c *Catalogue) next(ctx context.Context, consumer jetstream.Consumer, messages jetstream.MessagesContext) (jetstream.Msg, *jetstream.MsgMetadata, error) {
	msg, err := c.await(ctx, messages)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		info, infoErr := consumer.Info(ctx)
		if infoErr != nil || info.NumPending > 0 {
			return nil, nil, fmt.Errorf("read the bucket: %w", err)
		}
		msg, err = c.await(ctx, messages) // which the server sent just now
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return nil, nil, nil
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	meta, err := msg.Metadata()
	if err != nil {
		return nil, nil, fmt.Errorf("read the bucket: %w", err)
	}
	return msg, meta, nil
}

// await waits no longer for a message than for any other answer.
func (c *Catalogue) await(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	waiting, cancel := context.WithTimeout(ctx, c.opts.JetStream.Options().DefaultTimeout)
	defer cancel()
	msg, err := messages.Next(jetstream.NextContext(waiting))
	if err == nil {
		err = ctx.Err() // what came before ctx ended is handed out all the same
	}
	return msg, err
}

// record reads a message of the bucket. There is no record in one that says
// that somebody deleted it.
func (c *Catalogue) record(msg jetstream.Msg, meta *jetstream.MsgMetadata) (r Record, there bool, err error) {
	if bucket.Deleted(msg.Headers()) {
		return Record{}, false, nil
	}
	key := strings.TrimPrefix(msg.Subject(), c.subject(""))
	e, err := entry(key, msg.Headers(), meta.Sequence.Stream, meta.Timestamp)
	if err == nil && e.state == foreign {
		err = ErrNewerFormat
	}
	if err != nil {
		return Record{}, false, unreadable(key, err)
	}
	r.Revision = Revision{ID: e.ID, Rank: e.Rank, Reason: e.Reason(), Body: msg.Data()}
	if attributes := msg.Headers().Get(headerEvent); attributes != "" {
		r.Event = []byte(attributes)
	}
	if r.Past, err = pastOf(e, msg.Headers().Get(headerIndex)); err != nil {
		return Record{}, false, unreadable(key, err)
	}
	return r, true, nil
}

func unreadable(key string, err error) error {
	return fmt.Errorf("record %s: %w: %w", key, ErrUnreadable, err)
}

// pastOf takes the past out of the index line of e. What left with the record
// itself is dated, for elsewhere the record will have another date.
func pastOf(e *Entry, index string) ([]byte, error) {
	var p past
	if err := json.Unmarshal([]byte(index), &p); err != nil {
		return nil, err
	}
	if !e.Rank.TakeDown {
		p.GUID = "" // its event says it
	}
	for i := range p.Left {
		if p.Left[i].At == 0 {
			p.Left[i].At = e.stored
		}
	}
	if p.GUID == "" && p.Left == nil {
		return nil, nil
	}
	p.Stored = e.stored
	return json.Marshal(p)
}

// Restore is [Catalogue.Put] for a record that was exported: where nothing is
// known of the gallery yet, the record remembers what it did.
func (c *Catalogue) Restore(ctx context.Context, r Record) (Outcome, error) {
	outcome, err := c.restore(ctx, r)
	if err != nil {
		return "", fmt.Errorf("restore gallery %q: %w", r.ID, err)
	}
	return outcome, nil
}

func (c *Catalogue) restore(ctx context.Context, r Record) (Outcome, error) {
	key := gallery.Key(r.ID)
	prev, err := c.fetch(ctx, key)
	if err != nil {
		return "", err
	}
	switch {
	case prev.known() == nil:
	case prev.yields(r.Rank) || prev.learns(r.Revision):
		return c.Put(ctx, r.Revision)
	default:
		outcome, _, err := refuse(prev, r.Rank)
		return outcome, err
	}
	before, err := c.before(r, prev)
	if err != nil {
		return "", err
	}
	if _, err := c.write(ctx, key, r.Revision, before); !conflict(err) {
		return Stored, err
	}
	return c.Put(ctx, r.Revision)
}

// before returns an entry which the record follows as it followed the real one.
// It stands in the place of prev, of which nothing is known.
func (c *Catalogue) before(r Record, prev *Entry) (*Entry, error) {
	var p past
	if len(r.Past) > 0 {
		if err := json.Unmarshal(r.Past, &p); err != nil {
			return nil, fmt.Errorf("its past: %w: %w", ErrUnreadable, err)
		}
	}
	if r.Rank.TakeDown && !c.tells(r.Rank, p.Stored) {
		for i := range p.Left {
			p.Left[i].Down = false
			if of := p.Left[i].Of; of != nil {
				of.From = 0
			}
		}
	}
	if prev == nil {
		return line{TakeDown: true, GUID: p.GUID, Left: p.Left}.entry(), nil
	}
	p.Left = append(p.Left, wireLeft{All: true, At: prev.stored}) // whatever was there is touched
	e := line{TakeDown: true, GUID: p.GUID, Left: p.Left}.entry()
	e.Revision = prev.Revision
	return e, nil
}

// tells reports whether feeds still say that a gallery was taken down. The
// record is stored anew here, and would be said to be new.
func (c *Catalogue) tells(rank gallery.Rank, stored int64) bool {
	e := &Entry{Rank: rank, stored: stored}
	e.keep(c.opts.Tombstones)
	return c.opts.Now().UnixNano() < e.forgotten()
}
