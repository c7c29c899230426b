// Package notice announces that a feed's content changed, once for each change.
//
// Marks of feeds that may have changed come in ([Notices.Mark]), and their content
// ([Source]). An event feed.updated goes out on NATS, and the same update to the outbox, for
// every channel that wants the feed ([Enqueue]).
//
// One record in a bucket says what was last announced of a feed; it only moves forward. A
// node that has news claims the record by compare-and-set with the event in it, puts the
// event into the outbox, sends it on NATS and marks it as sent. So one of many nodes
// announces; a node that lags, or whose clock is off, announces nothing; and if the sender
// dies, another node sends the event with the same id.
//
// Content is a feed's galleries and their ranks, however old they are: every change of
// one since the last announcement is news, whether or not the documents reach back to
// it. A new way of rendering is none. Configured feeds are announced from the first
// gallery on. A feed that is announced only because it has subscribers starts with
// what it holds then, see [Notices.Baseline].
//
// Left to others: to the channels what each target is sent; to the outbox that each target
// gets it in the end, one at a time and in order.
package notice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Snapshot is a feed's content at one moment, and what has happened to its galleries
// since it was announced.
type Snapshot struct {
	Feed       string
	Members    []Member                 // as far as its documents reach
	Addresses  map[string]event.Address // by format; filled in when there is news
	Changed    time.Time                // when the content last changed
	Position   Position
	Steps      []Step // of galleries whether or not the documents reach back to them; the newest first
	Other      bool   // something else in the documents has changed
	Definition string // identifies how the feed's galleries are chosen
}

// Step is what has happened to a gallery: whether it was in the feed, and is.
type Step struct {
	ID      string
	Was, Is bool
}

// Since is up to where a feed was announced, and when its content had last changed then. The
// zero position is before everything.
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

// Source is where content comes from. It is used by several goroutines.
type Source interface {
	// ChangedSince reports whether anything may have happened since then that concerns
	// the feed. It is asked for each feed in each sweep: it must be cheap.
	ChangedSince(feed string, since Position) bool
	// Snapshot returns the feed's content now, from memory. An error means that it
	// cannot be read at the moment, or never for a feed that is not configured.
	Snapshot(feed string, since Since) (Snapshot, error)
	// Documents renders the feed's documents, which are no older than a snapshot
	// that was taken before.
	Documents(ctx context.Context, feed string) (Documents, error)
	// Holds reports whether the gallery still belongs to the feed, though it
	// may be too old to be among its members.
	Holds(feed, gallery string) bool
}

// Subscriptions are those of feeds, as far as this node has read them.
type Subscriptions interface {
	// Feeds returns the feeds with subscriptions in any order, as a slice that is the
	// caller's. An error means that some may be missing.
	Feeds() ([]string, error)
	// Subscribed reports whether a feed is among them. It must not block.
	Subscribed(feed string) bool
}

// Bucket has what was last announced of each feed; [bucket.Bucket] is one.
type Bucket interface {
	Get(ctx context.Context, key string) (bucket.Record, error)
	Store(ctx context.Context, key string, v any, revision uint64) (uint64, error)
	Delete(ctx context.Context, key string, revision uint64) (uint64, error)
	Amend(ctx context.Context, key string, change func(bucket.Record) ([]byte, error)) (uint64, error)
}

// Enqueue puts the notice of an update into the outbox, durably, for each channel: n without
// Channel and Data. It is repeated with the same id after an error or a crash.
type Enqueue func(ctx context.Context, n outbox.Notice, u event.Update) error

// Options make Notices.
type Options struct {
	Source        Source
	Feeds         []string      // the configured feeds, which are always announced
	Also          []string      // others that are always announced; each may not be there yet
	Subscriptions Subscriptions // whose feeds are announced too; may be nil
	Bucket        Bucket
	Send          func(ctx context.Context, e event.CloudEvent) error // sends on NATS; returns when the server has it
	Enqueue       Enqueue
	SiteID        string
	QuietPeriod   time.Duration         // a feed is announced once it has not changed for so long
	MaxWait       time.Duration         // but at the latest so long after its first change
	Lease         time.Duration         // how long another node may take to send what it claimed; 0: 10 s
	Alone         bool                  // there is no other node: what is claimed and not sent was claimed before a crash
	Sent          func(event.Update)    // called with what this node sent; may be nil
	Registerer    prometheus.Registerer // nil: no metrics
	Logger        *slog.Logger
}

