package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// topics is the editions as the hub needs it: every address of a public feed is a topic,
// and of a partner's every one that has a key in it.
type topics struct {
	*partners
	catalogue galleries
	admit     func(partner.Request) (partner.Pass, error)
	now       func() time.Time
}

// Resolve implements [websub.Topics].
func (t topics) Resolve(address string, client netip.Addr) (websub.Topic, error) {
	if below, ok := strings.CutPrefix(address, t.public.Site().BaseURL+"/partners/"); ok {
		return t.resolvePartner(address, below, client)
	}
	ref, f, err := t.public.Resolve(address)
	if moved, ok := errors.AsType[*edition.Moved](err); ok && moved.Permanent {
		ref, err = moved.To, nil // a former name
	}
	if errors.Is(err, edition.ErrUnavailable) {
		return websub.Topic{}, fmt.Errorf("%w: %w", websub.ErrUnavailable, err)
	}
	if err != nil {
		return websub.Topic{}, err
	}
	return websub.Topic{Feed: ref.String(), Document: f.String()}, nil
}

// resolvePartner returns the topic of a partner at an address with that path below
// partners/. All that is refused is unknown alike: an address without a key, a wrong key, a
// partner that there is not, and a client in another network.
func (t topics) resolvePartner(address, below string, client netip.Addr) (websub.Topic, error) {
	unknown := fmt.Errorf("%w: no feed that everybody may read, and no key that is valid, has the address", edition.ErrUnknown)
	name, below, _ := strings.Cut(below, "/")
	key, file, _ := strings.Cut(below, "/")
	key, keyed := strings.CutPrefix(key, "~")
	if !keyed || key == "" {
		return websub.Topic{}, unknown
	}
	pass, err := t.admit(partner.Request{Partner: name, PathKey: key, Client: client})
	if err != nil {
		return websub.Topic{}, unknown
	}
	set, extension := t.at(pass), path.Ext(file)
	f, err := feed.ParseFormat(strings.TrimPrefix(extension, "."))
	if set == nil || err != nil {
		return websub.Topic{}, unknown
	}
	topic, ref := websub.Topic{Feed: partnerRef(name).String(), Document: f.String(), Key: key}, partnerRef(name)
	if gallery, own := strings.CutPrefix(strings.TrimSuffix(file, extension), "galleries/"); own {
		if err := t.catalogue.Index().Ready(); err != nil {
			return websub.Topic{}, fmt.Errorf("%w: %w", websub.ErrUnavailable, err)
		}
		topic.Feed, ref = ownName(name, gallery), edition.Ref{Kind: edition.Gallery, Name: gallery}
		if !set.Holds(ref, gallery) {
			return websub.Topic{}, unknown
		}
	}
	if set.Address(ref, f) != address {
		return websub.Topic{}, unknown
	}
	return topic, nil
}

// Holds implements [websub.Topics].
func (t topics) Holds(feed, key string) bool {
	partner, _ := splitName(feed)
	return t.pathKey(partner, key)
}

// Content implements [websub.Topics].
func (t topics) Content(ctx context.Context, topic websub.Topic, order outbox.Order) (websub.Content, error) {
	set, ref, ok := t.find(topic.Feed)
	f, err := feed.ParseFormat(topic.Document)
	if !ok || err != nil {
		return websub.Content{}, outbox.Final(fmt.Errorf("there is no feed %q as %q", topic.Feed, topic.Document))
	}
	if topic.Key != "" {
		name, _ := splitName(topic.Feed)
		if set = t.at(partner.Pass{Partner: name, PathKey: topic.Key}); set == nil {
			return websub.Content{}, fmt.Errorf("the key is not valid: %w", edition.ErrUnavailable)
		}
	}
	ref = set.Canonical(ref) // it was announced before it was renamed
	// This node's index must be as far as the one that the order comes from. If this node's
	// clock is behind an embargo or expiry, the caller has to retry.
	if t.order().Epoch == order.Epoch {
		if err := t.catalogue.Wait(ctx, order.Revision); err != nil {
			return websub.Content{}, err
		}
	}
	if at := t.order(); at.Compare(order) < 0 {
		return websub.Content{}, fmt.Errorf("the index is not as far as that of the node that announced it: %w", edition.ErrUnavailable)
	}
	e, err := announced(ctx, set, ref)
	if err != nil {
		return websub.Content{}, err
	}
	doc := e.Document(f)
	return websub.Content{
		Body: doc.Bytes(), ContentType: f.ContentType(), Version: doc.ETag,
		State: e.Touched.UTC().Format(time.RFC3339Nano),
	}, nil
}

// order is how far the index is.
func (t topics) order() outbox.Order {
	p := t.catalogue.Index().Position(t.now())
	return notice.Position(p).Order()
}

// Former implements [websub.Topics].
func (t topics) Former(name string) []string { return t.public.Former(name) }

// Gone implements [websub.Topics]: the feed is no longer configured, also under no new
// name, or feeds of its kind are no longer made.
func (t topics) Gone(name string) bool {
	set, ref, ok := t.find(name)
	return !ok || set.Choice(set.Canonical(ref)) == ""
}

// canonical is the present name of a feed.
func (p *partners) canonical(name string) string {
	if strings.Contains(name, "/") {
		return name // only configured feeds are renamed
	}
	return p.public.Canonical(edition.Ref{Kind: edition.Feed, Name: name}).String()
}
