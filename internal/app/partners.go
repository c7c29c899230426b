package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// partners are the feeds of the configured partners: for each a set at the address for keys
// in a header, and one at each address that has a key in it.
type partners struct {
	public  *edition.Set
	hubs    []string // of an address with a key
	pathKey func(partner, key string) bool
	names   []string // in the order of the configuration
	feeds   map[string]edition.PartnerFeed
	sets    map[string]*edition.Set // at addresses without a key
	keyed   sync.Map                // of *edition.Set, by partner.Pass
}

// partnerSets makes the sets of the partners beside that of the public.
func (a *App) partnerSets(public *edition.Set) *partners {
	c := a.opts.Config
	p := &partners{
		public: public, hubs: public.Site().Hubs, pathKey: a.access.PathKey,
		feeds: map[string]edition.PartnerFeed{}, sets: map[string]*edition.Set{},
	}
	for i, one := range c.Partners {
		d := partnerFeed(one, fmt.Sprintf("partners[%d]", i))
		d.Audience = partnerAudience(c, i)
		p.names = append(p.names, one.Name)
		p.feeds[one.Name], p.sets[one.Name] = d, public.For(d)
	}
	return p
}

// partnerFeed is the feed of a partner, which stands at that place in the configuration,
// without its audience.
func partnerFeed(p config.Partner, where string) edition.PartnerFeed {
	d := edition.PartnerFeed{
		Definition: edition.Definition{
			Name: p.Name, Title: p.Title, Items: p.Items, Order: order(p.Order), Match: index.Match(p.Match), Where: where,
		},
		Exclude:   index.Match{Sections: p.Exclude.Sections, Tags: p.Exclude.Tags, Authors: p.Exclude.Authors, Languages: p.Exclude.Languages},
		LinkQuery: p.LinkQuery,
		Base:      "/partners/" + p.Name,
	}
	if p.Content == "summary" {
		d.Content = feed.Summary
	}
	return d
}

// partnerAudience is the audience of the partner with that place in the configuration.
func partnerAudience(c config.Config, i int) *gallery.Audience {
	p, rules := c.Partners[i], public(c.Rights).Rules
	if e := p.Exclude; len(e.Credits)+len(e.Sources) > 0 {
		rules = append(rules, gallery.NewExclusion(e.Credits, e.Sources, fmt.Sprintf("partners[%d].exclude", i)))
	}
	return &gallery.Audience{
		Name: p.Name, Groups: p.Groups, Delay: p.Delay, MaxAge: p.MaxAge, DenyUnstated: p.UnstatedRights == "deny", Rules: rules,
	}
}

// partner returns the set at the address without a key; nil: there is no such partner.
func (p *partners) partner(name string) *edition.Set { return p.sets[name] }

// of returns the sets of an audience by its name, of all where it is empty.
func (p *partners) of(audience string) []*edition.Set {
	var sets []*edition.Set
	if audience == "" || audience == gallery.Public {
		sets = append(sets, p.public)
	}
	for _, name := range p.names {
		if audience == "" || audience == name {
			sets = append(sets, p.sets[name])
		}
	}
	return sets
}

// at returns the set at the address that the pass is for; nil: its key is not good any
// more.
func (p *partners) at(pass partner.Pass) *edition.Set {
	if pass.PathKey == "" {
		return p.partner(pass.Partner)
	}
	if set, ok := p.keyed.Load(pass); ok {
		return set.(*edition.Set)
	}
	if !p.pathKey(pass.Partner, pass.PathKey) {
		return nil
	}
	d := p.feeds[pass.Partner]
	d.Base, d.Hubs = d.Base+"/~"+pass.PathKey, p.hubs
	made := p.public.For(d)
	set, others := p.keyed.LoadOrStore(pass, made)
	if others {
		made.Release()
	}
	return set.(*edition.Set)
}

// republish is [edition.Set.Republish] of all sets. It drops those at addresses whose key
// has ended.
func (p *partners) republish(ctx context.Context) error {
	sets := p.of("")
	p.keyed.Range(func(key, set any) bool {
		if pass := key.(partner.Pass); p.pathKey(pass.Partner, pass.PathKey) {
			sets = append(sets, set.(*edition.Set))
		} else {
			p.keyed.Delete(key)
			set.(*edition.Set).Release()
		}
		return true
	})
	var errs []error
	for _, set := range sets {
		errs = append(errs, set.Republish(ctx))
	}
	return errors.Join(errs...)
}
