package notice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ledger"
	"github.com/nats-io/nats.go/jetstream"
)

// state is what this node knows of a feed's record.
type state struct {
	settled  Position  // at which content was what was announced; nothing is to be done while it is there
	told     string    // id of the last event that this node told to all
	sent     string    // id of the last event that this node sent on NATS
	revision uint64    // of an unsent record that was seen
	since    time.Time // since when; by the monotonic clock
	misses   int       // how often in a row the content was not known
}

// announce brings what was announced of the feed up to its content. It looks
// at the record only if the content is news to this node, or if told to look.
func (n *Notices) announce(ctx context.Context, feed string, look bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.announces(feed) {
		return nil // its last subscriber went meanwhile
	}
	snap, err := n.opts.Source.Snapshot(ctx, feed)
	if err != nil {
		return n.unknown(ctx, feed, err)
	}
	known := n.state(feed)
	known.misses = 0
	if !look && known.settled.compare(snap.Position) == 0 {
		return nil
	}
	bucket, err := n.opts.Bucket(ctx)
	if err != nil {
		return err
	}
	last, revision, err := load(ctx, bucket, feed)
	_, always := n.always[feed]
	switch {
	case err != nil:
		return err
	case last.Format > format:
		return nil // a newer release announces this feed
	case revision == 0 && !always:
		return n.beginLate(ctx, bucket, snap)
	case revision > 0 && !last.Sent:
		return n.finish(ctx, bucket, feed, last, revision)
	case revision > 0 && !last.Owed && time.Since(last.stored) < n.opts.Handover:
		return n.makeUp(ctx, bucket, feed, last, revision)
	case slices.Equal(last.Members, snap.Members):
		known.settled = snap.Position
		return nil
	case revision > 0 && !snap.follows(last):
		return nil // we lag: somebody knew more already
	}
	return n.claim(ctx, bucket, last, revision, snap)
}

// follows reports whether the snapshot is news after the record: it takes
// account of more, or of as much for a feed that is chosen in another way. Of
// nodes that are configured differently each announces its own way once.
func (s Snapshot) follows(last record) bool {
	order := s.Position.compare(last.Position)
	return order > 0 || order == 0 && !slices.Contains(last.Definitions, s.Definition)
}

// id is that of the event which announces the snapshot, on every node.
func (s Snapshot) id() string {
	return gallery.HashOf(fmt.Appendf(nil, "%s %v %s %v", s.Feed, s.Position, s.Definition, s.Members)).String()
}

// definitions are those whose content was announced at the snapshot's position.
func (s Snapshot) definitions(last record) []string {
	if s.Position.compare(last.Position) != 0 {
		return []string{s.Definition}
	}
	return append(last.Definitions, s.Definition)
}

// claim writes what is about to be announced; of several nodes one succeeds.
func (n *Notices) claim(ctx context.Context, bucket jetstream.KeyValue, last record, revision uint64, snap Snapshot) error {
	update := n.difference(last, snap)
	next := record{Format: format, Position: snap.Position, Definitions: snap.definitions(last), Members: snap.Members, ID: snap.id(), Update: update}
	claimed, err := store(ctx, bucket, snap.Feed, next, revision)
	if errors.Is(err, ledger.ErrConflict) {
		n.queue.later(snap.Feed, n.opts.Lease) // look whether the other has sent it
		return nil
	}
	if err != nil {
		return err
	}
	return n.send(ctx, bucket, snap.Feed, next, claimed)
}

// finish brings a record to its end that is claimed and not marked as sent.
func (n *Notices) finish(ctx context.Context, bucket jetstream.KeyValue, feed string, owed record, revision uint64) error {
	if n.state(feed).told == owed.ID {
		n.queue.later(feed, n.opts.QuietPeriod) // the content may have moved on meanwhile
		return mark(ctx, bucket, feed, owed, revision)
	}
	return n.takeOver(ctx, bucket, feed, owed, revision)
}

