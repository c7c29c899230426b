// Package digest tells people what is new, by mail and chat, on a cron schedule
// of each digest's own.
//
// A gallery is new to a digest when one of its feeds shows it, it became
// visible (was published or stored, whichever came later) since the last
// digest, and no digest saw it in the feeds before. So one that arrives late
// with an old date is not lost, and a correction is no news. One that was
// published more than thirty days before the last digest is the past, not news.
//
// What a digest was made up to, and what it saw, is one record in a bucket,
// which is compared with the schedule again and again: of the instants that
// passed meanwhile the latest is due, once for all of them. A node claims it by
// writing the record with the notice in it, then hands the notice to the
// outbox, then says so. So of many nodes one makes a digest, and one whose
// maker died is handed on by another, with the same id. Nothing new, nothing
// sent. A digest that begins, or whose record was deleted, begins now. One that is
// late tells what is new when it is made. An instant in the hour that daylight
// saving skips is left out, and what was new then is in the next digest.
//
// [Digests] is a channel of the outbox, which delivers. Addresses of mailboxes
// and chats hold secrets, which are in no log, error, metric, key or name.
package digest

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"sync"
	"time"

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
	// Next is the first instant after t, in t's zone unless the schedule has
	// one; zero for none.
	Next(t time.Time) time.Time
}

// Shown is a gallery that a feed shows.
type Shown struct {
	Key       string // names it for [Source.Gallery]
	Published time.Time
	Visible   time.Time // since when: the later of its publication and when its revision was stored
}

// Gallery is what people are told of a gallery. Its text is plain.
type Gallery struct {
	Title     string
	Link      string // absolute
	Summary   string
	Section   string
	Credit    string // who made it
	Language  string
	Published time.Time
	Cover     Picture
}

// Picture is shown in mail where its URL is an absolute one. Width and Height
// are 0 where they are not known.
type Picture struct {
	URL, Alt      string
	Width, Height int
}

// Source is where galleries come from.
type Source interface {
	// Shown lists the galleries that the feed shows now and that were published
	// after since, newest first and at most n of them. It reads memory only. An
	// error means that they are not known at the moment.
	Shown(ctx context.Context, feed string, since time.Time, n int) ([]Shown, error)
	// Gallery reads one. It is not found when it may no longer be shown, or can
	// never be read; an error means that it can not be read at the moment.
	Gallery(ctx context.Context, key string) (g Gallery, found bool, err error)
}

// Options make Digests.
type Options struct {
	Digests    []Definition
	Source     Source
	Bucket     *bucket.Bucket
	Owe        func(ctx context.Context, n outbox.Notice) error // returns when n is durable; idempotent for one id
	SiteTitle  string
	BaseURL    string                // of the site, without a slash at the end
	Language   string                // of the site
	Location   *time.Location        // of schedules that name none, and of dates; nil: UTC
	Timeout    time.Duration         // of one delivery; 0: 30 s
	Lease      time.Duration         // how long another node may take to hand on what it claimed; 0: 10 s
	Now        func() time.Time      // nil: time.Now
	Registerer prometheus.Registerer // nil: no metrics
	Logger     *slog.Logger
}

func (o *Options) fill() {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Lease == 0 {
		o.Lease = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// Digests makes digests and is the outbox's channel for them. It is safe for
// concurrent use.
type Digests struct {
	opts  Options
	boxes map[string][]*box // by digest
	mail  *template.Template
	made  *prometheus.CounterVec

	mu     sync.Mutex // one digest at a time
	claims map[string]claim

	seen sync.Mutex
	last map[string]time.Time // by digest: when it last told of something
}

// claim is a record with a notice in it that nobody said was handed on.
type claim struct {
	revision uint64
	since    time.Time // that this node knows of it; zero: it is this node's own
}

// Outcomes of a digest that was due.
const (
	outcomeTold    = "told"
	outcomeNothing = "nothing"
)

// New returns an error for every address that can not be used.
func New(o Options) (*Digests, error) {
	o.fill()
	d := &Digests{
		opts: o, mail: parseMail(), boxes: map[string][]*box{}, claims: map[string]claim{}, last: map[string]time.Time{},
		made: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gallerywire_digests_total",
			Help: "Digests that were due, by digest and outcome: told, or nothing new.",
		}, []string{"digest", "outcome"}),
	}
	var errs []error
	for _, def := range o.Digests {
		boxes, err := open(def.To)
		if err != nil {
			errs = append(errs, fmt.Errorf("digest %q: %w", def.Name, err))
		}
		d.boxes[def.Name] = boxes
		for _, outcome := range []string{outcomeTold, outcomeNothing} {
			d.made.WithLabelValues(def.Name, outcome) // there from the start, so that the first counts as an increase
		}
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(d.made)
	}
	return d, errors.Join(errs...)
}

// Run makes each digest at its instants, what was missed at once, until ctx
// ends.
func (d *Digests) Run(ctx context.Context) error {
	for {
		next := d.next() // it may pass while others are made
		err := d.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			d.opts.Logger.Warn("a digest could not be made, trying again", "err", err)
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

// wait is how long until the instant next, at most an hour, so that a clock that
// was set is noticed, and less where something is to be tried again.
func (d *Digests) wait(next time.Time, failed bool) time.Duration {
	wait := time.Hour
	if !next.IsZero() {
		wait = min(wait, next.Sub(d.opts.Now()))
	}
	if failed || d.claimed() {
		wait = min(wait, d.opts.Lease)
	}
	return wait
}

// next is the next instant of any digest, zero for none.
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

// claimed reports whether a notice may still have to be handed on.
func (d *Digests) claimed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.claims) > 0
}

// Sweep makes every digest that is due and hands on what is still owed. It goes
// on after an error and returns all.
func (d *Digests) Sweep(ctx context.Context) error {
	var errs []error
	for _, def := range d.opts.Digests {
		if err := d.sweep(ctx, def); err != nil {
			errs = append(errs, fmt.Errorf("digest %q: %w", def.Name, err))
		}
	}
	return errors.Join(errs...)
}

// State is where a digest stands.
type State struct {
	Name string
	Last time.Time // the scheduled instant at which it last told of something; zero: never, or not known yet
	Next time.Time // zero: none
}

// States returns the states of all digests in their order, as far as this node
// knows. It reads memory only.
func (d *Digests) States() []State {
	d.seen.Lock()
	defer d.seen.Unlock()
	now := d.opts.Now().In(d.opts.Location)
	states := make([]State, 0, len(d.opts.Digests))
	for _, def := range d.opts.Digests {
		states = append(states, State{Name: def.Name, Last: d.last[def.Name], Next: def.Schedule.Next(now)})
	}
	return states
}
