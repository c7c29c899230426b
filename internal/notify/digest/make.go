package digest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

const (
	// remembered is how long before a digest a gallery may have been published to be
	// new to the next one.
	remembered = 30 * 24 * time.Hour
	// maxRemembered bounds the galleries in a record.
	maxRemembered = 20_000
	// overlap is how long before the last digest a gallery may have become visible
	// that it missed, because the index of its node lagged.
	overlap = time.Hour
	// ahead is how far the clock of another node may be ahead of this one's.
	ahead = 5 * time.Minute
)

// sweep brings one digest up to now.
func (d *Digests) sweep(ctx context.Context, def Definition) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, revision, err := d.load(ctx, def.Name)
	if err != nil || last.Format > format {
		return err // nodes of a newer release make this digest
	}
	d.note(def.Name, last.Sent)
	now := d.opts.Now().In(d.opts.Location)
	switch {
	case revision == 0:
		return d.begin(ctx, def, now)
	case last.Pending != nil: // claimed by this node, or by another one, which has the lease to enqueue it
		known := d.claims[def.Name]
		if known.revision != revision {
			known = claim{revision: revision, since: d.opts.Now()}
			d.claims[def.Name] = known
		}
		if !known.since.IsZero() && d.opts.Now().Sub(known.since) < lease { // by the monotonic clock
			return nil
		}
		return d.enqueue(ctx, def, last, revision)
	}
	delete(d.claims, def.Name)
	if last.Until.Sub(now) > ahead {
		last.setBack(now)
		_, err := d.store(ctx, def.Name, last, revision)
		return err
	}
	if at := latest(def.Schedule, last.Until.In(d.opts.Location), now); !at.IsZero() {
		return d.make(ctx, def, last, revision, at)
	}
	return nil
}

// begin writes the first record, to which everything shown now is old.
func (d *Digests) begin(ctx context.Context, def Definition, now time.Time) error {
	first := record{Format: format, Until: now.UTC(), Made: now.UTC(), Horizon: now.Add(-remembered).UTC()}
	shown, err := d.shown(ctx, def, first.Horizon)
	if err != nil {
		return err
	}
	first.remember(shown)
	_, err = d.store(ctx, def.Name, first, 0)
	return err
}

// make makes the digest that is due at that instant. One of several nodes succeeds.
func (d *Digests) make(ctx context.Context, def Definition, last record, revision uint64, at time.Time) error {
	made := d.opts.Now().UTC()
	shown, err := d.shown(ctx, def, last.Horizon)
	if err != nil {
		return err
	}
	next := record{Format: format, Until: at.UTC(), Made: made, Sent: last.Sent, Order: last.Order, Known: last.Known, Horizon: last.Horizon}
	news := last.news(shown)
	next.move(made.Add(-remembered))
	next.remember(shown)
	outcome := outcomeNothing
	if len(news) > 0 {
		outcome, next.Sent = outcomeSent, at.UTC()
		next.Order = max(at.UnixNano(), last.Order+1)
		next.Pending = &outbox.Notice{
			Channel: Channel, About: def.Name, ID: gallery.HashOf(fmt.Appendf(nil, "digest %s %d", def.Name, next.Order)).String(),
			Order: outbox.Order{Epoch: next.Order}, At: made, Data: noticeData{Format: format, Due: at.UTC()}.with(news).encode(),
		}
	}
	claimed, err := d.store(ctx, def.Name, next, revision)
	switch {
	case err != nil:
		return err
	case claimed == 0:
		d.claims[def.Name] = claim{since: d.opts.Now()} // see whether the other node enqueues it
		return nil
	}
	d.made.WithLabelValues(def.Name, outcome).Inc()
	d.opts.Logger.Info("digest made", "digest", def.Name, "due", at, "galleries", len(news))
	if next.Pending == nil {
		return nil
	}
	d.claims[def.Name] = claim{revision: claimed}
	return d.enqueue(ctx, def, next, claimed)
}

// enqueue gives the notice to the outbox, then removes it from the record. After a
// crash between the two, the notice is given again with the same id.
func (d *Digests) enqueue(ctx context.Context, def Definition, r record, revision uint64) error {
	if err := d.opts.Enqueue(ctx, *r.Pending); err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	r.Pending = nil
	if _, err := d.store(ctx, def.Name, r, revision); err != nil {
		return err
	}
	delete(d.claims, def.Name)
	d.note(def.Name, r.Sent)
	return nil
}

// note remembers the instant of the last digest that was sent.
func (d *Digests) note(name string, sent time.Time) {
	d.lastMu.Lock()
	defer d.lastMu.Unlock()
	d.last[name] = sent
}

// shown lists the galleries that the digest's feeds show now and that were published
// after since, newest first, each once, at most maxRemembered.
func (d *Digests) shown(ctx context.Context, def Definition, since time.Time) ([]Shown, error) {
	var all []Shown
	seen := map[string]bool{}
	for _, feed := range def.Feeds {
		list, err := d.opts.Source.Shown(ctx, feed, since, maxRemembered)
		if err != nil {
			return nil, fmt.Errorf("feed %q: %w", feed, err)
		}
		for _, s := range list {
			if !seen[s.Key] {
				seen[s.Key] = true
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Shown) int { return b.Published.Compare(a.Published) })
	return all[:min(len(all), maxRemembered)], nil
}
