package digest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
)

const (
	// remembered is how long before a digest a gallery may have been published
	// that is news to the next.
	remembered = 30 * 24 * time.Hour
	// maxRemembered bounds what a record remembers to have seen.
	maxRemembered = 20_000
	// overlap is how long before the last digest a gallery may have become
	// visible which that one did not see, because its maker's index lagged.
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
		return err // a newer release makes this digest
	}
	d.note(def.Name, last.Told)
	now := d.opts.Now().In(d.opts.Location)
	switch {
	case revision == 0:
		return d.begin(ctx, def, now)
	case last.Owed != nil:
		return d.takeOver(ctx, def, last, revision)
	}
	delete(d.claims, def.Name)
	if last.Until.Sub(now) > ahead {
		last.setBack(now)
		if _, err = d.store(ctx, def.Name, last, revision); errors.Is(err, bucket.ErrConflict) {
			return nil
		}
		return err
	}
	if at := latest(def.Schedule, last.Until.In(d.opts.Location), now); !at.IsZero() {
		return d.make(ctx, def, last, revision, at)
	}
	return nil
}

// begin writes the first record: what is shown now is the past.
func (d *Digests) begin(ctx context.Context, def Definition, now time.Time) error {
	first := record{Format: format, Until: now.UTC(), Made: now.UTC(), Horizon: now.Add(-remembered).UTC()}
	shown, err := d.shown(ctx, def, first.Horizon)
	if err != nil {
		return err
	}
	first.remember(shown)
	if _, err = d.store(ctx, def.Name, first, 0); errors.Is(err, bucket.ErrConflict) {
		return nil
	}
	return err
}

// make makes the digest that is due at that instant; of several nodes one
// succeeds.
func (d *Digests) make(ctx context.Context, def Definition, last record, revision uint64, at time.Time) error {
	made := d.opts.Now().UTC()
	shown, err := d.shown(ctx, def, last.Horizon)
	if err != nil {
		return err
	}
	next := record{Format: format, Until: at.UTC(), Made: made, Told: last.Told, Order: last.Order, Known: last.Known, Horizon: last.Horizon}
	news := last.news(shown)
	next.move(made.Add(-remembered))
	next.remember(shown)
	outcome := outcomeNothing
	if len(news) > 0 {
		outcome, next.Told = outcomeTold, at.UTC()
		next.Order = max(at.UnixNano(), last.Order+1)
		next.Owed = owed(def.Name, at, made, next.Order, news)
	}
	claimed, err := d.store(ctx, def.Name, next, revision)
	if errors.Is(err, bucket.ErrConflict) {
		d.claims[def.Name] = claim{since: time.Now()} // look whether the other hands it on
		return nil
	}
	if err != nil {
		return err
	}
	d.made.WithLabelValues(def.Name, outcome).Inc()
	d.opts.Logger.Info("digest made", "digest", def.Name, "due", at, "galleries", len(news))
	if next.Owed == nil {
		return nil
	}
	d.claims[def.Name] = claim{revision: claimed}
	return d.handOn(ctx, def, next, claimed)
}

// owed is the notice of the digest that was due at that instant.
func owed(name string, at, made time.Time, order int64, news []string) *outbox.Notice {
	id := gallery.HashOf(fmt.Appendf(nil, "digest %s %d", name, order)).String()
	return &outbox.Notice{
		Channel: Channel, About: name, ID: id, Order: outbox.Order{Epoch: order}, At: made,
		Data: contents{Format: format, Due: at.UTC()}.with(news).encode(),
	}
}

// takeOver hands on what this node claimed, or somebody else did and did not
// hand on within the lease.
func (d *Digests) takeOver(ctx context.Context, def Definition, r record, revision uint64) error {
	known := d.claims[def.Name]
	if known.revision != revision {
		known = claim{revision: revision, since: time.Now()}
		d.claims[def.Name] = known
	}
	if !known.since.IsZero() && time.Since(known.since) < d.opts.Lease {
		return nil
	}
	return d.handOn(ctx, def, r, revision)
}

// handOn gives the notice to the outbox, then says so. If it dies between the
// two, the notice is given again with the same id.
func (d *Digests) handOn(ctx context.Context, def Definition, r record, revision uint64) error {
	if err := d.opts.Owe(ctx, *r.Owed); err != nil {
		return fmt.Errorf("hand on: %w", err)
	}
	r.Owed = nil
	_, err := d.store(ctx, def.Name, r, revision)
	if err != nil && !errors.Is(err, bucket.ErrConflict) {
		return err
	}
	delete(d.claims, def.Name)
	d.note(def.Name, r.Told)
	return nil
}

// note remembers when the digest last told of something.
func (d *Digests) note(name string, told time.Time) {
	d.seen.Lock()
	defer d.seen.Unlock()
	d.last[name] = told
}

// shown lists what the digest's feeds show now and was published after since,
// newest first, each once and at most maxRemembered of them.
func (d *Digests) shown(ctx context.Context, def Definition, since time.Time) ([]Shown, error) {
	var all []Shown
	had := map[string]bool{}
	for _, feed := range def.Feeds {
		list, err := d.opts.Source.Shown(ctx, feed, since, maxRemembered)
		if err != nil {
			return nil, fmt.Errorf("feed %q: %w", feed, err)
		}
		for _, s := range list {
			if !had[s.Key] {
				had[s.Key] = true
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Shown) int { return b.Published.Compare(a.Published) })
	return all[:min(len(all), maxRemembered)], nil
}
