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
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// feedState is this node's memory of a feed and its record. The feed is announced under
// its lock.
type feedState struct {
	mu sync.Mutex

	settled     Position // up to which everything is announced
	compared    bool     // the content was compared with the record since the node started
	failed      bool     // the last attempt to announce the feed
	published   string   // id of the last event that this node sent on NATS
	done        string   // id of the last event that is in the outbox as well
	failedReads int      // how often in a row the content could not be read

	// The revision of a record that is claimed and not sent, and when this node saw it
	// first, by the monotonic clock.
	unsent      uint64
	unsentSince time.Time
}

// end is a position after every other: nothing has changed since.
var end = Position{Revision: math.MaxUint64}

// announce brings what was announced of a feed up to its content: it compares the
// content with the record of the last announcement, claims the record with the new
// event in it, puts the event into the outbox, sends it on NATS and marks the record
// as sent. It reads the record only if the feed may have changed since it was settled,
// and renders nothing without news. The caller holds the lock of st.
func (n *Notices) announce(ctx context.Context, feed string, st *feedState) (err error) {
	defer func() { st.failed = err != nil || st.failedReads > 0 }()
	if !n.announces(feed) || !n.opts.Source.ChangedSince(feed, st.settled) {
		return nil
	}
	last, err := n.load(ctx, feed)
	switch {
	case err != nil:
		return err
	case last.Format > format:
		return nil // a newer release announces this feed
	case last.revision > 0 && !last.Sent:
		return n.resume(ctx, st, last)
	}

	_, always := n.always[feed]
	since := Since{Position: last.Position, Changed: last.Update.Changed}
	if last.revision == 0 && !always {
		since.Position = end
	} else if st.settled.covers(last.Position) {
		since.Position = st.settled
	}
	snap, err := n.opts.Source.Snapshot(feed, since)
	if err != nil {
		return n.unreadable(ctx, feed, st, err)
	}
	snap.Feed, st.failedReads = feed, 0
	switch {
	case last.revision == 0 && !always:
		return n.lateBaseline(ctx, snap, last)
	case last.revision > 0 && snap.Position.compare(last.Position) < 0:
		return nil // this node lags behind the one that announced
	}
	return n.compare(ctx, st, last, snap)
}

// compare announces the snapshot if it has news since the last record. Galleries that
// were chosen in another way are compared one by one, but by a running node only
// once: of two nodes that are configured differently each announces its own way once
// after its start.
func (n *Notices) compare(ctx context.Context, st *feedState, last record, snap Snapshot) error {
	newBucket, redefined := !snap.Position.Epoch.Equal(last.Position.Epoch), snap.Definition != last.Definition
	byMembers := newBucket || redefined && !st.compared
	st.compared = true
	hasNews := func() bool {
		return len(snap.Steps) > 0 || snap.Other || byMembers && !slices.Equal(last.Members, snap.Members)
	}
	if hasNews() {
		documents, err := n.opts.Source.Documents(ctx, snap.Feed)
		if err != nil {
			return n.unreadable(ctx, snap.Feed, st, err)
		}
		snap.Addresses = documents.Addresses
		snap.leaveOut(documents.LeftOut, last.Members)
	}
	switch {
	case hasNews():
	case last.revision > 0 && newBucket:
		return n.lateBaseline(ctx, snap, last) // from which the next change is found
	default:
		st.settled = snap.Position
		return nil
	}
	snap.Position = snap.Position.join(last.Position)
	next := snap.record(last.revision, n.difference(last, snap, newBucket || redefined))
	if won, err := n.claim(ctx, &next); err != nil || !won {
		return err
	}
	return n.send(ctx, st, next)
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

// resume completes an announcement that was claimed and is not marked as sent. That of
// another node is taken over after its lease.
func (n *Notices) resume(ctx context.Context, st *feedState, r record) error {
	feed := r.Update.Feed
	if st.done == r.ID {
		n.queue.later(feed, n.opts.QuietPeriod) // the content may have moved on meanwhile
		return n.markSent(ctx, r)
	}
	if st.unsent != r.revision {
		st.unsent, st.unsentSince = r.revision, time.Now()
	}
	if left := n.opts.Lease - time.Since(st.unsentSince); left > 0 && !n.opts.Alone {
		n.queue.later(feed, left)
		return nil
	}
	if won, err := n.claim(ctx, &r); err != nil || !won {
		return err
	}
	n.queue.later(feed, n.opts.QuietPeriod)
	return n.send(ctx, st, r)
}

// send puts a claimed event into the outbox, sends it on NATS and marks the record as
// sent. An outbox that cannot take the event does not delay it on NATS. What
// failed is repeated with the same id, on NATS only by another node or after a crash.
func (n *Notices) send(ctx context.Context, st *feedState, r record) error {
	u := r.Update
	err := n.opts.Enqueue(ctx, outbox.Notice{About: u.Feed, ID: r.ID, Order: r.Position.Order(), At: u.Changed}, u)
	if err != nil {
		err = fmt.Errorf("put the notice into the outbox: %w", err)
	}
	if st.published != r.ID {
		err = errors.Join(err, n.publish(ctx, st, r))
	}
	if err != nil {
		// No other node can have completed it: there is no lease to wait for.
		st.unsent, st.unsentSince = r.revision, time.Now().Add(-n.opts.Lease)
		return err
	}
	st.done = r.ID
	return n.markSent(ctx, r)
}

func (n *Notices) publish(ctx context.Context, st *feedState, r record) error {
	u := r.Update
	if err := n.opts.Send(ctx, event.NewUpdate(r.ID, n.opts.SiteID, u)); err != nil {
		n.sent.WithLabelValues(channelNATS, outcomeFailed).Inc()
		return err
	}
	st.published = r.ID
	n.sent.WithLabelValues(channelNATS, outcomeSent).Inc()
	if !u.Changed.IsZero() {
		n.delay.Observe(max(time.Since(u.Changed), 0).Seconds())
	}
	n.opts.Logger.Info("feed announced", "feed", u.Feed, "event", r.ID,
		"added", len(u.Added), "changed", len(u.Edited), "removed", len(u.Removed))
	if n.opts.Sent != nil {
		n.opts.Sent(u)
	}
	return nil
}

// difference is what changed from the last announcement to snap: the steps of
// galleries, whether or not the feed's documents reach back to them. What was chosen in
// another way is compared as far as the documents reach. A gallery that newer ones
// pushed off their end is not removed.
func (n *Notices) difference(last record, snap Snapshot, byMembers bool) event.Update {
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
	if byMembers {
		for _, m := range snap.Members {
			switch state, was := before[m.ID]; {
			case named[m.ID]:
			case !was:
				added = append(added, m.ID)
			case state != m.State:
				edited = append(edited, m.ID)
			}
			named[m.ID] = true
		}
		for _, m := range last.Members {
			if !named[m.ID] && !n.opts.Source.Holds(snap.Feed, m.ID) {
				removed = append(removed, m.ID)
			}
		}
	}
	left := maxNamed
	return event.Update{
		Feed: snap.Feed, Formats: snap.Addresses, Changed: snap.changed(),
		Removed: fitting(removed, &left), Added: fitting(added, &left), Edited: fitting(edited, &left),
	}
}

// maxNamed is how many bytes of ids one update names, as many as package webhook merges. A
// target finds the rest in the feed.
const maxNamed = 256 << 10

// fitting returns the first of the ids, as many as fit into what is left.
func fitting(ids []string, left *int) []string {
	n := 0
	for n < len(ids) && len(ids[n]) <= *left {
		*left -= len(ids[n])
		n++
	}
	return append([]string{}, ids[:n]...)
}