// takeOver sends what somebody claimed and did not send within the lease.
func (n *Notices) takeOver(ctx context.Context, bucket jetstream.KeyValue, feed string, owed record, revision uint64) error {
	known := n.state(feed)
	if known.revision != revision {
		known.revision, known.since = revision, time.Now()
	}
	if left := n.opts.Lease - time.Since(known.since); left > 0 && !n.opts.Alone {
		n.queue.later(feed, left)
		return nil
	}
	claimed, err := store(ctx, bucket, feed, owed, revision)
	if errors.Is(err, ledger.ErrConflict) {
		n.queue.later(feed, n.opts.Lease)
		return nil
	}
	if err != nil {
		return err
	}
	n.queue.later(feed, n.opts.QuietPeriod) // the content may have moved on meanwhile
	return n.send(ctx, bucket, feed, owed, claimed)
}

// makeUp owes what a node of an older release, which owes nothing to anybody, sent
// on NATS only. That happens while nodes are upgraded one by one. An older record
// was told in its time as that release did it, and would now be stale news to
// whoever has subscribed, or was configured, since. Several nodes may do so at
// once: it is owed with the same id.
func (n *Notices) makeUp(ctx context.Context, bucket jetstream.KeyValue, feed string, sent record, revision uint64) error {
	if err := n.owe(ctx, feed, sent); err != nil {
		return err
	}
	n.queue.later(feed, n.opts.QuietPeriod) // the content may have moved on meanwhile
	return mark(ctx, bucket, feed, sent, revision)
}

// send has what is owed made durable and sends what is claimed, then says so. If
// it dies before it has said so, all of it comes again with the same id.
func (n *Notices) send(ctx context.Context, bucket jetstream.KeyValue, feed string, r record, revision uint64) error {
	known := n.state(feed)
	if err := n.tell(ctx, feed, r); err != nil {
		// Nobody else can have told all: no need to wait for the lease.
		known.revision, known.since = revision, time.Now().Add(-n.opts.Lease)
		return err
	}
	known.told = r.ID
	return mark(ctx, bucket, feed, r, revision)
}

// tell tells the outbox, then whoever listens on NATS, who need not wait for what
// cannot be owed at the moment. When all of it is repeated for one of the two, they
// are not sent again what this node sent.
func (n *Notices) tell(ctx context.Context, feed string, r record) error {
	err := n.owe(ctx, feed, r)
	if n.state(feed).sent == r.ID {
		return err
	}
	return errors.Join(err, n.broadcast(ctx, feed, r))
}

// broadcast sends on NATS.
func (n *Notices) broadcast(ctx context.Context, feed string, r record) error {
	if err := n.opts.Send(ctx, event.NewUpdate(r.ID, n.opts.SiteID, r.Update)); err != nil {
		n.sent.WithLabelValues(channelNATS, outcomeFailed).Inc()
		return err
	}
	n.state(feed).sent = r.ID
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

// difference says what changed from the last announcement to snap. A gallery
// that newer ones pushed off the end of the feed is not removed.
func (n *Notices) difference(last record, snap Snapshot) event.Update {
	before := make(map[string]string, len(last.Members))
	for _, m := range last.Members {
		before[m.ID] = m.State
	}
	u := event.Update{
		Feed: snap.Feed, Formats: snap.Addresses, Changed: changed(snap),
		Added: []string{}, Edited: []string{}, Removed: []string{},
	}
	for _, m := range snap.Members {
		switch state, was := before[m.ID]; {
		case !was:
			u.Added = append(u.Added, m.ID)
		case state != m.State:
			u.Edited = append(u.Edited, m.ID)
		}
		delete(before, m.ID)
	}
	for _, m := range last.Members {
		if _, gone := before[m.ID]; gone && !n.opts.Source.Holds(snap.Feed, m.ID) {
			u.Removed = append(u.Removed, m.ID)
		}
	}
	return u
}

// changed is when the content last changed. Where nothing stored says so, the
// bucket was made anew and is still empty of what concerns the feed.
func changed(snap Snapshot) time.Time {
	if snap.Changed.IsZero() {
		return snap.Position.Epoch
	}
	return snap.Changed
}
