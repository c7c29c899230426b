package notice

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go/jetstream"
)

// state is what this node knows of a feed's record. Whoever has its lock announces
// the feed.
type state struct {
	mu sync.Mutex

	settled  Position  // up to which all is announced
	looked   bool      // the record was read since the node started
	failed   bool      // the last attempt to announce the feed
	told     string    // id of the last event that this node told to all
	sent     string    // id of the last event that this node sent on NATS
	revision uint64    // of an unsent record that was seen
	since    time.Time // since when; by the monotonic clock
	misses   int       // how often in a row the content was not known
}

// announce brings what was announced of the feed up to its content. It looks at
// the record only if something may have happened to the feed since it was settled,
// and renders nothing unless there is something to tell. The state must be locked.
func (n *Notices) announce(ctx context.Context, feed string, known *state) error {
	err := n.attempt(ctx, feed, known)
	known.failed = err != nil || known.misses > 0
	return err
}

func (n *Notices) attempt(ctx context.Context, feed string, known *state) error {
	if !n.announces(feed) {
		return nil // its last subscriber went meanwhile
	}
	if !n.opts.Source.Moved(feed, known.settled) {
		return nil
	}
	kv, err := n.opts.Bucket(ctx)
	if err != nil {
		return err
	}
	last, revision, err := load(ctx, kv, feed)
	switch {
	case err != nil:
		return err
	case last.Format > format:
		return nil // a newer release announces this feed
	case revision > 0 && !last.Sent:
		return n.finish(ctx, kv, feed, known, last, revision)
	}
	_, always := n.always[feed]
	snap, err := n.opts.Source.Snapshot(feed, known.upTo(last, always))
	if err != nil {
		return n.unknown(ctx, feed, known, err)
	}
	snap.Feed, known.misses = feed, 0
	if revision == 0 && !always {
		return n.beginLate(ctx, kv, snap, 0)
	}
	return n.compare(ctx, kv, known, last, revision, snap)
}

// unrelated is a position of which nothing is known since.
var unrelated = Position{Revision: math.MaxUint64}

// upTo says up to where the feed was announced. Where there is no record that is
// nowhere, or, of a feed that begins when somebody subscribes, now.
func (k *state) upTo(last record, always bool) Since {
	at := Since{Position: last.Position, Changed: last.Update.Changed}
	switch {
	case last.Format == 0 && !always:
		at.Position = unrelated
	case k.settled.covers(last.Position):
		at.Position = k.settled
	}
	return at
}

// compare announces the snapshot if it is news after the record. Of nodes that are
// configured differently each announces its own way once, and once more when it was
// restarted: it may have been configured as it was before.
func (n *Notices) compare(ctx context.Context, kv jetstream.KeyValue, known *state, last record, revision uint64, snap Snapshot) error {
	if revision > 0 && snap.Position.compare(last.Position) < 0 {
		return nil // we lag: somebody knew more already
	}
	elsewhere := !last.by(snap.Definition)
	anew := !snap.Position.Epoch.Equal(last.Position.Epoch) || !slices.Contains(last.Definitions, snap.Definition) || elsewhere && !known.looked
	known.looked = true
	news := func() bool {
		return len(snap.Steps) > 0 || snap.Other || anew && !slices.Equal(last.Members, snap.Members)
	}
	if news() {
		documents, err := n.opts.Source.Documents(ctx, snap.Feed)
		if err != nil {
			return n.unknown(ctx, snap.Feed, known, err)
		}
		snap.Addresses = documents.Addresses
		snap.leaveOut(documents.LeftOut, last.Members)
	}
	switch {
	case news():
		snap.Position = snap.Position.join(last.Position)
		return n.claim(ctx, kv, known, last, revision, snap, anew || elsewhere)
	case revision > 0 && !snap.Position.Epoch.Equal(last.Position.Epoch):
		return n.beginLate(ctx, kv, snap, revision) // so that what happens next is known
	}
	known.settled = snap.Position
	return nil
}

