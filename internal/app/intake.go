package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/nats-io/nats.go/jetstream"
)

func (a *App) intake(o outcomes, reader event.Reader, receiver *receive.Receiver) *intake.Intake {
	return intake.New(intake.Options{
		Consumers:   a.consumers,
		PublisherOf: broker.PublisherOf,
		Store:       intakeStore{o},
		Rejects: Rejects(a.broker, func(ctx context.Context, id string, r event.Refusal) error {
			e := event.NewRejected(id, o.siteID, r)
			return errors.Join(a.publish(e), o.callbacks.Notify(ctx, id, e))
		}),
		Decode:     a.decode(reader, receiver),
		Observe:    a.observe,
		Registerer: a.metrics,
		Logger:     a.logger("intake"),
	})
}

// reader is what reads events, within the limits of configuration and server.
func (a *App) reader(siteID string) event.Reader {
	reader := EventReader(a.opts.Config)
	reader.SiteID = siteID
	// A record needs more bytes than its event, and the server limits both.
	if limit := a.broker.MaxPayload() - headerMargin; limit > 0 && limit < reader.MaxBytes {
		a.log.Warn("larger events are rejected: the NATS server's max_payload is below events.max_event, raise the one or lower the other", "max_event", reader.MaxBytes, "instead", limit)
		reader.MaxBytes = limit
	}
	return reader
}

// decode returns what reads events with the ids and guids that their publisher may use.
func (a *App) decode(reader event.Reader, receiver *receive.Receiver) func(publisher string, m event.Message) (*event.Event, error) {
	readers := map[string]event.Reader{"": reader}
	for _, p := range a.opts.Config.NATS.Embedded.Publishers {
		reader.IDPrefix, reader.GUIDPrefixes = p.IDPrefix, p.GUIDPrefixes
		readers[p.Name] = reader
	}
	return func(publisher string, m event.Message) (*event.Event, error) {
		if publisher == "" { // as events over HTTP are
			if e := receiver.Decoded(m); e != nil {
				return e, nil
			}
		}
		reader, known := readers[publisher]
		if !known {
			return nil, gallery.Problems{{Reason: fmt.Sprintf("publisher %q is not in nats.embedded.publishers any more: its ids are not known", publisher)}}
		}
		return reader.Decode(m)
	}
}

// consumers are those of the events of each publisher, so that many events of one
// do not hold up those of another.
func (a *App) consumers(ctx context.Context) ([]intake.Consumer, error) {
	stream, _, err := a.eventStream(ctx)
	if err != nil {
		return nil, err
	}
	names, err := a.broker.Publishers(ctx, stream, consumerIntake)
	if err != nil {
		return nil, err
	}
	var list []intake.Consumer
	for _, publisher := range append([]string{""}, names...) {
		list = append(list, func(ctx context.Context) (jetstream.Consumer, bool, error) { return a.events(ctx, publisher) })
	}
	return list, nil
}

// eventStream makes the stream where it is missing.
func (a *App) eventStream(ctx context.Context) (stream jetstream.Stream, foreign bool, err error) {
	c := a.opts.Config.Events
	return a.broker.Events(ctx, broker.EventStream{Name: c.Stream, Subjects: c.Subjects, MaxBytes: int64(c.MaxBytes)})
}

// events makes the stream and the consumer of a publisher's events where they are
// missing; without a name it is the consumer of all other events.
func (a *App) events(ctx context.Context, publisher string) (consumer jetstream.Consumer, foreign bool, err error) {
	stream, foreign, err := a.eventStream(ctx)
	if err != nil {
		return nil, false, err
	}
	name := consumerIntake
	if publisher != "" {
		name += "_" + publisher
	}
	var subjects []string
	for _, subject := range a.opts.Config.Events.Subjects {
		subjects = append(subjects, broker.SubjectOf(publisher, subject))
	}
	consumer, err = a.broker.Consumer(ctx, stream, broker.Consumer{
		Name: name, FilterSubjects: subjects, AckWait: ackWait, MaxAckPending: maxAckPending,
	})
	return consumer, foreign, err
}
