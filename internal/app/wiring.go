package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/ingest/receive"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/schedule"
	"github.com/gallerywire/gallerywire/internal/serve/page"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// The names of our buckets, stream and consumer, without the prefix.
const (
	bucketGalleries     = "galleries"
	bucketNotices       = "notices"
	bucketSite          = "site"
	bucketSubscriptions = "subscriptions"
	bucketOutbox        = "outbox"
	bucketDigests       = "digests"
	consumerIntake      = "intake"
	streamRejects       = "rejects"
)

const (
	// ackWait is after how long an event that is not acknowledged is delivered again.
	ackWait = 30 * time.Second
	// maxAckPending is how many events all nodes together may have in flight.
	maxAckPending = 1024
	// maxRejects is how many bytes of rejects are kept; the oldest go first.
	maxRejects = 256 << 20
	// headerMargin is how many bytes more than its event a record may need.
	headerMargin = 64 << 10
)

// services are those of a site, wired and not yet running.
type services struct {
	siteID    string
	catalogue *catalogue.Catalogue
	partners  *partners
	intake    *intake.Intake
	handler   http.Handler
	list      []service
	status    *status.Parts
}

// build wires the services of a site.
func (a *App) build(siteID string) (*services, error) {
	var partners *partners
	var notify *notifiers
	cat := a.catalogue(func(change index.Change) {
		feeds := notify.changed(partners, change)
		if id := change.ID(); id != "" && a.opts.Watch.Changed != nil {
			a.opts.Watch.Changed(id, feeds)
		}
	})
	partners = a.partnerSets(a.editions(cat, siteID))
	notify, err := a.notifiers(topics{partners, cat, a.access.Admit, a.now}, siteID)
	if err != nil {
		return nil, err
	}
	plan, err := a.schedule(partners, notify)
	if err != nil {
		return nil, err
	}
	parts := notify.statusParts(cat.Index().Len, partners, plan)
	parts.Partners, parts.Senders = a.partnerStates(partners), a.senderStates()
	reader := a.reader(siteID)
	receiver, err := a.receiver(reader)
	if err != nil {
		return nil, err
	}
	in := a.intake(outcomes{notify.backs, cat, partners, siteID}, reader, receiver)
	list := []service{{"catalogue", cat.Run}, {"clock", cat.KeepTime}}
	if a.broker.Embedded() {
		list = append(list, service{"streams", a.noteStreams}) // it stops after what writes
	}
	list = append(list, service{"readers", drain(a.server)})
	list = append(list, a.notifyServices(notify, cat)...)
	list = append(list, a.after(a.compared, service{"schedule", plan.Run}), a.after(cat.Index().Ready, service{"intake", in.Run}))
	return &services{
		siteID:    siteID,
		catalogue: cat,
		partners:  partners,
		intake:    in,
		handler:   a.publicHandler(cat, partners, notify.hub, receiver),
		status:    parts,
		list:      list,
	}, nil
}

// schedule plans what is done again and again.
func (a *App) schedule(partners *partners, notify *notifiers) (*schedule.Schedule, error) {
	c := a.opts.Config.Schedule
	return schedule.New(schedule.Options{
		Timezone:   c.Timezone,
		Logger:     a.logger("schedule"),
		Registerer: a.metrics,
		Jobs: []schedule.Job{
			{Name: "republish", Spec: c.Republish, Run: func(ctx context.Context) error {
				if err := partners.republish(ctx); err != nil {
					return err
				}
				return notify.notices.Sweep(ctx)
			}},
			{Name: "notices", Spec: c.Notices, Run: notify.sweep},
		},
	})
}

