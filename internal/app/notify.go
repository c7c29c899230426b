package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/ping"
	"github.com/gallerywire/gallerywire/internal/notify/webhook"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/schedule"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/nats-io/nats.go/jetstream"
)

// hubPath is the address of the hub.
const hubPath = "/hub"

// notifiers send notices of what changed: the outbox and its channels.
type notifiers struct {
	box     *outbox.Outbox
	hub     *websub.Hub // nil: it is off
	hooks   *webhook.Hooks
	backs   *webhook.Callbacks
	also    []string // feeds that webhooks ask for and that are not configured
	pings   *ping.Hubs
	digests *digest.Digests
	notices *notice.Notices
	log     *slog.Logger
	newer   sync.Map // channels whose records of a newer release were logged
}

// notifiers wires the outbox and its channels. They read their state when they run.
func (a *App) notifiers(topics topics, siteID string) (*notifiers, error) {
	ns, c := &notifiers{log: a.log}, a.opts.Config
	client := client(c)
	var err error
	if ns.hooks, err = webhooks(c, client, siteID); err != nil {
		return nil, err
	}
	ns.also = ns.hooks.Feeds()
	if ns.backs, err = a.callbacks(ns, webhook.CallbackOptions{SiteID: siteID, Client: client}); err != nil {
		return nil, err
	}
	if ns.pings, err = ping.New(ping.Options{Hubs: c.WebSub.ExternalHubs, Client: client}); err != nil {
		return nil, err
	}
	if ns.digests, err = a.digests(ns, topics.catalogue, topics.partners); err != nil {
		return nil, err
	}
	if c.WebSub.Hub {
		if ns.hub, err = a.hub(ns, client, topics); err != nil {
			return nil, err
		}
	}
	ns.notices = a.notices(ns, topics.partners, siteID)
	ns.box = a.outbox(ns, siteID)
	return ns, nil
}

// client returns the client for addresses that others chose, as the configuration allows.
func client(c config.Config) *outbound.Client {
	return outbound.New(outbound.Options{
		AllowNetworks: c.Outbound.AllowNetworks, AllowHTTP: c.Outbound.AllowHTTP, Timeout: c.Outbound.Timeout,
	})
}

// webhooks returns the webhooks that c configures.
func webhooks(c config.Config, client *outbound.Client, siteID string) (*webhook.Hooks, error) {
	o := webhook.Options{Feeds: feedNames(c), SiteID: siteID, Client: client}
	for _, w := range c.Webhooks {
		o.Hooks = append(o.Hooks, webhook.Hook{Name: w.Name, URL: w.URL, Secrets: revealed(w.Secrets), Feeds: w.Feeds})
	}
	return webhook.New(o)
}

func feedNames(c config.Config) []string {
	names := make([]string, len(c.Feeds))
	for i, f := range c.Feeds {
		names[i] = f.Name
	}
	return names
}

func revealed(secrets []config.InlineSecret) []string {
	texts := make([]string, len(secrets))
	for i, s := range secrets {
		texts[i] = string(s)
	}
	return texts
}

// clientOf returns the client that made a request, and its network.
func clientOf(r *http.Request) (addr netip.Addr, network string) {
	addr = web.ClientAddr(r)
	return addr, web.ClientNetwork(addr)
}

func (a *App) hub(ns *notifiers, client *outbound.Client, topics topics) (*websub.Hub, error) {
	c := a.opts.Config.WebSub
	subscriptions := bucketOptions(a.broker, bucketSubscriptions, a.logger("websub"))
	subscriptions.Verifier = a.verifier(bucketSubscriptions, true)
	return websub.New(websub.Options{
		Bucket:            subscriptions,
		Topics:            topics,
		Client:            client,
		ClientOf:          clientOf,
		Alone:             a.broker.Embedded(),
		Address:           a.baseURL + hubPath,
		Signature:         c.Signature,
		Lease:             websub.Lease(c.Lease),
		MaxSubscriptions:  c.MaxSubscriptions,
		MaxPerTopic:       c.MaxPerTopic,
		MaxPerHost:        c.MaxPerHost,
		RequestsPerMinute: c.RequestsPerMinute,
		Baseline:          func(ctx context.Context, feed string) error { return ns.notices.Baseline(ctx, feed) },
		Pinged:            func(feed string) { ns.notices.Mark(feed) },
		Registerer:        a.metrics,
		Logger:            a.logger("websub"),
		PutTo: func(ctx context.Context, n outbox.Notice, target string) error {
			n.Order = topics.order()
			return ns.box.PutTo(ctx, n, target)
		},
	})
}

