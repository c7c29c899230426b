package app

import (
	"strings"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// In notices, webhooks and digests, the feed of a partner is called "partners/NAME", and that
// of a gallery in it "partners/NAME/galleries/KEY".

// feedNames are the names of the partners' feeds.
func (p *partners) feedNames() []string {
	feeds := make([]string, len(p.names))
	for i, name := range p.names {
		feeds[i] = partnerRef(name).String()
	}
	return feeds
}

func partnerRef(name string) edition.Ref { return edition.Ref{Kind: edition.Partner, Name: name} }

// find returns the feed of that name and the set that it is in. There is none if no feed
// can have the name, or if there is no such partner.
func (p *partners) find(name string) (set *edition.Set, ref edition.Ref, ok bool) {
	if !event.OfPartner(name) {
		ref, ok = edition.ParseRef(name)
		return p.public, ref, ok
	}
	partner, own := splitName(name)
	if ref = partnerRef(partner); own != "" {
		ref, ok = edition.ParseRef(own)
		if !ok || ref.Kind != edition.Gallery {
			return nil, edition.Ref{}, false
		}
	}
	set = p.partner(partner)
	return set, ref, set != nil
}

// concerned returns the feeds of partners in which the change may show: each
// partner has one, and each gallery in it has one.
func (p *partners) concerned(change index.Change) (feeds []string) {
	id := change.ID()
	for _, name := range p.names {
		if len(p.partner(name).Concerned(change)) == 0 {
			continue
		}
		feeds = append(feeds, partnerRef(name).String())
		if id != "" {
			feeds = append(feeds, ownName(name, gallery.Key(id)))
		}
	}
	return feeds
}

// splitName splits the name of a partner's feed into that of the partner and, if it is the
// feed of a gallery, that of the gallery's feed.
func splitName(name string) (partner, own string) {
	partner, own, _ = strings.Cut(strings.TrimPrefix(name, "partners/"), "/")
	return partner, own
}

// ownName is the name of the feed of a gallery in a partner's feed.
func ownName(partner, key string) string {
	return partnerRef(partner).String() + "/" + edition.Ref{Kind: edition.Gallery, Name: key}.String()
}
