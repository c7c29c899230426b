package intake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Rejects keeps events that can never succeed and notifies their senders.
type Rejects struct {
	opts   RejectsOptions
	stream atomic.Pointer[jetstream.Stream] // nil: not opened yet, or gone
}

// RejectsOptions make Rejects.
type RejectsOptions struct {
	JetStream  jetstream.JetStream
	SubjectOf  func(publisher, plain string) string            // where a replay is published
	Open       func(context.Context) (jetstream.Stream, error) // makes the stream when missing
	Subject    string                                          // prefix of its subjects
	MaxPayload func() int64                                    // of the server, in bytes
	Notify     Notify                                          // may be nil
}

// Notify sends article.rejected with that id: on JetStream's connection without waiting for
// the server, and durably to all that are notified of it. After an error the event is retried.
type Notify func(ctx context.Context, id string, e event.Refusal) error

// NewRejects returns the rejects of a site.
func NewRejects(o RejectsOptions) *Rejects { return &Rejects{opts: o} }

// open returns the stream of rejects, making it when missing.
func (r *Rejects) open(ctx context.Context) (jetstream.Stream, error) {
	if s := r.stream.Load(); s != nil {
		return *s, nil
	}
	s, err := r.opts.Open(ctx)
	if err != nil {
		return nil, err
	}
	r.stream.Store(&s)
	return s, nil
}

// rejection is an event and why it is rejected.
type rejection struct {
	publisher string
	message   event.Message
	problems  gallery.Problems
}

// add keeps the event and notifies its sender. Adding the same message of the event
// stream again keeps it once and notifies again, with the same id. The notice leaves
// on the same connection as the event's acknowledgement, and before it.
func (r *Rejects) add(ctx context.Context, why rejection) (reject Reject, err error) {
	m := why.message
	reject = Reject{
		Publisher: why.publisher, Subject: m.Subject, Stored: m.Stored, Sequence: m.Sequence, Problems: why.problems,
		Header: make(map[string]headerValues, len(m.Header)), Size: len(m.Data), Body: m.Data,
	}
	for key, values := range m.Header {
		for _, v := range values {
			reject.Header[key] = append(reject.Header[key], []byte(v))
		}
	}
	reject.Event, reject.Source, reject.Gallery = attributes(m)
	id := gallery.HashOf(fmt.Appendf(nil, "%d %d %s", m.Sequence, m.Stored.UnixNano(), m.Subject)).String()
	if reject.Number, err = r.store(ctx, id, reject); err != nil {
		return reject, fmt.Errorf("keep a rejected event: %w", err)
	}
	if r.opts.Notify == nil {
		return reject, nil
	}
	return reject, r.opts.Notify(ctx, id, event.Refusal{
		Subject: m.Subject, Event: reject.Event, Source: reject.Source, Gallery: reject.Gallery,
		Stored: m.Stored, Sequence: m.Sequence, Reject: reject.Number, Problems: reject.Problems,
	})
}

// attributes names an event as far as it can be read, which may fail as decoding did.
func attributes(m event.Message) (id, source, gallery string) {
	defer func() { _ = recover() }()
	return event.Attributes(m)
}

func (r *Rejects) store(ctx context.Context, id string, reject Reject) (uint64, error) {
	stream, err := r.open(ctx)
	if err != nil {
		return 0, err
	}
	subject := r.opts.Subject + "." + id
	data, err := reject.encode(r.opts.MaxPayload())
	if err != nil {
		return 0, err
	}
	ack, err := r.opts.JetStream.Publish(ctx, subject, data, jetstream.WithExpectLastSequencePerSubject(0))
	if err == nil {
		return ack.Sequence, nil
	}
	if kept, getErr := stream.GetLastMsgForSubject(ctx, subject); getErr == nil {
		return kept.Sequence, nil // by an earlier delivery of the same message
	}
	r.stream.Store(nil)
	return 0, err
}

// All yields the rejects, oldest first. It ends after the first error.
func (r *Rejects) All(ctx context.Context) iter.Seq2[Reject, error] {
	return func(yield func(Reject, error) bool) {
		stream, err := r.opts.Open(ctx)
		if err != nil {
			yield(Reject{}, err)
			return
		}
		for from := uint64(1); ; {
			msg, err := stream.GetMsg(ctx, from, jetstream.WithGetMsgSubject(r.opts.Subject+".>"))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				return
			}
			if err != nil {
				yield(Reject{}, fmt.Errorf("list rejects: %w", err))
				return
			}
			reject, err := decodeReject(msg)
			if !yield(reject, err) || err != nil {
				return
			}
			from = msg.Sequence + 1
		}
	}
}

// maxGaps bounds how many numbers of replayed or expired rejects one call looks up.
const maxGaps = 100

// Newest returns the last n rejects, newest first, and how many are kept. Older
// ones are left out where many between them were replayed.
func (r *Rejects) Newest(ctx context.Context, n int) (newest []Reject, kept uint64, err error) {
	stream, err := r.opts.Open(ctx)
	if err != nil {
		return nil, 0, err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list rejects: %w", err)
	}
	gaps := 0
	for at := info.State.LastSeq; at > 0 && at >= info.State.FirstSeq && len(newest) < n && gaps < maxGaps; at-- {
		msg, err := stream.GetMsg(ctx, at)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			gaps++
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("list rejects: %w", err)
		}
		reject, err := decodeReject(msg)
		if err != nil {
			return nil, 0, err
		}
		newest = append(newest, reject)
	}
	return newest, info.State.Msgs, nil
}

// ErrNoReject means that there is no reject of that number.
var ErrNoReject = errors.New("there is no such reject: see gallerywire rejects list")

// Get returns the reject of that number.
func (r *Rejects) Get(ctx context.Context, number uint64) (Reject, error) {
	stream, err := r.opts.Open(ctx)
	if err != nil {
		return Reject{}, err
	}
	msg, err := stream.GetMsg(ctx, number)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Reject{}, fmt.Errorf("reject %d: %w", number, ErrNoReject)
	}
	if err != nil {
		return Reject{}, fmt.Errorf("reject %d: %w", number, err)
	}
	return decodeReject(msg)
}

// Replay publishes a reject as it came, without the headers that NATS obeys, and
// deletes it once the event stream has it. Rejected again, it is a new one.
func (r *Rejects) Replay(ctx context.Context, number uint64) error {
	reject, err := r.Get(ctx, number)
	if err != nil {
		return err
	}
	if reject.Cut {
		return fmt.Errorf("reject %d: %w: have it sent anew", number, ErrCut)
	}
	msg := &nats.Msg{Subject: r.opts.SubjectOf(reject.Publisher, reject.Subject), Header: nats.Header{}, Data: reject.Body}
	for key, values := range reject.Header {
		if strings.HasPrefix(strings.ToLower(key), "nats-") {
			continue // NATS would obey it
		}
		for _, v := range values {
			msg.Header[key] = append(msg.Header[key], string(v))
		}
	}
	if _, err := r.opts.JetStream.PublishMsg(ctx, msg); err != nil {
		return fmt.Errorf("replay reject %d: %w", number, err)
	}
	stream, err := r.opts.Open(ctx)
	if err != nil {
		return err
	}
	if err := stream.DeleteMsg(ctx, number); err != nil {
		return fmt.Errorf("reject %d was replayed but is still listed: %w", number, err)
	}
	return nil
}
