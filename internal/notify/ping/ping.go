// Package ping tells hubs elsewhere which topics changed, so that they fetch them and send
// them to their own subscribers.
//
// [Hubs.Notices] makes a notice of what changed in a feed; the outbox stores it and sends it
// through [Hubs], one of its channels. Topics that wait for a hub become one request.
// Queries of the hubs' addresses, which may be secret, are in no error.
package ping

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/go-json-experiment/json"
)

// Channel is the name of the outbox's channel to hubs elsewhere.
const Channel = "hub"

const (
	// anyFeed is what every ping is about, so that those that wait become one.
	anyFeed = "feeds"
	// maxTopics is how many topics one request names.
	maxTopics = 200
	// maxMerged is how many bytes of topics one ping takes over from those before it.
	maxMerged = 256 << 10
	// maxRedirects is how many redirects of a ping are followed.
	maxRedirects = 5
	// maxAnswer is how many bytes of a response's body are read; only the status counts.
	maxAnswer = 16 << 10
)

// Options make Hubs.
type Options struct {
	Hubs   []string // their addresses, which [outbound.Client.Check] accepts
	Client *outbound.Client
}

// Hubs are the hubs that are configured. They implement [outbox.Channel] and are safe for
// concurrent use.
type Hubs struct {
	client *outbound.Client
	hubs   []hub
}

type hub struct {
	outbox.Target
	address *url.URL
}

// New returns the hubs of o. Its error names every one that cannot be used.
func New(o Options) (*Hubs, error) {
	h := &Hubs{client: o.Client}
	var errs []error
	for i, configured := range o.Hubs {
		address, err := o.Client.Check(configured)
		if err != nil {
			errs = append(errs, fmt.Errorf("hub %d: %w", i+1, err))
			continue
		}
		key := gallery.HashOf([]byte(configured)).String()
		if _, twice := h.find(key); twice {
			continue
		}
		name := url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}
		h.hubs = append(h.hubs, hub{
			Target:  outbox.Target{Key: key, Name: name.String(), Endpoint: configured, Host: strings.ToLower(address.Host)},
			address: address,
		})
	}
	return h, errors.Join(errs...)
}

func (h *Hubs) find(key string) (hub, bool) {
	i := slices.IndexFunc(h.hubs, func(h hub) bool { return h.Key == key })
	if i < 0 {
		return hub{}, false
	}
	return h.hubs[i], true
}

// Notices returns what to put into the outbox for the hubs when n announces the update u:
// nothing if there are no hubs, nor of a partner's feed, which only the partner may read.
// Pings have no order, because each feed that changed is a
// topic of its own.
func (h *Hubs) Notices(n outbox.Notice, u event.Update) ([]outbox.Notice, error) {
	var topics []string
	for _, format := range slices.Sorted(maps.Keys(u.Formats)) {
		topics = append(topics, u.Formats[format].URL)
	}
	if len(h.hubs) == 0 || len(topics) == 0 || event.OfPartner(u.Feed) {
		return nil, nil
	}
	data, err := json.Marshal(topics)
	if err != nil {
		return nil, fmt.Errorf("encode the topics of a ping: %w", err)
	}
	return []outbox.Notice{{Channel: Channel, About: anyFeed, ID: n.ID, At: n.At, Data: data}}, nil
}

// Targets implements [outbox.Channel].
func (h *Hubs) Targets(_ outbox.Notice, yield func(outbox.Target) bool) {
	for _, to := range h.hubs {
		if !yield(to.Target) {
			return
		}
	}
}

// Target implements [outbox.Channel].
func (h *Hubs) Target(_ outbox.Notice, key string) (outbox.Target, bool) {
	to, found := h.find(key)
	return to.Target, found
}

// Merge implements [outbox.Channel]: n names the topics of old too, as many as
// fit.
func (h *Hubs) Merge(old, n outbox.Notice) outbox.Notice {
	before, oldErr := topicsOf(old)
	topics, err := topicsOf(n)
	if oldErr != nil || err != nil {
		return n
	}
	named := map[string]bool{}
	for _, topic := range topics {
		named[topic] = true
	}
	left := maxMerged
	for _, topic := range before {
		if !named[topic] && len(topic) <= left {
			topics, left = append(topics, topic), left-len(topic)
		}
	}
	if data, err := json.Marshal(topics); err == nil {
		n.Data = data
	}
	return n
}

func topicsOf(n outbox.Notice) ([]string, error) {
	var topics []string
	if err := json.Unmarshal(n.Data, &topics); err != nil {
		return nil, fmt.Errorf("read the topics of a ping: %w", err)
	}
	return topics, nil
}

// Pack implements [outbox.Channel].
func (h *Hubs) Pack(_ context.Context, n outbox.Notice) (outbox.Payload, error) {
	topics, err := topicsOf(n)
	if err != nil {
		return nil, outbox.Final(err)
	}
	return &payload{hubs: h, version: n.DeliveryID(), topics: topics}, nil
}

// payload is the topics of a ping.
type payload struct {
	hubs    *Hubs
	version string
	topics  []string
}

// Version implements [outbox.Payload].
func (p *payload) Version() string { return p.version }

// Send implements [outbox.Payload]. After an error all topics are named again: a
// hub that fetches twice finds nothing new.
func (p *payload) Send(ctx context.Context, to outbox.Target) error {
	h, found := p.hubs.find(to.Key)
	if !found {
		return outbox.Final(errors.New("the hub is not configured any more"))
	}
	for topics := range slices.Chunk(p.topics, maxTopics) {
		if err := p.hubs.call(ctx, h, topics); err != nil {
			return err
		}
	}
	return nil
}

// call pings the hub. WebSub leaves to the two how a publisher pings its hub; what
// hubs understand is PubSubHubbub 0.3 §7.1, hub.url once for each topic. Those
// that take hub.topic take this as well, and both together would be fetched
// twice. Any 2xx is success: 204 by that text, 202 or 200 elsewhere.
func (h *Hubs) call(ctx context.Context, to hub, topics []string) error {
	form := url.Values{"hub.mode": {"publish"}, "hub.url": topics}.Encode()
	address := to.address
	for range maxRedirects + 1 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), strings.NewReader(form))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := h.client.Do(req, maxAnswer)
		if err != nil {
			return err
		}
		next, redirected := redirectTarget(address, res)
		if !redirected {
			return res.Err(time.Now())
		}
		address = next
	}
	return fmt.Errorf("redirects more than %d times", maxRedirects)
}

// redirectTarget is where a response sends the same POST to: also where browsers would
// make it a GET, because a hub that shows a page has taken no ping. It is never from https
// to http.
func redirectTarget(from *url.URL, res *outbound.Response) (*url.URL, bool) {
	location := res.Header.Get("Location")
	switch res.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, false
	}
	to, err := from.Parse(location)
	if err != nil || location == "" || from.Scheme == "https" && to.Scheme == "http" {
		return nil, false
	}
	return to, true
}