func (a *App) digests(ns *notifiers, cat galleries, partners *partners) (*digest.Digests, error) {
	c := a.opts.Config
	location, err := time.LoadLocation(c.Schedule.Timezone)
	if err != nil {
		return nil, fmt.Errorf("schedule.timezone: %w", err)
	}
	o := digest.Options{
		Source:     digestSource{partners, cat.Index(), cat.Load, a.baseURL, a.now},
		Bucket:     a.bucket(bucketDigests),
		Enqueue:    ns.put,
		SiteTitle:  c.Site.Title,
		BaseURL:    a.baseURL,
		Language:   c.Site.Language,
		Location:   location,
		Now:        a.now,
		Registerer: a.metrics,
		Logger:     a.logger("digest"),
	}
	for i, d := range c.Digests {
		at, err := schedule.Parse(d.Schedule)
		if err != nil {
			return nil, fmt.Errorf("digests[%d].schedule: %w", i, err)
		}
		def := digest.Definition{Name: d.Name, Schedule: at, Feeds: d.Feeds, To: revealed(d.To)}
		if len(def.Feeds) == 0 {
			def.Feeds = feedNames(c)
		}
		o.Digests = append(o.Digests, def)
	}
	return digest.New(o)
}

func (a *App) notices(ns *notifiers, partners *partners, siteID string) *notice.Notices {
	c := a.opts.Config
	o := notice.Options{
		Source:      noticeSource{partners},
		Feeds:       append(feedNames(c), partners.feedNames()...),
		Also:        ns.also,
		Bucket:      a.bucket(bucketNotices),
		Send:        a.send,
		Enqueue:     ns.enqueue,
		SiteID:      siteID,
		QuietPeriod: c.Notices.QuietPeriod,
		MaxWait:     c.Notices.MaxWait,
		Alone:       a.broker.Embedded(),
		Sent:        a.opts.Watch.Announced,
		Registerer:  a.metrics,
		Logger:      a.logger("notice"),
	}
	if ns.hub != nil {
		o.Subscriptions = subscriptions{ns.hub, partners.canonical}
	}
	return notice.New(o)
}

// subscriptions are the subscriptions at the hub. A subscription to a feed's former name
// gets the notices of its present one.
type subscriptions struct {
	hub       *websub.Hub
	canonical func(feed string) string
}

// Feeds implements [notice.Subscriptions].
func (s subscriptions) Feeds() ([]string, error) {
	if err := s.hub.Ready(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.hub.Feeds(), func(feed string) bool { return s.canonical(feed) != feed }), nil
}

// Subscribed implements [notice.Subscriptions].
func (s subscriptions) Subscribed(feed string) bool {
	return s.hub.Subscribed(feed) && s.canonical(feed) == feed
}

// Counts returns the number of subscriptions of each feed that has any, those to its
// former names among them.
func (s subscriptions) Counts() map[string]int {
	counts := map[string]int{}
	for feed, n := range s.hub.Counts() {
		counts[s.canonical(feed)] += n
	}
	return counts
}

func (a *App) outbox(ns *notifiers, siteID string) *outbox.Outbox {
	c := a.opts.Config.Outbound
	o := outboxOptions(a.broker, a.logger("outbox"))
	o.Alone = a.broker.Embedded()
	o.Verifier = a.verifier(bucketOutbox, true)
	o.Channels = map[string]outbox.Channel{
		webhook.Channel: ns.hooks, webhook.CallbackChannel: ns.backs, ping.Channel: ns.pings, digest.Channel: ns.digests,
	}
	if ns.hub != nil {
		o.Channels[websub.Channel] = ns.hub.Deliveries()
	}
	o.Attempts, o.GiveUpAfter, o.FirstRetry = c.Attempts, c.GiveUpAfter, c.FirstRetry
	o.Timeout = max(c.Timeout, mailTimeout) + time.Second // what is sent ends sooner by itself
	o.Failed = func(ctx context.Context, d outbox.DeadLetter) error { return a.send(ctx, givenUp(d, siteID)) }
	o.Registerer = a.metrics
	return outbox.New(o)
}

// mailTimeout bounds the delivery of one digest: mail needs several round trips.
const mailTimeout = 30 * time.Second

// TestWebhook sends a test to the webhook of that name, and returns the status of
// the answer. The error is nil if it was accepted.
func TestWebhook(ctx context.Context, c config.Config, name string) (int, error) {
	hooks, err := webhooks(c, client(c), siteIDOf(c))
	if err != nil {
		return 0, err
	}
	status, err := hooks.Test(ctx, name)
	if err != nil {
		return status, fmt.Errorf("test webhook %s: %w", name, err)
	}
	return status, nil
}

// siteIDOf is the site's id as far as c says it, for tests that a command sends.
func siteIDOf(c config.Config) string {
	return cmp.Or(c.Site.ID, hostOf(c.Site.BaseURL), "localhost")
}

// TestDigest sends a test to every recipient of the digest of that name, with the timeout
// of a call for each.
func TestDigest(ctx context.Context, c config.Config, name string) ([]digest.Tested, error) {
	digests, err := openDigests(c)
	if err != nil {
		return nil, err
	}
	return digests.Test(ctx, name)
}

