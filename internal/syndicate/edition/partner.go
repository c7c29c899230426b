package edition

import (
	"cmp"
	"net/url"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// PartnerFeed defines the feed of a partner, at one of its addresses.
type PartnerFeed struct {
	Definition             // Name is the partner's
	Exclude    index.Match // galleries with any of these names are left out
	Audience   *gallery.Audience
	LinkQuery  string // added to links for people

	// Base is the path below which the partner's addresses are: "/partners/" and the name,
	// perhaps with a key after them.
	Base string
	Hubs []string // where to subscribe to the feed at this address; empty: nowhere
}

// For returns the set of a partner's feed, which is [Ref] of Kind Partner and that name,
// and of the own feeds of the galleries in it. Nothing else is there, whether it never was,
// is gone, or is only not for the partner: the error is [ErrUnknown] for all of these.
//
// It shares memory, limits and metrics with s, which is the public's. Its documents are
// kept as long as there is room. Release it when it is no longer needed.
func (s *Set) For(p PartnerFeed) *Set {
	site := s.opts.Site
	p.Title = cmp.Or(p.Title, site.Title, p.Name)
	own := &Set{opts: s.opts, partner: &p, shared: s.shared, feeds: map[string]*feedRenderer{}}
	own.opts.Site.Hubs, own.opts.Site.OtherHubs = p.Hubs, nil
	own.opts.Feeds, own.opts.Dynamic = []Definition{p.Definition}, Dynamic{}
	own.opts.Renderer = s.opts.Renderer.For(feed.Partner{Audience: p.Audience, BaseURL: site.BaseURL + p.Base, LinkQuery: p.LinkQuery})
	r := newFeedRenderer(own, Ref{Kind: Partner, Name: p.Name}, p.Definition)
	r.versions = fewVersions
	own.feeds[p.Name] = r
	return own
}

// Release lets go of what a partner's set keeps. A request may still be answered from the
// set; later ones must take another.
func (s *Set) Release() {
	for _, r := range s.feeds {
		r.release()
		s.partners.Remove(r)
	}
}

// kind is the kind of the configured feeds.
func (s *Set) kind() Kind {
	if s.partner != nil {
		return Partner
	}
	return Feed
}

// Base is the path of a partner's addresses, empty for the public's.
func (s *Set) Base() string {
	if s.partner == nil {
		return ""
	}
	return s.partner.Base
}

// path is the address of a feed without its format, below the site's.
func (s *Set) path(ref Ref) string {
	switch {
	case s.partner == nil || ref.Kind == Gallery:
		return s.Base() + ref.base()
	case ref.Page != "":
		return s.Base() + "/archive/" + url.PathEscape(ref.Page)
	}
	return s.Base() + "/feed"
}

// Audience is who sees the feeds.
func (s *Set) Audience() *gallery.Audience {
	if s.partner == nil {
		return s.opts.Index.Public()
	}
	return s.partner.Audience
}

// choice is how a feed chooses its galleries.
func (s *Set) choice(m index.Match, o index.Order) index.Choice {
	c := index.Choice{Match: m, Order: o}
	if s.partner != nil {
		c.Exclude, c.Audience = s.partner.Exclude, s.partner.Audience
	}
	return c
}

// all chooses the galleries that the set shows.
func (s *Set) all() index.Choice {
	if s.partner == nil {
		return index.Choice{}
	}
	return s.choice(s.partner.Match, s.partner.Order)
}

// name is that of a feed in logs and explanations. The own feed of a gallery has that of the
// partner before it.
func (s *Set) name(ref Ref) string {
	if s.partner == nil || ref.Kind == Partner {
		return ref.String()
	}
	return Ref{Kind: Partner, Name: s.partner.Name}.String() + "/" + ref.String()
}

// find returns the entry with that key as the audience sees it; nil where there is none.
func (s *Set) find(key string) *index.Entry {
	e := s.opts.Index.Find(key)
	if s.partner != nil {
		e = s.opts.Index.For(s.partner.Audience, e, s.opts.Now())
	}
	return e
}

// shows reports whether the gallery of an entry, as the audience sees it, is shown now. A
// partner sees those in its feed, however old they are.
func (s *Set) shows(e *index.Entry) bool {
	now := s.opts.Now()
	if !e.VisibleAt(now) {
		return false
	}
	return s.partner == nil || s.feeds[s.partner.Name].selection.Unmet(e) == ""
}
