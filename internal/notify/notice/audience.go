package notice

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/nats-io/nats.go/jetstream"
)

// nobody is an audience that has subscribed to nothing.
type nobody struct{}

// Feeds implements [Audience].
func (nobody) Feeds() ([]string, error) { return nil, nil }

// Subscribed implements [Audience].
func (nobody) Subscribed(string) bool { return false }

// announces reports whether the feed is announced at the moment.
func (n *Notices) announces(feed string) bool {
	_, always := n.always[feed]
	return always || n.opts.Subscribed.Subscribed(feed)
}

// feeds are those that are announced at the moment. An error means that some may
// be missing.
func (n *Notices) feeds() ([]string, error) {
	subscribed, err := n.opts.Subscribed.Feeds()
	if err != nil {
		err = fmt.Errorf("which feeds have subscribers: %w", err)
	}
	others := slices.DeleteFunc(subscribed, func(feed string) bool {
		_, always := n.always[feed]
		return always
	})
	return slices.AppendSeq(others, maps.Keys(n.always)), err
}

// state returns what is known of the feed.
func (n *Notices) state(feed string) *state {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known[feed] == nil {
		n.known[feed] = &state{}
	}
	return n.known[feed]
}

// Begin must return before the first subscription to a feed is stored: what the
// feed holds now counts as announced, for the subscriber has just read it, and
// whatever changes from now on is news. It sends nothing, and leaves a feed that
// is announced already as it is, so that it may be called for every subscription.
//
// What was announced to those who had subscribed before and left is forgotten,
// so that the changes since then are no news to whoever comes back later. Only a
// young record stays: another node is taking a first subscription at the same
// time, and what changed since is news to that one.
//
// It waits for no announcement and holds none up: as between nodes, the record's
// compare-and-set decides who is first.
//
// A feed with subscribers and without a record, because a node did not call
// Begin or somebody deleted it, begins at the next change or sweep.
func (n *Notices) Begin(ctx context.Context, feed string) error {
	if _, always := n.always[feed]; always {
		return nil
	}
	snap, err := n.opts.Source.Snapshot(feed, Since{Position: unrelated})
	if err != nil {
		return fmt.Errorf("begin to announce feed %q: %w", feed, err)
	}
	snap.Feed = feed
	for {
		if err := n.begin(ctx, snap); !errors.Is(err, bucket.ErrConflict) {
			// A change that comes before the subscription is known here marks nothing.
			n.queue.later(feed, n.opts.Lease)
			return err
		}
	}
}

// youth is for how many leases a record is young: this node's clock may be ahead of
// the server's.
const youth = 6

// young reports whether the record may be that of a subscription on its way.
func (n *Notices) young(r record) bool { return time.Since(r.stored) < youth*n.opts.Lease }

// begin returns bucket.ErrConflict when somebody else wrote the record meanwhile.
func (n *Notices) begin(ctx context.Context, snap Snapshot) error {
	kv, err := n.opts.Bucket(ctx)
	if err != nil {
		return err
	}
	last, revision, err := load(ctx, kv, snap.Feed)
	switch {
	case err != nil:
		return err
	case last.Format > format, revision > 0 && (n.announces(snap.Feed) || n.young(last)):
		return nil
	case revision > 0 && snap.Position.compare(last.Position) < 0: // we lag
		last.Sent = true
		_, err := store(ctx, kv, snap.Feed, last, revision)
		return err
	}
	return baseline(ctx, kv, snap, revision)
}

// beginLate begins a feed for which nobody called [Notices.Begin], or whose record
// is of another bucket of galleries.
func (n *Notices) beginLate(ctx context.Context, kv jetstream.KeyValue, snap Snapshot, revision uint64) error {
	err := baseline(ctx, kv, snap, revision)
	if errors.Is(err, bucket.ErrConflict) {
		n.queue.later(snap.Feed, n.opts.Lease)
		return nil
	}
	return err
}

// baseline notes the snapshot as announced.
func baseline(ctx context.Context, kv jetstream.KeyValue, snap Snapshot, revision uint64) error {
	r := record{
		Format: format, Position: snap.Position, Definitions: []string{snap.Definition}, Members: snap.Members,
		ID: snap.id(), Sent: true,
		Update: event.Update{
			Feed: snap.Feed, Formats: snap.Addresses, Changed: changed(snap),
			Added: []string{}, Edited: []string{}, Removed: []string{},
		},
	}
	_, err := store(ctx, kv, snap.Feed, r, revision)
	return err
}

// unknown deals with content that is not known. A feed that is not configured
// may be unknown for good, which is said once and is no failure: it is looked at
// for a minute, then by each sweep.
func (n *Notices) unknown(ctx context.Context, feed string, known *state, err error) error {
	if n.always[feed] || ctx.Err() != nil {
		return err
	}
	if known.misses++; known.misses == 1 {
		n.opts.Logger.Warn("a feed that is announced cannot be read, looking again later", "feed", feed, "err", err)
	}
	if known.misses < maxMisses {
		n.queue.later(feed, retryAfter)
	}
	return nil
}

// maxMisses is how often a feed that cannot be read is looked at in a row.
const maxMisses = 12

// leave forgets the feeds whose last subscriber has gone: what this node knows
// of them, and the record, so that whoever subscribes later begins anew. A young
// record stays, for its subscription may just be on its way, until the next
// sweep. A record that no running node knows of stays for [Notices.Begin]. So many
// feeds are announced, of all of which something is known.
func (n *Notices) leave(ctx context.Context, announced int) error {
	var errs []error
	for _, feed := range n.left(announced) {
		known := n.state(feed)
		if !known.mu.TryLock() {
			continue // it is just announced: the next sweep
		}
		gone, err := n.erase(ctx, feed)
		if err != nil {
			errs = append(errs, fmt.Errorf("forget feed %q: %w", feed, err))
		}
		if gone {
			n.forget(feed)
		}
		known.mu.Unlock()
	}
	return errors.Join(errs...)
}

// left are the feeds of which this node knows something and that are not announced.
func (n *Notices) left(announced int) (feeds []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.known) <= announced {
		return nil
	}
	for feed := range n.known {
		if !n.announces(feed) {
			feeds = append(feeds, feed)
		}
	}
	return feeds
}

func (n *Notices) forget(feed string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, feed)
}

// erase deletes the record of a feed, unless it is young. It reports whether
// nothing is left to delete.
func (n *Notices) erase(ctx context.Context, feed string) (bool, error) {
	kv, err := n.opts.Bucket(ctx)
	if err != nil {
		return false, err
	}
	last, revision, err := load(ctx, kv, feed)
	switch {
	case err != nil:
		return false, err
	case revision == 0, last.Format > format:
		return true, nil
	case n.young(last):
		return false, nil
	}
	err = kv.Delete(ctx, key(feed), jetstream.LastRevision(revision))
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return false, nil // somebody begins
	}
	return err == nil, err
}
