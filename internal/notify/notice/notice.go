// Package notice tells the outside that a feed's content changed: on NATS, to
// webhooks and to hubs elsewhere.
//
// What was last announced of a feed is one record in a bucket, which only moves
// forward. A node that wants to announce claims the record by compare-and-set,
// with the event in it, has what is owed to others made durable, then sends the
// event on NATS, then marks it as sent. What cannot be owed is tried again, and
// the event is sent meanwhile. So of many nodes one announces; a node
// that lags, or whose clock is off, announces nothing; and an event whose sender
// died is owed and sent by another, with the same id.
//
// Configured feeds are announced from the first on. A feed that is announced
// because somebody subscribed to it begins with what it holds then, see
// [Notices.Begin].
//
// Content is a feed's galleries and their ranks, however old they are: what happened
// to one since the last announcement is told, whether or not the documents reach back
// to it. A new way of rendering announces nothing. Delivery on NATS is to whoever listens then.
// [Webhooks] and [Pings] say what the others get and how; that they get it in the
// end, one at a time and in order, is left to the outbox.
package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// Snapshot is a feed's content at one moment, and what has become of its galleries
// since it was announced.
type Snapshot struct {
	Feed      string
	Members   []Member                 // as far as its documents reach
	Addresses map[string]event.Address // by format; without entity tags until something is told
	Changed   time.Time                // when the content last changed
	Position  Position
	Steps     []Step // of galleries whether or not the documents reach back to them; the newest first
	Other     bool   // something else that the documents say has changed

	// Definition identifies how the feed's galleries are chosen.
	Definition string
}

// Step is what has become of a gallery: whether it was in the feed, and is.
type Step struct {
	ID      string
	Was, Is bool
}

// Since says up to where a feed was announced, and when its content had last changed
// then. The zero position is before everything.
type Since struct {
	Position Position
	Changed  time.Time
}

// Documents are a feed's, as they are served.
type Documents struct {
	Addresses map[string]event.Address // by format
	LeftOut   []string                 // galleries that belong to the feed and cannot be shown
}

// Member is a gallery in a feed. State changes whenever what the feed shows of
// it does.
type Member struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

// Position says how much a snapshot takes account of. Positions are ordered.
type Position struct {
	Epoch    time.Time `json:"epoch"`    // when the bucket of galleries was made
	Revision uint64    `json:"revision"` // the newest of its records
	Passed   time.Time `json:"passed"`   // the newest embargo or expiry that has passed
}

// compare orders positions by Epoch, Revision and Passed.
func (p Position) compare(o Position) int {
	if c := p.Epoch.Compare(o.Epoch); c != 0 {
		return c
	}
	if p.Revision != o.Revision {
		if p.Revision < o.Revision {
			return -1
		}
		return 1
	}
	return p.Passed.Compare(o.Passed)
}

// covers reports whether whatever o takes account of p does too.
func (p Position) covers(o Position) bool {
	return p.Epoch.Equal(o.Epoch) && p.Revision >= o.Revision && !p.Passed.Before(o.Passed)
}

// join returns the position that takes account of what p does, and of what o does
// of the same bucket.
func (p Position) join(o Position) Position {
	if p.Epoch.Equal(o.Epoch) {
		p.Revision = max(p.Revision, o.Revision)
		if o.Passed.After(p.Passed) {
			p.Passed = o.Passed
		}
	}
	return p
}

// Source is where content comes from. It is used by several goroutines.
type Source interface {
	// Moved reports whether anything may have happened since then that concerns
	// the feed. It is asked for each feed in each sweep: it must be cheap.
	Moved(feed string, since Position) bool
	// Snapshot returns the feed's content now, from memory. An error means that it
	// is not known at the moment, or never for a feed that is not configured.
	Snapshot(feed string, since Since) (Snapshot, error)
	// Documents renders the feed's documents, which are no older than a snapshot
	// that was taken before.
	Documents(ctx context.Context, feed string) (Documents, error)
	// Holds reports whether the gallery still belongs to the feed, though it
	// may be too old to be among its members.
	Holds(feed, gallery string) bool
}

// Audience knows who listens.
type Audience interface {
	// Feeds returns the feeds that somebody has subscribed to, in any order, as a slice
	// that is the caller's. An error means
	// that they are not all known at the moment.
	Feeds() ([]string, error)
	// Subscribed reports whether a feed is among them, as far as is known. It
	// must not block.
	Subscribed(feed string) bool
}

// Options make Notices.
type Options struct {
	Source      Source
	Feeds       []string                                            // the configured feeds, which are always announced
	Also        []string                                            // others that are always announced; each may not be there yet
	Subscribed  Audience                                            // whose feeds are announced too; nil: nobody
	Bucket      func(context.Context) (jetstream.KeyValue, error)   // makes the bucket when missing
	Send        func(ctx context.Context, e event.CloudEvent) error // returns when the server has it
	Owe         func(context.Context, Announcement) error           // returns when what is owed to others is durable; repeated with the same id after an error or a crash; may be nil
	SiteID      string
	QuietPeriod time.Duration         // a feed is announced once it has not changed for so long
	MaxWait     time.Duration         // but at the latest so long after its first change
	Lease       time.Duration         // how long another node may take to send what it claimed; 0: 10 s
	Alone       bool                  // there is no other node: what is claimed and not sent was claimed before a crash
	Sent        func(event.Update)    // told of what this node sent; may be nil
	Registerer  prometheus.Registerer // nil: no metrics
	Logger      *slog.Logger
}