func (a *App) catalogue(changed func(index.Change)) *catalogue.Catalogue {
	records := bucketOptions(a.broker, bucketGalleries, a.logger("catalogue"))
	records.Verifier, records.Now = a.verifier(bucketGalleries, false), a.now
	cat := catalogue.New(catalogue.Options{Bucket: records, Decode: EventReader(a.opts.Config).Gallery, Index: a.indexOptions(changed)})
	a.metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "gallerywire_index_galleries",
		Help: "Galleries in the index that are not taken down.",
	}, func() float64 { return float64(cat.Index().Len()) }))
	return cat
}

func (a *App) indexOptions(changed func(index.Change)) index.Options {
	c := a.opts.Config
	o := index.Options{
		ArchivePage: uint32(c.Archive.Page), Tombstones: c.Tombstones.Keep, Stubs: c.Tombstones.Stub, Changed: changed, Public: public(c.Rights),
	}
	for i := range c.Partners {
		o.Partners = append(o.Partners, partnerAudience(c, i))
	}
	return o
}

// public is the audience that is no partner.
func public(rights config.Rights) *gallery.Audience {
	a := new(gallery.Audience)
	for i, r := range rights.Rules {
		a.Rules = append(a.Rules, gallery.NewRule(r.Credits, r.Sources, r.Allow, r.Deny, fmt.Sprintf("rights.rules[%d]", i)))
	}
	return a
}

func (a *App) editions(cat galleries, siteID string) *edition.Set {
	o := a.editionOptions(siteID)
	o.Index, o.Load = cat.Index(), cat.Load
	o.Budget, o.Limiter = a.budget, a.limiter
	return edition.New(o)
}

// galleries is the part of the catalogue that pages, feeds and notices read.
type galleries interface {
	Index() *index.Index
	Load(context.Context, *index.Entry) (*gallery.Gallery, error)
	Wait(ctx context.Context, sequence uint64) error
}

// editionOptions are the configured options of feeds.
func (a *App) editionOptions(siteID string) edition.Options {
	c := a.opts.Config
	titles := map[string]string{}
	for _, t := range c.Tombstones.Titles {
		titles[strings.ToLower(t.Language)] = t.Text
	}
	var hubs []string
	if c.WebSub.Hub {
		hubs = []string{a.baseURL + hubPath}
	}
	return edition.Options{
		Renderer: feed.NewRenderer(feed.Options{SiteID: siteID, BaseURL: a.baseURL, MaxItem: int(c.Limits.Gallery), Audience: public(c.Rights), Language: c.Site.Language, Titles: titles}),
		Site: edition.Site{
			Title: c.Site.Title, Description: c.Site.Description, BaseURL: a.baseURL,
			Language: c.Site.Language, Copyright: c.Site.Copyright,
			Author: gallery.Author{Name: c.Site.Author.Name, Email: c.Site.Author.Email},
			Icon:   cmp.Or(c.Site.Icon, a.baseURL+page.IconPath),
			Image:  cmp.Or(c.Site.Image, a.baseURL+page.IconPath),
			Hubs:   hubs, OtherHubs: a.otherHubs(),
		},
		Dynamic: edition.Dynamic{
			Sections: c.Dynamic.Sections, Tags: c.Dynamic.Tags, Authors: c.Dynamic.Authors,
			Items: c.Dynamic.Items, Order: order(c.Dynamic.Order), Cache: c.Dynamic.Cache,
		},
		Stubs:       c.Tombstones.Stub,
		MaxDocument: int(c.Limits.Document),
		Feeds:       definitions(c.Feeds),
		Now:         a.now,
		Registerer:  a.metrics,
		Logger:      a.logger("edition"),
	}
}

// otherHubs returns the external hubs that a feed may name: none, unless its changes are
// always announced, as those of configured feeds and of feeds that a webhook names are.
func (a *App) otherHubs() func(edition.Ref) []string {
	c := a.opts.Config
	announced := map[string]bool{}
	for _, name := range feedNames(c) {
		announced[name] = true
	}
	for _, w := range c.Webhooks {
		for _, name := range w.Feeds {
			announced[name] = true
		}
	}
	return func(ref edition.Ref) []string {
		if !announced[ref.String()] {
			return nil
		}
		return c.WebSub.ExternalHubs
	}
}

