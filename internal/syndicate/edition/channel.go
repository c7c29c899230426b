package edition

import (
	"cmp"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// channel returns the metadata of the feed. Its archive has the same identifier. The
// title is the configured one, or the name in the spelling that most of the
// galleries use: a function of what is shown, so that a page of an archive does
// not change with the spelling of galleries on another.
func (r *feedRenderer) channel(items []*feed.Item, s snapshot) feed.Channel {
	ch := r.set.channel(r.ref)
	whole := r.ref.page("")
	ch.ID, ch.Title = r.set.opts.Renderer.ChannelID(whole.base()), cmp.Or(r.def.Title, r.def.Name)
	if r.ref.Kind.dynamic() {
		ch.Title = cmp.Or(index.UsualName(r.ref.Kind.Facet(), r.ref.Name, s.Entries), r.ref.Name)
	}
	if r.ref.Kind == Feed {
		ch.ID = r.set.opts.Renderer.FeedID(r.def.Name)
	}
	if r.ref.Kind != Partner { // whose readers cannot open a page of it
		ch.Home = r.set.Page(whole)
	}
	ch.Tombstones = r.set.tombstones(s.Gone, items)
	ch.Updated = latest(items, ch.Tombstones)
	for _, f := range feed.Formats() { // the way through the archive (RFC 5005 §4)
		if s.older != "" {
			ch.PrevArchive[f] = r.set.Address(r.ref.page(s.older), f)
		}
		if r.ref.Page != "" {
			ch.Current[f] = r.set.Address(r.ref.page(""), f)
			ch.Archive = r.ref.Page != index.NewestPage
		}
		if ch.Archive {
			ch.NextArchive[f] = r.set.Address(r.ref.page(after+r.ref.Page), f)
		}
	}
	return ch
}

// channel returns the metadata of the site for a feed, with the feed's addresses. A page of
// an archive names no hub: subscribers are not notified when it changes.
func (s *Set) channel(ref Ref) feed.Channel {
	site := s.opts.Site
	ch := feed.Channel{
		Description: site.Description,
		Language:    site.Language,
		Copyright:   site.Copyright,
		Author:      site.Author,
		Site:        site.Title,
		Home:        s.opts.Renderer.ForPeople(site.BaseURL + "/"),
		Icon:        site.Icon,
		Image:       gallery.Image{URL: site.Image, Thumbnail: site.Image},
	}
	if ref.Page == "" {
		ch.Hubs = site.hubs(ref)
	}
	for _, f := range feed.Formats() {
		ch.Self[f] = s.Address(ref, f)
	}
	return ch
}

// latest is when the feed last changed: a withdrawal is a change, and the feed's
// date does not go back when it takes the newest gallery away.
func latest(items []*feed.Item, gone []feed.Tombstone) time.Time {
	var at time.Time
	for _, item := range items {
		at = later(at, item.Updated())
	}
	for _, t := range gone {
		at = later(at, t.When)
	}
	return at
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