// Notices announces changes. [Notices.Run] must run for [Notices.Mark] to have
// an effect.
type Notices struct {
	opts   Options
	queue  *queue
	always map[string]bool // feeds announced whoever listens; whether they are configured
	sent   *prometheus.CounterVec
	delay  prometheus.Observer

	healthy chan struct{} // holds a token for each feed that is announced
	failing chan struct{} // likewise, of those that failed the last time

	mu    sync.Mutex
	known map[string]*state
}

const (
	// maxHealthy is how many feeds are announced at a time: many may be waiting for
	// storage. maxFailing is how many of those whose last attempt failed are beside
	// them, so that what cannot be rendered delays nothing else.
	maxHealthy = 32
	maxFailing = 4
)

// What metrics call the way that is not the outbox's, and what becomes of notices on
// it.
const (
	channelNATS   = "nats"
	outcomeSent   = "sent"
	outcomeFailed = "failed"
)

// New returns notices for the feeds of o.
func New(o Options) *Notices {
	if o.Lease == 0 {
		o.Lease = 10 * time.Second
	}
	if o.Sent == nil {
		o.Sent = func(event.Update) {}
	}
	if o.Owe == nil {
		o.Owe = func(context.Context, Announcement) error { return nil }
	}
	if o.Subscribed == nil {
		o.Subscribed = nobody{}
	}
	n := &Notices{
		opts:   o,
		queue:  newQueue(o.QuietPeriod, o.MaxWait),
		always: map[string]bool{},
		known:  map[string]*state{},

		healthy: make(chan struct{}, maxHealthy), failing: make(chan struct{}, maxFailing),
		sent:  outbox.Outcomes(o.Registerer),
		delay: outbox.Delays(o.Registerer).WithLabelValues(channelNATS),
	}
	for _, outcome := range []string{outcomeSent, outcomeFailed} {
		n.sent.WithLabelValues(channelNATS, outcome) // there from the start, so that the first counts as an increase
	}
	for _, feed := range o.Also {
		n.always[feed] = false
	}
	for _, feed := range o.Feeds {
		n.always[feed] = true
	}
	return n
}

// Mark notes that the feeds may have changed; those that are not announced are
// passed over. It does not block.
func (n *Notices) Mark(feeds ...string) {
	n.queue.mark(slices.DeleteFunc(slices.Clone(feeds), func(feed string) bool { return !n.announces(feed) }))
}

// Run announces marked feeds when they are due, until ctx ends. A feed that cannot
// be announced delays no other.
func (n *Notices) Run(ctx context.Context) error {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	for {
		feed, err := n.queue.next(ctx)
		if err != nil {
			return nil
		}
		known := n.state(feed)
		if !known.mu.TryLock() {
			n.queue.later(feed, max(n.opts.QuietPeriod, busyAfter))
			continue
		}
		lane := n.healthy
		if known.failed {
			lane = n.failing
		}
		if !n.enter(ctx, lane, known.failed) {
			known.mu.Unlock()
			n.queue.later(feed, retryAfter)
			continue
		}
		tasks.Go(func() {
			defer known.mu.Unlock()
			defer func() { <-lane }()
			if err := n.announce(ctx, feed, known); err != nil && ctx.Err() == nil {
				n.opts.Logger.Warn("a feed could not be announced, trying again", "feed", feed, "err", err)
				n.queue.later(feed, retryAfter)
			}
		})
	}
}

// enter takes a place in the lane: it waits for one, or, with try, only looks.
func (n *Notices) enter(ctx context.Context, lane chan struct{}, try bool) bool {
	if try {
		select {
		case lane <- struct{}{}:
			return true
		default:
			return false
		}
	}
	select {
	case lane <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// busyAfter is when a feed that is just being announced is looked at again.
const busyAfter = 10 * time.Millisecond

// retryAfter is when a feed that could not be announced is due again.
const retryAfter = 5 * time.Second

// Sweep announces every feed whose content is not what was last announced, and
// sends whatever is still owed. A feed at rest costs it a look at memory. A feed in
// the middle of a row of changes, or that is just being announced, is left to
// [Notices.Run]. It goes on after an error and returns all; that the content of a
// feed is not known is one if the feed is configured.
func (n *Notices) Sweep(ctx context.Context) error {
	feeds, err := n.feeds()
	var mu sync.Mutex
	errs := []error{err}
	var tasks sync.WaitGroup
	places := make(chan struct{}, maxHealthy)
	for _, feed := range feeds {
		known := n.state(feed)
		if !known.mu.TryLock() {
			continue
		}
		if !n.opts.Source.Moved(feed, known.settled) || n.queue.changing(feed) {
			known.mu.Unlock()
			continue
		}
		places <- struct{}{}
		tasks.Go(func() {
			defer known.mu.Unlock()
			defer func() { <-places }()
			if err := n.announce(ctx, feed, known); err != nil {
				n.queue.later(feed, retryAfter)
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("announce feed %q: %w", feed, err))
			}
		})
	}
	tasks.Wait()
	if err == nil {
		errs = append(errs, n.leave(ctx, len(feeds)))
	}
	return errors.Join(errs...)
}
