// Package edition knows which feeds there are and keeps the current [Edition] of each: a
// document in every format, and the galleries in it. The index and a loader of galleries
// come in; editions, archive pages, deltas and the changes since a position go out. A
// [Set] is of one audience: the public, or a partner at one of its addresses.
//
// A stale edition is rendered when it is asked for, once for all who ask together. A
// gallery is rendered once for all feeds that show it. While galleries cannot be read, a
// feed falls back to its last good edition, without what was withdrawn, expired or
// embargoed since. A gallery that cannot be rendered is left out and takes nothing else
// with it. The bytes of a document are left to package feed, HTTP to package web.
package edition

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/cache"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
)

var (
	// ErrUnknown means that there is no feed of that name.
	ErrUnknown = errors.New("no such feed")
	// ErrUnavailable means that there is neither a current edition nor a last
	// good one: try again later.
	ErrUnavailable = errors.New("feed not available yet")
)

// Definition is a configured feed.
type Definition struct {
	Name    string
	Title   string
	Items   int // at most so many galleries
	Content feed.Content
	Match   index.Match
	Order   index.Order
	Aliases []string // former names
	Where   string   // the key of the configuration that defines it, for [Explanation]
}

// Site is the metadata of the site, which every feed shows.
type Site struct {
	Title       string
	Description string
	BaseURL     string // without a slash at the end
	Language    string
	Copyright   string
	Author      gallery.Author
	Icon        string   // address of a small square picture
	Image       string   // address of a picture of at most 144 pixels' width
	Hubs        []string // where readers may subscribe to every feed (WebSub); addresses

	// OtherHubs are more hubs of that feed; nil: none.
	OtherHubs func(Ref) []string
}

// hubs are all hubs of the feed.
func (s Site) hubs(ref Ref) []string {
	if s.OtherHubs == nil {
		return s.Hubs
	}
	return slices.Concat(s.Hubs, s.OtherHubs(ref))
}

// Options make a set.
type Options struct {
	Index       *index.Index
	Load        func(context.Context, *index.Entry) (*gallery.Gallery, error) // of a gallery's revision: see [index.ErrSuperseded]
	Renderer    *feed.Renderer
	Site        Site
	Feeds       []Definition
	Dynamic     Dynamic
	Stubs       bool                  // galleries' own feeds have stubs too; for other feeds the index decides
	MaxDocument int                   // bytes of the galleries in a document; 0: 16 MiB
	Budget      *cache.Budget         // for all that is kept; nil: one of 128 MiB
	Limiter     *cache.Limiter        // for what is rendered on demand; nil: for a third of the budget
	Now         func() time.Time      // nil: time.Now
	Registerer  prometheus.Registerer // nil: no metrics
	Logger      *slog.Logger
}

// Set holds the current edition of every feed of an audience: the public, or a partner at
// one address. It is safe for concurrent use.
type Set struct {
	opts    Options
	partner *PartnerFeed             // nil: the public
	feeds   map[string]*feedRenderer // the configured ones
	aliases map[string]string
	dynamic *cache.Cache[Ref, *feedRenderer]
	*shared
}

// shared is what the sets of all audiences have in common.
type shared struct {
	partners   *cache.Cache[*feedRenderer, *Edition] // current editions of partners' feeds
	pages      *cache.Cache[pageKey, *feedRenderer]
	galleries  *cache.Cache[itemKey, *galleryFeed]
	items      *cache.Cache[itemKey, *feed.Item]
	deltas     *deltas
	validators *cache.Cache[validatorKey, *validators]
	logged     *logged
	metrics    metrics
}

func newShared(b *cache.Budget, r prometheus.Registerer) *shared {
	revisions, _ := simplelru.NewLRU[itemKey, struct{}](10_000, nil) // the only error is a size below one
	return &shared{
		partners:   cache.New[*feedRenderer](b, cache.Options[*Edition]{Size: (*Edition).held, Dropped: (*Edition).drop}),
		pages:      cache.New[pageKey](b, cache.Options[*feedRenderer]{Size: (*feedRenderer).held}),
		galleries:  cache.New[itemKey](b, cache.Options[*galleryFeed]{Size: (*galleryFeed).held}),
		items:      cache.New[itemKey](b, cache.Options[*feed.Item]{Size: (*feed.Item).Held}),
		deltas:     cache.New[deltaKey](b, cache.Options[*feed.Document]{Size: (*feed.Document).Held}),
		validators: cache.New[validatorKey](b, cache.Options[*validators]{Size: func(*validators) int { return perValidators }}),
		logged:     &logged{revisions: revisions},
		metrics:    newMetrics(r),
	}
}

