package notice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

const (
	// recentLeases is how many leases a record is recent: it may belong to a subscription
	// that is being stored, and this node's clock may be ahead of the server's.
	recentLeases = 6
	// maxFailedReads is how often in a row a feed that cannot be read is tried.
	maxFailedReads = 12
)

// Baseline must return before the first subscription to a feed is stored: what the
// feed holds now counts as announced, for the subscriber has just read it, and every
// later change is news. It sends nothing, and leaves a feed that is announced already
// as it is, so that it may be called for every subscription.
//
// An earlier record, of subscribers that have left, is replaced: the changes since then
// are no news to a new subscriber. Only a recent record stays: another node may be
// taking a first subscription at the same time, to which what changed since is news.
//
// It waits for no announcement and holds none up: as between nodes, the record's
// compare-and-set decides who is first. A feed with subscribers and without a record
// gets its baseline at the next change or sweep.
func (n *Notices) Baseline(ctx context.Context, feed string) error {
	if _, always := n.always[feed]; always {
		return nil
	}
	snap, err := n.opts.Source.Snapshot(feed, Since{Position: end})
	if err != nil {
		return fmt.Errorf("read feed %q for its baseline: %w", feed, err)
	}
	snap.Feed = feed
	_, err = n.opts.Bucket.Amend(ctx, key(feed), func(there bucket.Record) ([]byte, error) {
		last, err := decode(there)
		switch {
		case err != nil:
			return nil, err
		case last.revision == 0:
		case last.Format > format, n.announces(feed), n.isRecent(last):
			return nil, bucket.ErrKeep
		case snap.Position.compare(last.Position) < 0: // this node lags
			last.Sent = true
			return bucket.Encode(last)
		}
		return bucket.Encode(snap.baseline(last.revision))
	})
	// A change before this node has read the subscription marks nothing: check again.
	n.queue.later(feed, n.opts.Lease)
	return err
}

// isRecent reports whether r may belong to a subscription that is being stored.
func (n *Notices) isRecent(r record) bool { return time.Since(r.stored) < recentLeases*n.opts.Lease }

// baseline is the record of the snapshot as announced, in place of the record with that
// revision.
func (s Snapshot) baseline(revision uint64) record {
	r := s.record(revision, event.Update{
		Feed: s.Feed, Formats: s.Addresses, Changed: s.changed(), Added: []string{}, Edited: []string{}, Removed: []string{},
	})
	r.Sent = true
	return r
}

// lateBaseline is [Notices.Baseline] for a feed for which it was not called, or whose
// record is of another bucket of galleries.
func (n *Notices) lateBaseline(ctx context.Context, snap Snapshot, last record) error {
	r := snap.baseline(last.revision)
	_, err := n.claim(ctx, &r)
	return err
}

// unreadable is the error of a feed whose content cannot be read. A feed that is not
// configured may never be readable, which is logged once and is no failure: it is
// tried for a minute, then by each sweep.
func (n *Notices) unreadable(ctx context.Context, feed string, st *feedState, err error) error {
	if n.always[feed] || ctx.Err() != nil {
		return err
	}
	if st.failedReads++; st.failedReads == 1 {
		n.opts.Logger.Warn("cannot read a feed that is announced, retrying", "feed", feed, "err", err)
	}
	if st.failedReads < maxFailedReads {
		n.queue.later(feed, retryAfter)
	}
	return nil
}

// forgetUnsubscribed forgets the feeds whose last subscriber has gone: their states and
// their records, so that the next subscription gets a new baseline. A recent record stays
// until a later sweep; one that no running node has a state of stays for
// [Notices.Baseline]. There is nothing to do while no more feeds have states than are
// announced.
func (n *Notices) forgetUnsubscribed(ctx context.Context, announced int) error {
	var unsubscribed []string
	n.mu.Lock()
	if len(n.feeds) > announced {
		for feed := range n.feeds {
			if !n.announces(feed) {
				unsubscribed = append(unsubscribed, feed)
			}
		}
	}
	n.mu.Unlock()
	var errs []error
	for _, feed := range unsubscribed {
		st := n.state(feed)
		if !st.mu.TryLock() {
			continue // it is being announced: the next sweep
		}
		last, err := n.load(ctx, feed)
		stays := err == nil && n.isRecent(last)
		if err == nil && !stays && last.revision > 0 && last.Format <= format {
			_, err = n.opts.Bucket.Delete(ctx, key(feed), last.revision)
		}
		switch {
		case errors.Is(err, bucket.ErrConflict): // another node has written a baseline
		case err != nil:
			errs = append(errs, fmt.Errorf("forget feed %q: %w", feed, err))
		case !stays:
			n.mu.Lock()
			delete(n.feeds, feed)
			n.mu.Unlock()
		}
		st.mu.Unlock()
	}
	return errors.Join(errs...)
}