func definitions(feeds []config.Feed) []edition.Definition {
	defs := make([]edition.Definition, len(feeds))
	for i, f := range feeds {
		defs[i] = edition.Definition{
			Name: f.Name, Title: f.Title, Items: f.Items, Order: order(f.Order), Aliases: f.Aliases,
			Match: index.Match{Sections: f.Match.Sections, Tags: f.Match.Tags, Languages: f.Match.Languages},
			Where: fmt.Sprintf("feeds[%d]", i),
		}
		if f.Content == "summary" {
			defs[i].Content = feed.Summary
		}
	}
	return defs
}

func order(name string) index.Order {
	if name == "updated" {
		return index.ByUpdated
	}
	return index.ByPublished
}

func (a *App) intake(o outcomes, reader event.Reader, receiver *receive.Receiver) *intake.Intake {
	return intake.New(intake.Options{
		Consumers:   a.consumers,
		PublisherOf: broker.PublisherOf,
		Store:       intakeStore{o},
		Rejects: Rejects(a.broker, func(ctx context.Context, id string, r event.Refusal) error {
			e := event.NewRejected(id, o.siteID, r)
			return errors.Join(a.publish(e), o.callbacks.Notify(ctx, id, e))
		}),
		Decode:     a.decode(reader, receiver),
		Observe:    a.observe,
		Registerer: a.metrics,
		Logger:     a.logger("intake"),
	})
}

// reader is what reads events, within the limits of configuration and server.
func (a *App) reader(siteID string) event.Reader {
	reader := EventReader(a.opts.Config)
	reader.SiteID = siteID
	// A record needs more bytes than its event, and the server limits both.
	if limit := a.broker.MaxPayload() - headerMargin; limit > 0 && limit < reader.MaxBytes {
		a.log.Warn("larger events are rejected: the NATS server's max_payload is below events.max_event, raise the one or lower the other", "max_event", reader.MaxBytes, "instead", limit)
		reader.MaxBytes = limit
	}
	return reader
}

// decode returns what reads events with the ids and guids that their publisher may use.
func (a *App) decode(reader event.Reader, receiver *receive.Receiver) func(publisher string, m event.Message) (*event.Event, error) {
	readers := map[string]event.Reader{"": reader}
	for _, p := range a.opts.Config.NATS.Embedded.Publishers {
		reader.IDPrefix, reader.GUIDPrefixes = p.IDPrefix, p.GUIDPrefixes
		readers[p.Name] = reader
	}
	return func(publisher string, m event.Message) (*event.Event, error) {
		if publisher == "" { // as events over HTTP are
			if e := receiver.Decoded(m); e != nil {
				return e, nil
			}
		}
		reader, known := readers[publisher]
		if !known {
			return nil, gallery.Problems{{Reason: fmt.Sprintf("publisher %q is not in nats.embedded.publishers any more: its ids are not known", publisher)}}
		}
		return reader.Decode(m)
	}
}

// consumers are those of the events of each publisher, so that many events of one
// do not hold up those of another.
func (a *App) consumers(ctx context.Context) ([]intake.Consumer, error) {
	stream, _, err := a.eventStream(ctx)
	if err != nil {
		return nil, err
	}
	names, err := a.broker.Publishers(ctx, stream, consumerIntake)
	if err != nil {
		return nil, err
	}
	var list []intake.Consumer
	for _, publisher := range append([]string{""}, names...) {
		list = append(list, func(ctx context.Context) (jetstream.Consumer, bool, error) { return a.events(ctx, publisher) })
	}
	return list, nil
}

// eventStream makes the stream where it is missing.
func (a *App) eventStream(ctx context.Context) (stream jetstream.Stream, foreign bool, err error) {
	c := a.opts.Config.Events
	return a.broker.Events(ctx, broker.EventStream{Name: c.Stream, Subjects: c.Subjects, MaxBytes: int64(c.MaxBytes)})
}