// leaveOut takes the galleries out of the snapshot that its documents cannot show:
// of these only those are news that were announced.
func (s *Snapshot) leaveOut(ids []string, announced []Member) {
	out := func(id string) bool { return slices.Contains(ids, id) }
	s.Members = slices.DeleteFunc(s.Members, func(m Member) bool { return out(m.ID) })
	s.Steps = slices.DeleteFunc(s.Steps, func(step Step) bool {
		return out(step.ID) && !slices.ContainsFunc(announced, func(m Member) bool { return m.ID == step.ID })
	})
	for i := range s.Steps {
		s.Steps[i].Is = s.Steps[i].Is && !out(s.Steps[i].ID)
	}
}

// id is that of the event which announces the snapshot, on every node.
func (s Snapshot) id() string {
	p := s.Position
	return gallery.HashOf(fmt.Appendf(nil, "%s %d %d %d %s %v", s.Feed,
		nanoseconds(p.Epoch), p.Revision, nanoseconds(p.Passed), s.Definition, s.Members)).String()
}

// maxDefinitions bounds how many ways of choosing a feed's galleries are remembered.
const maxDefinitions = 8

// definitions are those whose content was announced with the same changes, the
// last one last.
func (s Snapshot) definitions(last record) []string {
	if len(s.Steps) > 0 || s.Other {
		return []string{s.Definition}
	}
	others := slices.DeleteFunc(slices.Clone(last.Definitions), func(d string) bool { return d == s.Definition })
	return append(others[max(0, len(others)-maxDefinitions):], s.Definition)
}

// claim writes what is about to be announced; of several nodes one succeeds. Anew
// says that what was announced before was chosen in another way.
func (n *Notices) claim(ctx context.Context, kv jetstream.KeyValue, known *state, last record, revision uint64, snap Snapshot, anew bool) error {
	update := n.difference(last, snap, anew)
	next := record{Format: format, Position: snap.Position, Definitions: snap.definitions(last), Members: snap.Members, ID: snap.id(), Update: update}
	claimed, err := store(ctx, kv, snap.Feed, next, revision)
	if errors.Is(err, bucket.ErrConflict) {
		n.queue.later(snap.Feed, n.opts.Lease) // look whether the other has sent it
		return nil
	}
	if err != nil {
		return err
	}
	return n.send(ctx, kv, snap.Feed, known, next, claimed)
}

// finish brings a record to its end that is claimed and not marked as sent.
func (n *Notices) finish(ctx context.Context, kv jetstream.KeyValue, feed string, known *state, owed record, revision uint64) error {
	if known.told == owed.ID {
		n.queue.later(feed, n.opts.QuietPeriod) // the content may have moved on meanwhile
		return mark(ctx, kv, feed, owed, revision)
	}
	return n.takeOver(ctx, kv, feed, known, owed, revision)
}

// takeOver sends what somebody claimed and did not send within the lease.
func (n *Notices) takeOver(ctx context.Context, kv jetstream.KeyValue, feed string, known *state, owed record, revision uint64) error {
	if known.revision != revision {
		known.revision, known.since = revision, time.Now()
	}
	if left := n.opts.Lease - time.Since(known.since); left > 0 && !n.opts.Alone {
		n.queue.later(feed, left)
		return nil
	}
	claimed, err := store(ctx, kv, feed, owed, revision)
	if errors.Is(err, bucket.ErrConflict) {
		n.queue.later(feed, n.opts.Lease)
		return nil
	}
	if err != nil {
		return err
	}
	n.queue.later(feed, n.opts.QuietPeriod) // the content may have moved on meanwhile
	return n.send(ctx, kv, feed, known, owed, claimed)
}

// send has what is owed made durable and sends what is claimed, then says so. If
// it dies before it has said so, all of it comes again with the same id.
func (n *Notices) send(ctx context.Context, kv jetstream.KeyValue, feed string, known *state, r record, revision uint64) error {
	if err := n.tell(ctx, feed, known, r); err != nil {
		// Nobody else can have told all: no need to wait for the lease.
		known.revision, known.since = revision, time.Now().Add(-n.opts.Lease)
		return err
	}
	known.told = r.ID
	return mark(ctx, kv, feed, r, revision)
}

