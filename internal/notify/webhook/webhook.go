// Package webhook sends feed.updated and partner.updated to the configured webhooks, by the Standard
// Webhooks specification, version 1.0.0: a signed POST of a CloudEvent.
//
// [Hooks.Notices] makes a notice of what changed in a feed; the outbox stores it and sends it
// through [Hooks], one of its channels. A webhook that missed notices is sent one event that
// names every change since. Secrets, and the queries of addresses, are in no error.
package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

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
	outbox.Target
	url     string
	feeds   []string
	signers []*standardwebhooks.Webhook
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
	if gallery.Key(configured.Name) != configured.Name {
		return nil, errors.New("a name is 1 to 80 of A-Za-z0-9_-")
	}
	if _, err := w.find(configured.Name); err == nil {
		return nil, errors.New("another one has this name")
	}
	address, err := w.opts.Client.Check(configured.URL)
	if err != nil {
		return nil, err
	}
	if len(configured.Secrets) == 0 {
		return nil, errors.New("it has no secret to sign with")
	}
	h := &hook{
		// By its name, so that notices that wait stay with it when the address changes.
		Target: outbox.Target{Key: configured.Name, Name: configured.Name, Endpoint: "webhook." + configured.Name, Host: strings.ToLower(address.Host)},
		url:    configured.URL, feeds: configured.Feeds,
	}
	if len(h.feeds) == 0 {
		h.feeds = w.opts.Feeds
	}
	for i, secret := range configured.Secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) < minSecret || len(key) > maxSecret {
			return nil, fmt.Errorf("secret %d is not whsec_ and the base64 of %d to %d bytes", i+1, minSecret, maxSecret)
		}
		s, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		h.signers = append(h.signers, s)
	}
	return h, nil
}

// maxAnswer is how many bytes of a response's body are read; only the status counts.
const maxAnswer = 16 << 10

// Bounds of a secret, in bytes, by the specification.
const minSecret, maxSecret = 24, 64

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
	_, err = p.hooks.call(ctx, h, p.id, p.body)
	return err
}

// Test sends an event of type gallerywire.test, without changes of a feed, to the webhook of that name. It returns the status of the answer, 0
// if there was none, and an error unless the webhook accepted the event.
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
	return w.call(ctx, h, id, body)
}

// call makes one attempt to deliver the body. Each attempt signs its own time. The
// content type is that of plain JSON: receivers' servers leave its bytes, which the
// signature is over, as they came.
func (w *Hooks) call(ctx context.Context, h *hook, id string, body []byte) (status int, err error) {
	now := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	var signatures []string
	for _, s := range h.signers {
		signature, err := s.Sign(id, now, body)
		if err != nil {
			return 0, fmt.Errorf("sign: %w", err)
		}
		signatures = append(signatures, signature)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(standardwebhooks.HeaderWebhookID, id)
	req.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	req.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	res, err := w.opts.Client.Do(req, maxAnswer)
	if err != nil {
		return 0, err
	}
	return res.Status, res.Err(now)
}
