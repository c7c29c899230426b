package notice

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

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/go-json-experiment/json"
)

// ChannelHub is the channel of [Pings].
const ChannelHub = "hub"

const (
	// anyFeed is what every ping is about, so that those that wait become one.
	anyFeed = "feeds"
	// maxTopics is how many topics one request names.
	maxTopics = 200
	// maxRedirects is how many redirects of a ping are followed.
	maxRedirects = 5
)

// PingOptions make Pings.
type PingOptions struct {
	Hubs   []string // addresses, which [outbound.Client.Check] accepts
	Client *outbound.Client
}

// Pings names the topics that have changed to hubs elsewhere, so that they fetch them.
// It implements [outbox.Channel] and is safe for concurrent use.
type Pings struct {
	client *outbound.Client
	hubs   []hub
}

type hub struct {
	outbox.Target
	address *url.URL
}

// NewPings returns the pings of o. Its error names every hub that cannot be used.
func NewPings(o PingOptions) (*Pings, error) {
	p := &Pings{client: o.Client}
	var errs []error
	for i, configured := range o.Hubs {
		address, err := o.Client.Check(configured)
		if err != nil {
			errs = append(errs, fmt.Errorf("hub %d: %w", i+1, err))
			continue
		}
		key := gallery.HashOf([]byte(configured)).String()
		if _, twice := p.find(key); twice {
			continue
		}
		name := url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}
		p.hubs = append(p.hubs, hub{
			Target:  outbox.Target{Key: key, Name: name.String(), Endpoint: configured, Host: strings.ToLower(address.Host)},
			address: address,
		})
	}
	return p, errors.Join(errs...)
}

func (p *Pings) find(key string) (hub, bool) {
	i := slices.IndexFunc(p.hubs, func(h hub) bool { return h.Key == key })
	if i < 0 {
		return hub{}, false
	}
	return p.hubs[i], true
}

// Notices returns what to put into the outbox for the hubs: nothing if there are none.
// Pings have no order, because each feed that changed is a topic of its own.
func (p *Pings) Notices(a Announcement) ([]outbox.Notice, error) {
	var topics []string
	for _, format := range slices.Sorted(maps.Keys(a.Update.Formats)) {
		topics = append(topics, a.Update.Formats[format].URL)
	}
	if len(p.hubs) == 0 || len(topics) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(topics)
	if err != nil {
		return nil, fmt.Errorf("encode the topics of a ping: %w", err)
	}
	return []outbox.Notice{{Channel: ChannelHub, About: anyFeed, ID: a.ID, At: a.At, Data: data}}, nil
}

// Targets implements [outbox.Channel].
func (p *Pings) Targets(_ outbox.Notice, yield func(outbox.Target) bool) {
	for _, h := range p.hubs {
		if !yield(h.Target) {
			return
		}
	}
}

// Target implements [outbox.Channel].
func (p *Pings) Target(_ outbox.Notice, key string) (outbox.Target, bool) {
	h, found := p.find(key)
	return h.Target, found
}

// Merge implements [outbox.Channel]: n names the topics of old too, as many as
// fit.
func (p *Pings) Merge(old, n outbox.Notice) outbox.Notice {
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
func (p *Pings) Pack(_ context.Context, n outbox.Notice) (outbox.Payload, error) {
	topics, err := topicsOf(n)
	if err != nil {
		return nil, outbox.Final(err)
	}
	return &ping{pings: p, id: n.ID, topics: topics}, nil
}

// ping names topics.
type ping struct {
	pings  *Pings
	id     string
	topics []string
}

// Version implements [outbox.Payload].
func (l *ping) Version() string { return l.id }

// Send implements [outbox.Payload]. After an error all topics are named again: a
// hub that fetches twice finds nothing new.
func (l *ping) Send(ctx context.Context, to outbox.Target) error {
	h, found := l.pings.find(to.Key)
	if !found {
		return outbox.Final(errors.New("the hub is not configured any more"))
	}
	for topics := range slices.Chunk(l.topics, maxTopics) {
		if err := l.pings.call(ctx, h, topics); err != nil {
			return err
		}
	}
	return nil
}

// call pings the hub. WebSub leaves to the two how a publisher pings its hub; what
// hubs understand is PubSubHubbub 0.3 §7.1, hub.url once for each topic. Those
// that take hub.topic take this as well, and both together would be fetched
// twice. Any 2xx is success: 204 by that text, 202 or 200 elsewhere.
func (p *Pings) call(ctx context.Context, h hub, topics []string) error {
	form := url.Values{"hub.mode": {"publish"}, "hub.url": topics}.Encode()
	address := h.address
	for range maxRedirects + 1 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), strings.NewReader(form))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := p.client.Do(req, maxAnswer)
		if err != nil {
			return err
		}
		next, redirected := redirectTarget(address, res)
		if !redirected {
			return responseError(res, time.Now())
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