// events makes the stream and the consumer of a publisher's events where they are
// missing; without a name it is the consumer of all other events.
func (a *App) events(ctx context.Context, publisher string) (consumer jetstream.Consumer, foreign bool, err error) {
	stream, foreign, err := a.eventStream(ctx)
	if err != nil {
		return nil, false, err
	}
	name := consumerIntake
	if publisher != "" {
		name += "_" + publisher
	}
	var subjects []string
	for _, subject := range a.opts.Config.Events.Subjects {
		subjects = append(subjects, broker.SubjectOf(publisher, subject))
	}
	consumer, err = a.broker.Consumer(ctx, stream, broker.Consumer{
		Name: name, FilterSubjects: subjects, AckWait: ackWait, MaxAckPending: maxAckPending,
	})
	return consumer, foreign, err
}

func (a *App) publicHandler(cat galleries, partners *partners, hub *websub.Hub, events http.Handler) http.Handler {
	c, editions := a.opts.Config, partners.public
	pages := page.New(page.Options{
		Editions: editions, Index: cat.Index(), Load: cat.Load, Now: a.now, MaxAge: c.HTTP.MaxAge, Logger: a.logger("page"),
		Budget: a.budget, Limiter: a.limiter, Registerer: a.metrics,
	})
	return web.Public(web.Options{
		Editions: editions,
		Title:    c.Site.Title,
		Pages: func(mux *http.ServeMux) {
			pages.Register(mux)
			for _, method := range []string{"GET ", "POST ", "OPTIONS ", "PUT ", "PATCH ", "DELETE "} { // GET / is there already
				mux.Handle(method+receive.Path, events)
				mux.Handle(method+receive.Path+"/", events)
			}
			if hub != nil {
				mux.Handle("GET "+hubPath, hub)
				mux.Handle("POST "+hubPath, hub)
			}
			if a.opts.Mount != nil {
				a.opts.Mount(mux)
			}
		},
		GalleryPage: pages.Gallery,
		FeedPage:    pages.Feed,
		ListPage:    pages.List,
		NotFound:    pages.NotFound,
		Partner:     a.partnerFeeds(partners, pages),
		Ready:       a.unready,
		Detail:      a.detail,
		MaxAge:      c.HTTP.MaxAge,
		Now:         a.now,
		Metrics:     a.metrics,
		Logger:      a.logger("web"),
		Requests:    web.Requests(c.Log.Requests),

		Subscribers: a.subscribers,
	})
}

// BrokerOptions returns the configuration of NATS.
func BrokerOptions(c config.Config, log *slog.Logger) broker.Options {
	var publishers []broker.Publisher
	for _, p := range c.NATS.Embedded.Publishers {
		publishers = append(publishers, broker.Publisher{Name: p.Name, Token: string(p.Token)})
	}
	return broker.Options{
		URL:             string(c.NATS.URL),
		CredentialsFile: c.NATS.CredentialsFile,
		TLS:             broker.TLS(c.NATS.TLS),
		Embedded: broker.Embedded{
			Listen:          c.NATS.Embedded.Listen,
			ListenElsewhere: !c.Configured("nats.embedded.listen"),
			DataDir:         c.NATS.Embedded.DataDir,
			SyncInterval:    time.Duration(c.NATS.Embedded.Sync),
			PublisherToken:  string(c.NATS.Embedded.PublisherToken),
			Publishers:      publishers,
		},
		Prefix:          c.NATS.Prefix,
		Replicas:        c.NATS.Replicas,
		PublishSubjects: slices.Clone(c.Events.Subjects),
		NoticeSubjects:  event.NoticeSubjects(),
		OwnSubjects:     event.PartnerSubjects(),
		Logger:          log,
	}
}