// New returns the public's set without editions; they are rendered when a reader asks.
func New(o Options) *Set {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Budget == nil {
		o.Budget = cache.NewBudget(128 << 20)
	}
	if o.Limiter == nil {
		o.Limiter = cache.NewLimiter(o.Budget.Most()/3, nil)
	}
	o.Dynamic.Items, o.Dynamic.Cache = cmp.Or(o.Dynamic.Items, 50), cmp.Or(o.Dynamic.Cache, 2000)
	s := &Set{
		opts:    o,
		feeds:   make(map[string]*feedRenderer, len(o.Feeds)),
		aliases: map[string]string{},
		dynamic: cache.New[Ref](o.Budget, cache.Options[*feedRenderer]{Size: (*feedRenderer).held, Dropped: (*feedRenderer).release, Most: o.Dynamic.Cache}),
		shared:  newShared(o.Budget, o.Registerer),
	}
	for _, d := range o.Feeds {
		r := newFeedRenderer(s, Ref{Kind: Feed, Name: d.Name}, d)
		r.versions, r.pin = manyVersions, o.Budget.NewPin(r.held)
		s.feeds[d.Name] = r
		for _, alias := range d.Aliases {
			s.aliases[alias] = d.Name
		}
	}
	return s
}

// Edition returns the edition of a feed, of a page of its archive, or of a
// gallery as it is now. The error is [ErrUnknown], [ErrGone], [ErrUnavailable]
// or a [*Moved] for a feed's former name. A fresh edition costs no
// lock, no rendering and no call to NATS.
func (s *Set) Edition(ctx context.Context, ref Ref) (*Edition, error) {
	switch {
	case ref.Kind == Gallery && ref.Page == "":
		return s.galleryEdition(ctx, ref, forReaders)
	case strings.HasPrefix(ref.Page, after):
		return nil, s.newer(ref)
	}
	r, err := s.renderer(ctx, ref)
	if err != nil {
		return nil, err
	}
	e := r.fresh()
	s.metrics.editions.Count(e != nil)
	if e != nil {
		r.used()
		return e, nil
	}
	return r.refresh(ctx, forReaders)
}

// Feeds returns the configured feeds in their order.
func (s *Set) Feeds() []Definition { return s.opts.Feeds }

// Site returns the metadata of the site.
func (s *Set) Site() Site { return s.opts.Site }

// Listing is a feed in a public list of feeds.
type Listing struct {
	Title string
	Atom  string // address
	Page  string // for people; empty: none
}

// Listings returns the configured feeds, then the sections.
func (s *Set) Listings() []Listing {
	var all []Listing
	for _, d := range s.opts.Feeds {
		all = append(all, s.listing(Ref{Kind: Feed, Name: d.Name}, d.Title))
	}
	if s.opts.Dynamic.Sections {
		for _, n := range s.opts.Index.Names(index.Section, s.opts.Now()) {
			all = append(all, s.listing(Ref{Kind: Section, Name: n.Slug}, n.Name))
		}
	}
	return all
}

func (s *Set) listing(ref Ref, title string) Listing {
	return Listing{Title: title, Atom: s.Address(ref, feed.Atom), Page: s.Page(ref)}
}

// Address returns the absolute address of a feed's document.
func (s *Set) Address(ref Ref, f feed.Format) string {
	return s.opts.Site.BaseURL + s.path(ref) + "." + f.String()
}

// Address is where one document of a feed is.
type Address struct {
	Format    string // as in addresses: [feed.Format.String]
	Title     string // for people: [feed.Format.Title]
	MediaType string // without parameters
	URL       string // absolute
}

// Canonical returns ref with the present name of the feed, if it has a former one.
func (s *Set) Canonical(ref Ref) Ref {
	if name, ok := s.aliases[ref.Name]; ok && ref.Kind == Feed && s.feeds[ref.Name] == nil {
		ref.Name = name
	}
	return ref
}

// Former returns the former names of a configured feed.
func (s *Set) Former(name string) []string {
	if r, ok := s.feeds[name]; ok {
		return r.def.Aliases
	}
	return nil
}

// Current returns the configured feed's edition as it is now.
func (s *Set) Current(ctx context.Context, name string) (*Edition, error) {
	return s.Edition(ctx, Ref{Kind: s.kind(), Name: name})
}

// LeftOut returns what is left out of the current editions of the configured
// feeds.
func (s *Set) LeftOut() []LeftOut {
	var all []LeftOut
	for _, d := range s.opts.Feeds {
		if e := s.feeds[d.Name].current.Load(); e != nil {
			all = append(all, e.LeftOut...)
		}
	}
	return all
}

// Concerned returns the names of the configured feeds in which the change may show, as of
// [Ref.String].
func (s *Set) Concerned(c index.Change) []string {
	var names []string
	for _, d := range s.opts.Feeds {
		if s.feeds[d.Name].selection.Concerns(c) {
			names = append(names, s.feeds[d.Name].name())
		}
	}
	return names
}

// Len is how many galleries the feed and its archive have now.
func (s *Set) Len(name string) int {
	if r, ok := s.feeds[name]; ok {
		return r.history.LenAt(s.opts.Now())
	}
	return 0
}

// Republish renders every feed that is not what it should be now, whatever events were
// missed: of a partner only if it is kept. It continues after an error and returns all
// errors.
func (s *Set) Republish(ctx context.Context) error {
	s.opts.Index.Advance(s.opts.Now)
	var errs []error
	for _, d := range s.opts.Feeds {
		r := s.feeds[d.Name]
		if s.partner != nil && r.current.Load() == nil {
			continue
		}
		if _, err := r.refresh(ctx, forSchedule); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
