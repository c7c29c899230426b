// Package webhook sends events by the Standard Webhooks specification, version 1.0.0: a signed
// POST of a CloudEvent. It is two channels of the outbox.
//
// [Hooks] sends feed.updated and partner.updated to the configured webhooks; [Hooks.Notices]
// makes the notices. A webhook that missed some is sent one event that names every change
// since. [Callbacks] sends the CMS that a key belongs to what became of its events, each on its
// own. Secrets, and the queries of addresses, are in no error.
package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// plainJSON is the content type for webhooks: receivers' servers leave the bytes of plain
// JSON, which the signature is over, as they came.
const plainJSON = "application/json"

// Channel is the name of the outbox's channel to webhooks.
const Channel = "webhook"

// Hook is a webhook as it is configured.
type Hook struct {
	Name    string   // 1 to 80 of A-Za-z0-9_-
	URL     string   // which [outbound.Client.Check] accepts
	Secrets []string // each "whsec_" and base64; all of them sign, so that one can replace another
	Feeds   []string // whose changes it gets; none: the configured ones
}

// Options make Hooks.
type Options struct {
	Hooks  []Hook
	Feeds  []string // the configured ones
	SiteID string
	Client *outbound.Client
}

// Hooks are the webhooks that are configured. They implement [outbox.Channel] and are safe
// for concurrent use.
type Hooks struct {
	opts  Options
	hooks []*hook
}

type hook struct {
	*receiver
	feeds []string
}

// New returns the webhooks of o. Its error names every one that cannot be used, and no
// secret.
func New(o Options) (*Hooks, error) {
	w := &Hooks{opts: o}
	var errs []error
	for _, configured := range o.Hooks {
		h, err := w.hook(configured)
		if err != nil {
			errs = append(errs, fmt.Errorf("webhook %q: %w", configured.Name, err))
			continue
		}
		w.hooks = append(w.hooks, h)
	}
	return w, errors.Join(errs...)
}

func (w *Hooks) hook(configured Hook) (*hook, error) {
	if _, err := w.find(configured.Name); err == nil {
		return nil, errors.New("another one has this name: rename one")
	}
	r, err := newReceiver(w.opts.Client, Channel, configured.Name, configured.URL, configured.Secrets)
	if err != nil {
		return nil, err
	}
	h := &hook{r, configured.Feeds}
	if len(h.feeds) == 0 {
		h.feeds = w.opts.Feeds
	}
	return h, nil
}

// Feeds are those that webhooks ask for and that are not configured. They must be
// announced whether or not they have subscriptions.
func (w *Hooks) Feeds() []string {
	var others []string
	for _, h := range w.hooks {
		for _, feed := range h.feeds {
			if !slices.Contains(w.opts.Feeds, feed) {
				others = append(others, feed)
			}
		}
	}
	slices.Sort(others)
	return slices.Compact(others)
}

// Notices returns what to put into the outbox for the webhooks when n announces the update
// u: nothing if none wants the feed.
func (w *Hooks) Notices(n outbox.Notice, u event.Update) ([]outbox.Notice, error) {
	if !slices.ContainsFunc(w.hooks, func(h *hook) bool { return h.wants(u.Feed) }) {
		return nil, nil
	}
	var err error
	n.Channel = Channel
	n.Data, err = encodeUpdate(u)
	return []outbox.Notice{n}, err
}

func (h *hook) wants(feed string) bool { return slices.Contains(h.feeds, feed) }

func encodeUpdate(u event.Update) ([]byte, error) {
	data, err := json.Marshal(u, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return nil, fmt.Errorf("encode the update of a webhook: %w", err)
	}
	return data, nil
}

func decodeUpdate(data []byte) (event.Update, error) {
	var u event.Update
	if err := json.Unmarshal(data, &u, jsontext.AllowInvalidUTF8(true)); err != nil {
		return u, fmt.Errorf("read the update of a webhook: %w", err)
	}
	return u, nil
}

// Targets implements [outbox.Channel].
func (w *Hooks) Targets(n outbox.Notice, yield func(outbox.Target) bool) {
	for _, h := range w.hooks {
		if h.wants(n.About) && !yield(h.Target) {
			return
		}
	}
}

// Target implements [outbox.Channel].
func (w *Hooks) Target(n outbox.Notice, key string) (outbox.Target, bool) {
	h, err := w.find(key)
	if err != nil || !h.wants(n.About) {
		return outbox.Target{}, false
	}
	return h.Target, true
}

func (w *Hooks) find(name string) (*hook, error) {
	for _, h := range w.hooks {
		if h.Key == name {
			return h, nil
		}
	}
	return nil, fmt.Errorf("there is no webhook %q", name)
}

// Merge implements [outbox.Channel]: n then names what changed at old as well.
func (w *Hooks) Merge(old, n outbox.Notice) outbox.Notice {
	before, oldErr := decodeUpdate(old.Data)
	after, err := decodeUpdate(n.Data)
	if oldErr != nil || err != nil {
		return n
	}
	if data, err := encodeUpdate(merge(before, after)); err == nil {
		n.Data = data
	}
	return n
}

// Pack implements [outbox.Channel].
func (w *Hooks) Pack(_ context.Context, n outbox.Notice) (outbox.Payload, error) {
	u, err := decodeUpdate(n.Data)
	if err != nil {
		return nil, outbox.Final(err)
	}
	body, err := event.NewUpdate(n.DeliveryID(), w.opts.SiteID, u).Encode()
	if err != nil {
		return nil, outbox.Final(err)
	}
	return &payload{hooks: w, id: n.DeliveryID(), body: body}, nil
}

// payload is an encoded event for webhooks.
type payload struct {
	hooks *Hooks
	id    string
	body  []byte
}

// Version implements [outbox.Payload].
func (p *payload) Version() string { return p.id }

// Send implements [outbox.Payload].
func (p *payload) Send(ctx context.Context, to outbox.Target) error {
	h, err := p.hooks.find(to.Key)
	if err != nil {
		return outbox.Final(err)
	}
	_, err = h.call(ctx, plainJSON, p.id, p.body)
	return err
}

// Test sends an event of type gallerywire.test, without changes of a feed, to the webhook of
// that name. It returns the status of the answer, 0 if there was none, and an error unless
// the webhook accepted the event.
func (w *Hooks) Test(ctx context.Context, name string) (status int, err error) {
	h, err := w.find(name)
	if err != nil {
		return 0, err
	}
	id := rand.Text()
	u := event.Update{Formats: map[string]event.Address{}, Changed: time.Now().UTC()}
	if len(h.feeds) > 0 {
		u.Feed = h.feeds[0]
	}
	body, err := event.NewWebhookTest(id, w.opts.SiteID, u).Encode()
	if err != nil {
		return 0, err
	}
	return h.call(ctx, plainJSON, id, body)
}
