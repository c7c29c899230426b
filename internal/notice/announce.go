package notice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go/jetstream"
)

// format is the number of the records written here; a record of a newer one is
// left alone.
const format = 1

// record is what was last announced of a feed.
type record struct {
	Format   int          `json:"format"`
	Position Position     `json:"position"`
	Members  []Member     `json:"members"`
	ID       string       `json:"id"` // of the event
	Update   event.Update `json:"update"`
	Sent     bool         `json:"sent"`
}

// state is what this node knows of a feed's record.
type state struct {
	settled  Position  // at which content was what was announced; nothing is to be done while it is there
	revision uint64    // of an unsent record that was seen
	since    time.Time // since when; by the monotonic clock
}

// announce brings what was announced of the feed up to its content.
func (n *Notices) announce(ctx context.Context, feed string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	snap, err := n.opts.Source.Snapshot(ctx, feed)
	if err != nil {
		return err
	}
	if n.known[feed].settled == snap.Position {
		return nil
	}
	bucket, err := n.opts.Bucket(ctx)
	if err != nil {
		return err
	}
	last, revision, err := load(ctx, bucket, feed)
	switch {
	case err != nil:
		return err
	case last.Format > format:
		return nil // a newer release announces this feed
	case revision > 0 && !last.Sent:
		return n.takeOver(ctx, bucket, feed, last, revision)
	case slices.Equal(last.Members, snap.Members):
		*n.known[feed] = state{settled: snap.Position}
		return nil
	case revision > 0 && snap.Position.compare(last.Position) <= 0:
		return nil // we lag: somebody knew more already
	}
	return n.claim(ctx, bucket, last, revision, snap)
}

// claim writes what is about to be announced; of several nodes one succeeds.
func (n *Notices) claim(ctx context.Context, bucket jetstream.KeyValue, last record, revision uint64, snap Snapshot) error {
	update := n.difference(last, snap)
	next := record{Format: format, Position: snap.Position, Members: snap.Members, Update: update}
	next.ID = gallery.HashOf(fmt.Appendf(nil, "%s %v %v", snap.Feed, snap.Position, snap.Members)).String()
	claimed, err := store(ctx, bucket, snap.Feed, next, revision)
	if errors.Is(err, errLost) {
		n.queue.later(snap.Feed, n.opts.Lease) // look whether the other has sent it
		return nil
	}
	if err != nil {
		return err
	}
	return n.send(ctx, bucket, snap.Feed, next, claimed)
}

// takeOver sends what somebody claimed and did not send within the lease.
func (n *Notices) takeOver(ctx context.Context, bucket jetstream.KeyValue, feed string, owed record, revision uint64) error {
	known := n.known[feed]
	if known.revision != revision {
		known.revision, known.since = revision, time.Now()
	}
	if left := n.opts.Lease - time.Since(known.since); left > 0 {
		n.queue.later(feed, left)
		return nil
	}
	claimed, err := store(ctx, bucket, feed, owed, revision)
	if errors.Is(err, errLost) {
		n.queue.later(feed, n.opts.Lease)
		return nil
	}
	if err != nil {
		return err
	}
	n.queue.later(feed, n.opts.QuietPeriod) // the content may have moved on meanwhile
	return n.send(ctx, bucket, feed, owed, claimed)
}

// send sends what is claimed, then says so. If it dies between the two, the
// event goes out again with the same id.
func (n *Notices) send(ctx context.Context, bucket jetstream.KeyValue, feed string, r record, revision uint64) error {
	if err := n.opts.Send(ctx, event.NewUpdate(r.ID, n.opts.SiteID, r.Update)); err != nil {
		n.sent.WithLabelValues("nats", "failed").Inc()
		// Nobody else can have sent it: no need to wait for the lease.
		*n.known[feed] = state{revision: revision, since: time.Now().Add(-n.opts.Lease)}
		return err
	}
	n.sent.WithLabelValues("nats", "sent").Inc()
	n.opts.Logger.Info("feed announced", "feed", feed, "event", r.ID,
		"added", len(r.Update.Added), "changed", len(r.Update.Edited), "removed", len(r.Update.Removed))
	n.opts.Sent(r.Update)
	r.Sent = true
	_, err := store(ctx, bucket, feed, r, revision)
	if errors.Is(err, errLost) {
		return nil // somebody took over; the next look tells
	}
	return err
}

// difference says what changed from the last announcement to snap. A gallery
// that newer ones pushed off the end of the feed is not removed.
func (n *Notices) difference(last record, snap Snapshot) event.Update {
	before := make(map[string]string, len(last.Members))
	for _, m := range last.Members {
		before[m.ID] = m.State
	}
	u := event.Update{
		Feed: snap.Feed, Formats: snap.Addresses, Changed: snap.Changed,
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

// errLost means that somebody else wrote the record first.
var errLost = errors.New("claimed by another node")

// load returns the record of a feed and its revision, 0 when there is none.
func load(ctx context.Context, bucket jetstream.KeyValue, feed string) (record, uint64, error) {
	var r record
	entry, err := bucket.Get(ctx, key(feed))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return r, 0, nil
	}
	if err != nil {
		return r, 0, fmt.Errorf("read what was announced: %w", err)
	}
	if err := json.Unmarshal(entry.Value(), &r); err != nil {
		return r, 0, fmt.Errorf("read what was announced: %w", err)
	}
	return r, entry.Revision(), nil
}

// store replaces the record at that revision and returns the new one.
func store(ctx context.Context, bucket jetstream.KeyValue, feed string, r record, revision uint64) (uint64, error) {
	data, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		return 0, fmt.Errorf("encode what is announced: %w", err)
	}
	next, err := bucket.Update(ctx, key(feed), data, revision)
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, errLost
	}
	if err != nil {
		return 0, fmt.Errorf("claim the announcement: %w", err)
	}
	return next, nil
}

func key(feed string) string { return "announced." + feed }