// tell tells the outbox, then whoever listens on NATS, who need not wait for what
// cannot be owed at the moment. When all of it is repeated for one of the two, they
// are not sent again what this node sent.
func (n *Notices) tell(ctx context.Context, feed string, known *state, r record) error {
	err := n.owe(ctx, feed, r)
	if known.sent == r.ID {
		return err
	}
	return errors.Join(err, n.broadcast(ctx, feed, known, r))
}

// broadcast sends on NATS.
func (n *Notices) broadcast(ctx context.Context, feed string, known *state, r record) error {
	if err := n.opts.Send(ctx, event.NewUpdate(r.ID, n.opts.SiteID, r.Update)); err != nil {
		n.sent.WithLabelValues(channelNATS, outcomeFailed).Inc()
		return err
	}
	known.sent = r.ID
	n.sent.WithLabelValues(channelNATS, outcomeSent).Inc()
	if changed := r.Update.Changed; !changed.IsZero() {
		n.delay.Observe(max(time.Since(changed), 0).Seconds())
	}
	n.opts.Logger.Info("feed announced", "feed", feed, "event", r.ID,
		"added", len(r.Update.Added), "changed", len(r.Update.Edited), "removed", len(r.Update.Removed))
	n.opts.Sent(r.Update)
	return nil
}

// owe tells the outbox.
func (n *Notices) owe(ctx context.Context, feed string, r record) error {
	a := Announcement{Feed: feed, ID: r.ID, Position: r.Position, Update: r.Update, At: r.Update.Changed}
	if err := n.opts.Owe(ctx, a); err != nil {
		return fmt.Errorf("note what is owed: %w", err)
	}
	return nil
}

// difference says what changed from the last announcement to snap: the steps of
// galleries, whether the feed's documents reach back to them or not. What was chosen
// in another way is compared as far as the documents reach. A gallery that newer ones
// pushed off their end is not removed.
func (n *Notices) difference(last record, snap Snapshot, anew bool) event.Update {
	before := make(map[string]string, len(last.Members))
	for _, m := range last.Members {
		before[m.ID] = m.State
	}
	var added, edited, removed []string
	named := map[string]bool{}
	for _, step := range snap.Steps {
		_, was := before[step.ID]
		named[step.ID] = true
		switch {
		case !step.Is:
			removed = append(removed, step.ID)
		case was || step.Was:
			edited = append(edited, step.ID)
		default:
			added = append(added, step.ID)
		}
	}
	for _, m := range snap.Members {
		switch state, was := before[m.ID]; {
		case !anew || named[m.ID]:
		case !was:
			added = append(added, m.ID)
		case state != m.State:
			edited = append(edited, m.ID)
		}
		named[m.ID] = true
	}
	for _, m := range last.Members {
		if anew && !named[m.ID] && !n.opts.Source.Holds(snap.Feed, m.ID) {
			removed = append(removed, m.ID)
		}
	}
	left := maxMerged
	return event.Update{
		Feed: snap.Feed, Formats: snap.Addresses, Changed: changed(snap),
		Removed: fitting(removed, &left), Added: fitting(added, &left), Edited: fitting(edited, &left),
	}
}

// fitting returns the first of the ids, as many as fit into what is left.
func fitting(ids []string, left *int) []string {
	n := 0
	for n < len(ids) && len(ids[n]) <= *left {
		*left -= len(ids[n])
		n++
	}
	return append([]string{}, ids[:n]...)
}

// changed is when the content last changed. Where nothing stored says so, the
// bucket was made anew and is still empty of what concerns the feed.
func changed(snap Snapshot) time.Time {
	if snap.Changed.IsZero() {
		return snap.Position.Epoch
	}
	return snap.Changed
}
