package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
)

// topics is the editions as the hub needs it: every address of a feed is a topic.
type topics struct {
	editions  *edition.Set
	catalogue *catalogue.Catalogue
}

// Resolve implements [websub.Topics].
func (t topics) Resolve(address string, _ netip.Addr) (websub.Topic, error) {
	ref, f, err := t.editions.Resolve(address)
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

// Holds implements [websub.Topics]: no feed is opened by a key.
func (t topics) Holds(string, string) bool { return false }

// Content implements [websub.Topics].
func (t topics) Content(ctx context.Context, topic websub.Topic, order outbox.Order) (websub.Content, error) {
	ref, ok := edition.ParseRef(topic.Feed)
	f, err := feed.ParseFormat(topic.Document)
	if !ok || err != nil {
		return websub.Content{}, outbox.Final(fmt.Errorf("there is no feed %q as %q", topic.Feed, topic.Document))
	}
	ref = t.editions.Canonical(ref) // it was announced before it was renamed
	// This node's index must be as far as the one that the order comes from. If this node's
	// clock is behind an embargo or expiry, the caller has to retry.
	if t.at().Epoch == order.Epoch {
		if err := t.catalogue.Wait(ctx, order.Revision); err != nil {
			return websub.Content{}, err
		}
	}
	if at := t.at(); at.Compare(order) < 0 {
		return websub.Content{}, fmt.Errorf("the index is not as far as that of the node that announced it: %w", edition.ErrUnavailable)
	}
	e, err := announced(ctx, t.editions, ref)
	if err != nil {
		return websub.Content{}, err
	}
	doc := e.Document(f)
	return websub.Content{
		Body: doc.Bytes(), ContentType: f.ContentType(), Version: doc.ETag,
		State: e.Touched.UTC().Format(time.RFC3339Nano),
	}, nil
}

// at is how far the index is.
func (t topics) at() outbox.Order {
	p := t.catalogue.Index().Position(time.Now())
	return notice.Position(p).Order()
}

// Former implements [websub.Topics].
func (t topics) Former(name string) []string { return t.editions.Former(name) }

// Gone implements [websub.Topics]: the feed is no longer configured, also under no new
// name, or feeds of its kind are no longer made.
func (t topics) Gone(name string) bool {
	ref, ok := edition.ParseRef(name)
	return !ok || t.editions.Choice(t.editions.Canonical(ref)) == ""
}

// canonical is the present name of a feed.
func (t topics) canonical(name string) string {
	if strings.Contains(name, "/") {
		return name // only configured feeds are renamed
	}
	return t.editions.Canonical(edition.Ref{Kind: edition.Feed, Name: name}).String()
}
