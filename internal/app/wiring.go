package app

import (
	"cmp"
	"context"
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
