// Package digest sends people what is new, by mail and chat, on a cron schedule of
// each digest's own.
//
// What comes in: the galleries that the feeds of a digest show ([Source]), and the time.
// What goes out: a notice for the outbox, which delivers it through its channel [Digests].
//
// A gallery is new to a digest when one of its feeds shows it, it became visible
// (was published or stored, whichever came later) since the last digest, and no
// digest listed it before. So a gallery that arrives late with an old date is
// new, and a correction is not. A gallery published more than thirty days before
// the last digest is not new. A digest without new galleries is not sent.
//
// One of many nodes makes a digest. A record in a bucket has the instant of its last run
// and the galleries that it knows. Each sweep compares the record with the schedule; of the
// instants since then only the latest is due. A node claims the digest by writing the
// record with the notice in it, enqueues the notice, then removes it from the record. If
// that node dies, another one goes on with the same id. A new digest, or one whose record
// was deleted, begins now. A late digest contains what is new when it is made. An instant
// in the hour that daylight saving skips is left out; its galleries are in the next digest.
//
// Addresses of recipients are secret: no log, error, metric, key or name contains them.
package digest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/prometheus/client_golang/prometheus"
)

// Channel is the name of the outbox's channel for digests.
const Channel = "digest"

// Definition is a configured digest.
type Definition struct {
	Name     string // of A-Za-z0-9_- only; in the bucket for good
	Schedule Schedule
	Feeds    []string // such as "travel" and "sections/travel"
	To       []string // shoutrrr addresses, which are secret
}

// Schedule says when a digest is due.
type Schedule interface {
	// Next returns the first instant after t, in t's zone unless the schedule has
	// one; zero for none.
	Next(t time.Time) time.Time
}

// Shown is a gallery that a feed shows.
type Shown struct {
	Key       string // for [Source.View]
	Published time.Time
	Visible   time.Time // the later of its publication and when its revision was stored
}

// Source provides the galleries.
type Source interface {
	// Shown lists the galleries that the feed shows now and that were published
	// after since, newest first and at most n of them. It reads memory only. An
	// error means that they are not known at the moment.
	Shown(ctx context.Context, feed string, since time.Time, n int) ([]Shown, error)
	// View reads one, as the first of the feeds' audiences that may see it does. Its URL is
	// that of a page about it, empty if there is none. It is not found when it may no
	// longer be shown, or can never be read; an error means that it cannot be read at the
	// moment.
	View(ctx context.Context, feeds []string, key string) (v gallery.View, found bool, err error)
}

// Options configure Digests.
type Options struct {
	Digests    []Definition
	Source     Source
	Bucket     *bucket.Bucket
	Enqueue    func(ctx context.Context, n outbox.Notice) error // returns when n is durable; idempotent for one id
	SiteTitle  string
	BaseURL    string                // of the site, without a slash at the end
	Language   string                // of the site
	Location   *time.Location        // of schedules that name none, and of dates; nil: UTC
	Timeout    time.Duration         // of one delivery; 0: 30 s
	Now        func() time.Time      // nil: time.Now
	Registerer prometheus.Registerer // nil: no metrics
	Logger     *slog.Logger
}

// Digests makes digests, and sends them as a channel of the outbox. It is safe for
// concurrent use.
type Digests struct {
	opts       Options
	recipients map[string][]*recipient // by digest
	made       *prometheus.CounterVec

	mu     sync.Mutex // one digest at a time
	claims map[string]claim

	lastMu sync.Mutex
	last   map[string]time.Time // by digest: the instant of its last one
}

// lease is how long another node may take to enqueue the notice that it claimed.
const lease = 10 * time.Second

// claim is a record with a notice that may not be in the outbox yet.
type claim struct {
	revision uint64
	since    time.Time // when this node saw it; zero: it is this node's own
}

// Outcomes of a digest that was due.
const (
	outcomeSent    = "told" // as it was from the first
	outcomeNothing = "nothing"
)

// New returns an error for every address that cannot be used.
func New(o Options) (*Digests, error) {
	o.Location, o.Timeout = cmp.Or(o.Location, time.UTC), cmp.Or(o.Timeout, 30*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Digests{
		opts: o, recipients: map[string][]*recipient{}, claims: map[string]claim{}, last: map[string]time.Time{},
		made: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gallerywire_digests_total",
			Help: "Digests that were due, by digest and outcome.",
		}, []string{"digest", "outcome"}),
	}
	var errs []error
	for _, def := range o.Digests {
		d.recipients[def.Name] = nil
		for i, address := range def.To {
			recipients, err := recipientsOf(address)
			if err != nil {
				errs = append(errs, fmt.Errorf("digest %q: to[%d]: %w", def.Name, i, err))
			}
			for _, r := range recipients {
				if d.recipient(def.Name, r.Key) == nil {
					d.recipients[def.Name] = append(d.recipients[def.Name], r)
				}
			}
		}
		for _, outcome := range []string{outcomeSent, outcomeNothing} {
			d.made.WithLabelValues(def.Name, outcome) // from the start, so that the first one is an increase
		}
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(d.made)
	}
	return d, errors.Join(errs...)
}

// Run makes each digest at its instants, and a missed one at once, until ctx ends.
func (d *Digests) Run(ctx context.Context) error {
	for {
		next := d.next() // before the sweep, in which it may pass
		err := d.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			d.opts.Logger.Warn("cannot make a digest, retrying", "err", err)
		}
		timer := time.NewTimer(d.wait(next, err != nil))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// wait returns how long to wait for next: at most an hour, so that a changed clock
// is noticed, and less if something is to be tried again.
func (d *Digests) wait(next time.Time, failed bool) time.Duration {
	wait := time.Hour
	if !next.IsZero() {
		wait = min(wait, next.Sub(d.opts.Now()))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if failed || len(d.claims) > 0 {
		wait = min(wait, lease)
	}
	return wait
}

// next returns the next instant of any digest, zero for none.
func (d *Digests) next() time.Time {
	var next time.Time
	now := d.opts.Now().In(d.opts.Location)
	for _, def := range d.opts.Digests {
		if at := def.Schedule.Next(now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// Sweep makes every digest that is due and enqueues pending notices. It goes on
// after an error and returns all errors.
func (d *Digests) Sweep(ctx context.Context) error {
	var errs []error
	for _, def := range d.opts.Digests {
		if err := d.sweep(ctx, def); err != nil {
			errs = append(errs, fmt.Errorf("digest %q: %w", def.Name, err))
		}
	}
	return errors.Join(errs...)
}

// State is the state of a digest.
type State struct {
	Name string
	Last time.Time // scheduled instant of the last one that was sent; zero: never, or not known yet
	Next time.Time // zero: none
}

// States returns the states of all digests in their order, as this node knows
// them. It reads memory only.
func (d *Digests) States() []State {
	d.lastMu.Lock()
	defer d.lastMu.Unlock()
	now := d.opts.Now().In(d.opts.Location)
	states := make([]State, 0, len(d.opts.Digests))
	for _, def := range d.opts.Digests {
		states = append(states, State{Name: def.Name, Last: d.last[def.Name], Next: def.Schedule.Next(now)})
	}
	return states
}
