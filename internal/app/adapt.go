package app

import (
	"context"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// storeTimeout bounds one attempt to store an event.
const storeTimeout = 5 * time.Second

// intakeStore is the catalogue as intake needs it: it stores events, and notifies
// the callbacks of what became of them.
type intakeStore struct{ outcomes }

// Put implements [intake.Store].
func (s intakeStore) Put(ctx context.Context, e *event.Event, m event.Message) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	outcome, err := s.catalogue.Put(ctx, revision(e, m))
	if err == nil {
		err = s.notify(ctx, e, m, outcome)
	}
	return string(outcome), err
}

func revision(e *event.Event, m event.Message) catalogue.Revision {
	return catalogue.Revision{
		ID: e.GalleryID(), Rank: e.Rank, Gallery: e.Gallery, Reason: e.Removed.Reason, Body: m.Data, Event: e.Attributes(m.Subject),
	}
}

// noticeSource is the editions as notices need them.
type noticeSource struct{ *partners }

// ChangedSince implements [notice.Source].
func (s noticeSource) ChangedSince(name string, since notice.Position) bool {
	set, ref, ok := s.find(name)
	return !ok || set.ChangedSince(ref, index.Position(since))
}

// Snapshot implements [notice.Source].
func (s noticeSource) Snapshot(name string, since notice.Since) (notice.Snapshot, error) {
	set, ref, ok := s.find(name)
	if !ok {
		return notice.Snapshot{}, fmt.Errorf("feed %q: %w", name, edition.ErrUnknown)
	}
	c, err := set.Content(ref, index.Position(since.Position), since.Changed)
	if err != nil {
		return notice.Snapshot{}, err
	}
	snap := notice.Snapshot{
		Changed: c.Touched, Position: notice.Position(c.Position), Other: c.Other, Definition: set.Choice(ref),
		Addresses: addresses(set, ref, nil),
	}
	for _, step := range c.Galleries {
		snap.Steps = append(snap.Steps, notice.Step(step))
	}
	for _, m := range c.Members {
		snap.Members = append(snap.Members, notice.Member{ID: m.ID, State: state(m)})
	}
	return snap, nil
}

// Documents implements [notice.Source].
func (s noticeSource) Documents(ctx context.Context, name string) (notice.Documents, error) {
	set, ref, ok := s.find(name)
	if !ok {
		return notice.Documents{}, fmt.Errorf("feed %q: %w", name, edition.ErrUnknown)
	}
	e, err := announced(ctx, set, ref)
	if err != nil {
		return notice.Documents{}, err
	}
	d := notice.Documents{Addresses: addresses(set, ref, e)}
	for _, fault := range e.LeftOut {
		d.LeftOut = append(d.LeftOut, fault.Gallery)
	}
	return d, nil
}

// addresses are the feed's, with the entity tags of an edition if there is one.
func addresses(set *edition.Set, ref edition.Ref, e *edition.Edition) map[string]event.Address {
	all := map[string]event.Address{}
	for _, f := range feed.Formats() {
		a := event.Address{URL: set.Address(ref, f)}
		if e != nil {
			a.ETag = e.Document(f).ETag
		}
		all[f.String()] = a
	}
	return all
}

// announced returns the edition that subscribers get: never a fallback.
func announced(ctx context.Context, editions *edition.Set, ref edition.Ref) (*edition.Edition, error) {
	e, err := editions.Announce(ctx, ref)
	if err != nil {
		return nil, err
	}
	if e.Fallback {
		return nil, fmt.Errorf("feed %q: %w", ref, edition.ErrUnavailable)
	}
	return e, nil
}

// state identifies what is shown of a gallery: the rank, and how many rights of its slides
// have begun or ended.
func state(m edition.Member) string {
	s := fmt.Sprintf("%s/%d/%s", m.Rank.Updated.UTC().Format(time.RFC3339Nano), m.Rank.Version, m.Rank.Hash)
	if m.Phase > 0 {
		s += fmt.Sprintf("/%d", m.Phase)
	}
	return s
}

// Holds implements [notice.Source].
func (s noticeSource) Holds(name, id string) bool {
	set, ref, ok := s.find(name)
	return ok && set.Holds(ref, gallery.Key(id))
}

// sendTimeout bounds how long the server may take to receive a notice.
const sendTimeout = 5 * time.Second

// publish publishes an event on NATS, without waiting for the server. Its id lets a
// stream that keeps notices drop one that comes again.
func (a *App) publish(e event.CloudEvent) error {
	data, err := e.Encode()
	if err != nil {
		return err
	}
	msg := nats.NewMsg(e.Type)
	msg.Data = data
	msg.Header.Set(nats.MsgIdHdr, e.ID)
	msg.Header.Set("Content-Type", "application/cloudevents+json")
	if err := a.broker.Conn().PublishMsg(msg); err != nil {
		return fmt.Errorf("send %s: %w", e.Type, err)
	}
	return nil
}

// send publishes an event and returns when the server has it.
func (a *App) send(ctx context.Context, e event.CloudEvent) error {
	if err := a.publish(e); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := a.broker.Conn().FlushWithContext(ctx); err != nil {
		return fmt.Errorf("send %s: %w", e.Type, err)
	}
	return nil
}

// Rejects returns the rejects that b's server keeps; notify may be nil.
func Rejects(b *broker.Broker, notify intake.Notify) *intake.Rejects {
	subject := b.Name(streamRejects)
	return intake.NewRejects(intake.RejectsOptions{
		JetStream: b.JetStream(),
		Open: func(ctx context.Context) (jetstream.Stream, error) {
			return b.Stream(ctx, jetstream.StreamConfig{
				Name:        b.Name(streamRejects),
				Description: "events that can never succeed, with the reason",
				Subjects:    []string{subject + ".>"},
				MaxBytes:    maxRejects,
				Discard:     jetstream.DiscardOld,
				AllowDirect: true,
			})
		},
		Subject:    subject,
		SubjectOf:  broker.SubjectOf,
		MaxPayload: b.MaxPayload,
		Notify:     notify,
	})
}
