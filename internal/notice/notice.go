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
// A node of a release that owed nothing to others may run beside this one: what
// it announced is owed by the next node that looks.
//
// Configured feeds are announced from the first on. A feed that is announced
// because somebody subscribed to it begins with what it holds then, see
// [Notices.Begin].
//
// Content is the ordered list of a feed's galleries and their ranks: a new way
// of rendering announces nothing. Delivery on NATS is to whoever listens then.
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
	"github.com/gallerywire/gallerywire/internal/outbox"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// Snapshot is a feed's content at one moment.
type Snapshot struct {
	Feed      string
	Members   []Member
	Addresses map[string]event.Address // by format
	Changed   time.Time                // when the content last changed
	Position  Position

	// Definition identifies how the feed's galleries are chosen.
	Definition string
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

// Source is where content comes from.
type Source interface {
	// Snapshot returns the feed's content now. An error means that it is not
	// known at the moment, or never for a feed that is not configured.
	Snapshot(ctx context.Context, feed string) (Snapshot, error)
	// Holds reports whether the gallery still belongs to the feed, though it
	// may be too old to be among its members.
	Holds(feed, gallery string) bool
}

// Audience knows who listens.
type Audience interface {
	// Feeds returns the feeds that somebody has subscribed to. An error means
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
	Handover    time.Duration         // how old what a release without an outbox sent may be to be owed to others; 0: 1 hour, which is as long as an upgrade of all nodes takes
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

	mu    sync.Mutex // one announcement at a time; Begin does without
	known map[string]*state
}

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
	if o.Handover == 0 {
		o.Handover = time.Hour
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
		sent:   outbox.Outcomes(o.Registerer),
		delay:  outbox.Delays(o.Registerer).WithLabelValues(channelNATS),
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

// Run announces marked feeds when they are due, until ctx ends.
func (n *Notices) Run(ctx context.Context) error {
	for {
		feed, err := n.queue.next(ctx)
		if err != nil {
			return nil
		}
		if err := n.announce(ctx, feed, false); err != nil && ctx.Err() == nil {
			n.opts.Logger.Warn("a feed could not be announced, trying again", "feed", feed, "err", err)
			n.queue.later(feed, retryAfter)
		}
	}
}

// retryAfter is when a feed that could not be announced is due again.
const retryAfter = 5 * time.Second

// Sweep announces every feed whose content is not what was last announced, and
// sends whatever is still owed. A feed in the middle of a row of changes is left
// to [Notices.Run]. It goes on after an error and returns all; that the content
// of a feed is not known is one if the feed is configured.
func (n *Notices) Sweep(ctx context.Context) error {
	feeds, err := n.feeds()
	errs := []error{err}
	for _, feed := range feeds {
		if n.queue.changing(feed) {
			continue
		}
		if err := n.announce(ctx, feed, true); err != nil {
			n.queue.later(feed, retryAfter)
			errs = append(errs, fmt.Errorf("announce feed %q: %w", feed, err))
		}
	}
	if err == nil {
		errs = append(errs, n.leave(ctx, feeds))
	}
	return errors.Join(errs...)
}