// Notices announces changes. [Notices.Run] must run for [Notices.Mark] to have
// an effect.
type Notices struct {
	opts   Options
	queue  *queue
	always map[string]bool // feeds that are announced without subscriptions too; whether they are configured
	sent   *prometheus.CounterVec
	delay  prometheus.Observer

	healthy *semaphore.Weighted // for feeds that are being announced
	failing *semaphore.Weighted // likewise, for those that failed the last time

	mu    sync.Mutex
	feeds map[string]*feedState
}

const (
	// maxHealthy is how many feeds are announced at a time: many may be waiting for
	// storage. maxFailing is how many of those whose last attempt failed run
	// with them, so that feeds that cannot be rendered delay no others.
	maxHealthy = 32
	maxFailing = 4
	// busyAfter is when a feed that is being announced is due again.
	busyAfter = 10 * time.Millisecond
	// retryAfter is when a feed that could not be announced is due again.
	retryAfter = 5 * time.Second
)

// Labels of metrics for what is sent on NATS, and not by the outbox.
const (
	channelNATS   = "nats"
	outcomeSent   = "sent"
	outcomeFailed = "failed"
)

// New returns notices for the feeds of o.
func New(o Options) *Notices {
	o.Lease = cmp.Or(o.Lease, 10*time.Second)
	n := &Notices{
		opts:    o,
		queue:   newQueue(o.QuietPeriod, o.MaxWait),
		always:  map[string]bool{},
		feeds:   map[string]*feedState{},
		healthy: semaphore.NewWeighted(maxHealthy),
		failing: semaphore.NewWeighted(maxFailing),
		sent:    outbox.Outcomes(o.Registerer),
		delay:   outbox.Delays(o.Registerer).WithLabelValues(channelNATS),
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

// announces reports whether the feed is announced at the moment.
func (n *Notices) announces(feed string) bool {
	_, always := n.always[feed]
	return always || n.opts.Subscriptions != nil && n.opts.Subscriptions.Subscribed(feed)
}

// state returns the state of the feed, made if missing.
func (n *Notices) state(feed string) *feedState {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.feeds[feed] == nil {
		n.feeds[feed] = &feedState{}
	}
	return n.feeds[feed]
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
		st := n.state(feed)
		if !st.mu.TryLock() {
			n.queue.later(feed, max(n.opts.QuietPeriod, busyAfter))
			continue
		}
		limit, acquired := n.healthy, false
		if st.failed {
			limit = n.failing
			acquired = limit.TryAcquire(1)
		} else {
			acquired = limit.Acquire(ctx, 1) == nil
		}
		if !acquired {
			st.mu.Unlock()
			n.queue.later(feed, retryAfter)
			continue
		}
		tasks.Go(func() {
			defer st.mu.Unlock()
			defer limit.Release(1)
			if err := n.announce(ctx, feed, st); err != nil && ctx.Err() == nil {
				n.opts.Logger.Warn("cannot announce a feed, retrying", "feed", feed, "err", err)
				n.queue.later(feed, retryAfter)
			}
		})
	}
}

// Sweep announces every feed whose content is not what was last announced, and
// completes announcements that were claimed and not sent. A feed at rest costs it a read
// of memory. A feed in the middle of a row of changes, or that is being announced, is
// left to [Notices.Run]. It goes on after an error and returns all; a configured feed
// that cannot be read is one.
func (n *Notices) Sweep(ctx context.Context) error {
	feeds, subscriptionsErr := slices.Collect(maps.Keys(n.always)), error(nil)
	if n.opts.Subscriptions != nil {
		subscribed, err := n.opts.Subscriptions.Feeds()
		if err != nil {
			subscriptionsErr = fmt.Errorf("list the feeds with subscriptions: %w", err)
		}
		for _, feed := range subscribed {
			if _, always := n.always[feed]; !always {
				feeds = append(feeds, feed)
			}
		}
	}
	var mu sync.Mutex
	errs := []error{subscriptionsErr}
	var tasks errgroup.Group
	tasks.SetLimit(maxHealthy)
	for _, feed := range feeds {
		st := n.state(feed)
		if !st.mu.TryLock() {
			continue
		}
		if !n.opts.Source.ChangedSince(feed, st.settled) || n.queue.changing(feed) {
			st.mu.Unlock()
			continue
		}
		tasks.Go(func() error {
			defer st.mu.Unlock()
			if err := n.announce(ctx, feed, st); err != nil {
				n.queue.later(feed, retryAfter)
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("announce feed %q: %w", feed, err))
			}
			return nil
		})
	}
	_ = tasks.Wait() // the errors are all in errs
	if subscriptionsErr == nil {
		errs = append(errs, n.forgetUnsubscribed(ctx, len(feeds)))
	}
	return errors.Join(errs...)
}