func outboxOptions(b *broker.Broker, log *slog.Logger) outbox.Options {
	return outbox.Options{
		JetStream: b.JetStream(),
		Bucket:    b.Name(bucketOutbox),
		Open:      func(ctx context.Context) (jetstream.Stream, error) { return b.Bucket(ctx, bucketOutbox) },
		Reconnect: b.OnReconnect,
		Logger:    log,
	}
}

// givenUp returns the event about a new dead letter. Its id is made of all that it says,
// because after a crash a target may get one more attempt.
func givenUp(d outbox.DeadLetter, siteID string) event.CloudEvent {
	feed := d.About
	if d.Channel == ping.Channel || d.Channel == digest.Channel || d.Channel == webhook.CallbackChannel {
		feed = "" // they are about several, or about none
	}
	id := gallery.HashOf(fmt.Appendf(nil, "%q %q %q %d %d %d %q",
		d.Key, d.ID, d.Target, d.Attempts, d.First.UnixNano(), d.Last.UnixNano(), d.Reason)).String()
	return event.NewFailed(id, siteID, event.Failed{
		Channel: d.Channel, Target: d.Target, Feed: feed, Notice: d.ID,
		Attempts: d.Attempts, First: d.First, Last: d.Last, Reason: d.Reason,
	})
}

func (ns *notifiers) put(ctx context.Context, n outbox.Notice) error { return ns.box.Put(ctx, n) }

// enqueue implements [notice.Enqueue]. A channel that fails does not keep the notice from the
// others.
func (ns *notifiers) enqueue(ctx context.Context, n outbox.Notice, u event.Update) error {
	hooks, hooksErr := ns.hooks.Notices(n, u)
	pings, pingsErr := ns.pings.Notices(n, u)
	errs := []error{hooksErr, pingsErr}
	all := append(hooks, pings...)
	if ns.hub != nil {
		deliveries, err := ns.hub.Notices(n)
		errs, all = append(errs, err), append(all, deliveries...)
	}
	for _, n := range all {
		errs = append(errs, ns.ignoreNewerFormat(n.Channel, ns.put(ctx, n)))
	}
	return errors.Join(errs...)
}

// ignoreNewerFormat drops errors caused only by records of a newer release, which recur for
// as long as this one runs, and logs the first of each channel.
func (ns *notifiers) ignoreNewerFormat(channel string, err error) error {
	if !onlyNewer(err) {
		return err
	}
	if _, logged := ns.newer.LoadOrStore(channel, true); !logged {
		ns.log.Warn("a newer release wrote pending notices, which this one does not replace: "+
			"some notices of the channel are not sent until the newer release runs again", "channel", channel, "err", err)
	}
	return nil
}

// onlyNewer reports whether err is outbox.ErrNewerFormat in each of its parts.
func onlyNewer(err error) bool {
	switch e := err.(type) {
	case nil:
		return false
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(part error) bool { return !onlyNewer(part) })
	case interface{ Unwrap() error }:
		return onlyNewer(e.Unwrap())
	}
	return err == outbox.ErrNewerFormat
}

// changed marks the feeds that a change may affect for announcement, and returns the
// configured ones of the public among them.
func (ns *notifiers) changed(partners *partners, change index.Change) []string {
	feeds := partners.public.Concerned(change)
	ns.notices.Mark(feeds...)
	ns.notices.Mark(partners.concerned(change)...)
	refs, all := partners.public.Affected(change, func(ref edition.Ref) bool {
		feed := ref.String()
		return ns.hub != nil && ns.hub.Subscribed(feed) || slices.Contains(ns.also, feed)
	})
	for _, ref := range refs {
		ns.notices.Mark(ref.String())
	}
	if all {
		ns.notices.Mark(ns.also...)
		if ns.hub != nil {
			ns.notices.Mark(ns.hub.Feeds()...)
		}
	}
	return feeds
}

// sweep is the scheduled work: it announces changes that were not announced, and removes
// what has ended.
func (ns *notifiers) sweep(ctx context.Context) error {
	jobs := []func(context.Context) error{ns.notices.Sweep, ns.digests.Sweep, ns.box.Tidy}
	if ns.hub != nil {
		jobs = append(jobs, ns.hub.Prune)
	}
	var errs []error
	for _, job := range jobs {
		errs = append(errs, job(ctx))
	}
	return errors.Join(errs...)
}

// notifyServices returns the notifiers' services, in the order in which they start.
func (a *App) notifyServices(ns *notifiers, cat galleries) []service {
	var list []service
	if ns.hub != nil {
		list = append(list, a.after(cat.Index().Ready, service{"hub", ns.hub.Run}))
	}
	return append(list,
		a.after(cat.Index().Ready, service{"outbox", ns.box.Run}),
		a.after(a.compared, service{"notices", ns.notices.Run}),
		a.after(a.compared, service{"digests", func(ctx context.Context) error {
			if !until(ctx, cat.Index().Ready) {
				return nil
			}
			return ns.digests.Run(ctx)
		}}),
	)
}
