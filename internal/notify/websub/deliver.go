package websub

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

// signer makes the hash of a signature.
type signer func() hash.Hash

// signers are those that the Recommendation names, section 7.1.1. SHA-1 is for
// subscribers that know no other.
func signers() map[string]signer {
	return map[string]signer{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}
}

// DeliveryChannel is how the outbox brings feeds to their subscribers. A notice is
// about a feed, and what is sent is the feed's document as it is then.
func (h *Hub) DeliveryChannel() outbox.Channel { return deliveries{h} }

type deliveries struct{ hub *Hub }

// Targets implements [outbox.Channel].
func (d deliveries) Targets(n outbox.Notice, yield func(outbox.Target) bool) {
	for _, s := range d.hub.living(n.About) {
		if !yield(s.target()) {
			return
		}
	}
}

// Target implements [outbox.Channel].
func (d deliveries) Target(_ outbox.Notice, key string) (outbox.Target, bool) {
	if d.hub.Ready() != nil {
		return outbox.Target{Key: key, Name: key, Endpoint: key}, true // Pack says why
	}
	s := d.hub.find(key)
	if s == nil {
		return outbox.Target{}, false
	}
	return s.target(), true
}

// Merge implements [outbox.Channel]: a document says everything.
func (d deliveries) Merge(_, n outbox.Notice) outbox.Notice { return n }

// Pack implements [outbox.Channel]. It gets the document in the formats that
// somebody has subscribed to, and waits until they are as new as the notice. Of a feed
// that is gone nothing is sent, once that is for good: until then a node that is
// configured in another way may know it.
func (d deliveries) Pack(ctx context.Context, n outbox.Notice) (outbox.Payload, error) {
	if err := d.hub.Ready(); err != nil {
		return nil, err
	}
	p := &parcel{hub: d.hub, notice: n, gone: d.hub.opts.Gone(n.About), packed: map[string]Content{}, late: map[string]Content{}}
	if p.gone && !d.hub.goneForGood(n.About) {
		return nil, fmt.Errorf("feed %q is not one of this node, which may be configured in another way than others", n.About)
	}
	if p.gone {
		return p, nil
	}
	var says []string
	for _, document := range d.hub.documents(n) {
		c, err := p.fetch(ctx, document)
		if err != nil {
			return nil, err
		}
		p.packed[document] = c
		says = append(says, document+"="+c.Version)
	}
	p.says = strings.Join(says, " ")
	return p, nil
}

// documents returns the formats in which the targets of n want their feed.
func (h *Hub) documents(n outbox.Notice) []string {
	formats := map[string]bool{}
	for _, s := range h.living(n.About) {
		formats[s.topic.document] = true
	}
	return slices.Sorted(maps.Keys(formats))
}

// parcel is a feed's document, in one format or more.
type parcel struct {
	hub    *Hub
	notice outbox.Notice
	gone   bool               // nothing is left to be sent
	packed map[string]Content // by format
	says   string

	mu   sync.Mutex
	late map[string]Content // those that nobody had subscribed to when the others were packed
}

// Version implements [outbox.Payload].
func (p *parcel) Version() string { return p.says }

// content returns the document in a format, made once.
func (p *parcel) content(ctx context.Context, document string) (Content, error) {
	if c, ok := p.packed[document]; ok {
		return c, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.late[document]; ok {
		return c, nil
	}
	c, err := p.fetch(ctx, document)
	if err == nil {
		p.late[document] = c
	}
	return c, err
}

func (p *parcel) fetch(ctx context.Context, document string) (Content, error) {
	c, err := p.hub.opts.Topics.Content(ctx, p.notice.About, document, p.notice.Order)
	if err != nil {
		return Content{}, fmt.Errorf("get feed %q as %s: %w", p.notice.About, document, err)
	}
	return c, nil
}

// Send implements [outbox.Payload]. A subscription that has ended meanwhile is
// sent nothing; one that was renewed gets what it is now.
func (p *parcel) Send(ctx context.Context, to outbox.Target) error {
	s := p.hub.find(to.Key)
	if s == nil || p.gone {
		return nil
	}
	c, err := p.content(ctx, s.topic.document)
	if err != nil {
		return err
	}
	req, err := p.request(ctx, s, c)
	if err != nil {
		return err
	}
	res, err := p.hub.opts.Client.Do(req, maxAnswer)
	if err != nil {
		return err
	}
	return p.judge(ctx, s, res)
}

// maxAnswer is how much of an answer is read, so that its connection can be used
// again; what it says is of no concern.
const maxAnswer = 4 << 10

// request is a delivery as the Recommendation has it, section 7. Each attempt has
// the document of then, so the Idempotency-Key names the notice and the document:
// attempts with the same one have the same key, and a document that is back for
// another notice has another. It names itself as the subscriber does, also by a
// former address: clients take the secret by it.
func (p *parcel) request(ctx context.Context, s *subscription, c Content) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.callback, bytes.NewReader(c.Body))
	if err != nil {
		return nil, outbox.Final(errors.New("the callback is no address"))
	}
	req.Header.Set("Content-Type", c.ContentType)
	req.Header.Set("Link", fmt.Sprintf(`<%s>; rel="hub", <%s>; rel="self"`, p.hub.opts.Address, ascii(s.self)))
	req.Header.Set("Idempotency-Key", fmt.Sprintf(`"%s-%s-%s"`, p.notice.ID, s.topic.document, strings.Trim(c.Version, `"`)))
	if s.secret != "" {
		req.Header.Set("X-Hub-Signature", p.hub.opts.Signature+"="+p.hub.signature(s.secret, c.Body))
	}
	return req, nil
}

// ascii is a topic as a header may have it: as it is, but for characters that an
// address can only have percent-encoded.
func ascii(topic string) string {
	return strayByte.ReplaceAllStringFunc(topic, url.PathEscape)
}

var strayByte = regexp.MustCompile(`[^!#-;=?-~]+`)

func (h *Hub) signature(secret string, body []byte) string {
	mac := hmac.New(h.sign, []byte(secret))
	_, _ = mac.Write(body) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

// dismiss ends the subscription of a callback that is gone.
func (h *Hub) dismiss(ctx context.Context, s *subscription) error {
	h.opts.Logger.Info("a callback is gone, which ends its subscription", "feed", s.topic.feed, "url", bare(s.callback))
	deleted, err := h.drop(ctx, s.id.String(), s.revision)
	h.await(ctx, deleted)
	return err
}

// judge says whether an answer accepts a delivery. Gone ends the subscription.
func (p *parcel) judge(ctx context.Context, s *subscription, res *outbound.Response) error {
	switch {
	case res.Status/100 == 2:
		return nil
	case res.Status == http.StatusGone:
		return p.hub.dismiss(ctx, s)
	}
	err := fmt.Errorf("%s answered %d", hostOf(s.callback), res.Status)
	if res.Status/100 == 3 {
		err = fmt.Errorf("%w, a redirect, which is not followed", err)
	}
	if after := res.RetryAfter(p.hub.opts.Now()); after > 0 {
		return &outbox.RetryError{After: after, Err: err}
	}
	return err
}
