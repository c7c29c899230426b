package websub

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"golang.org/x/sync/semaphore"
)

// maxAnswer is how much of a response's body is read, so that its connection can be used
// again; only the status counts.
const maxAnswer = 4 << 10

// Deliveries is the outbox's channel to subscribers. A notice is about a feed, and
// each attempt sends the feed's document as it is then.
func (h *Hub) Deliveries() outbox.Channel { return deliveries{h} }

type deliveries struct{ hub *Hub }

// Targets implements [outbox.Channel].
func (d deliveries) Targets(n outbox.Notice, yield func(outbox.Target) bool) {
	for _, s := range d.hub.active(n.About) {
		if !yield(s.target()) {
			return
		}
	}
}

// Target implements [outbox.Channel].
func (d deliveries) Target(_ outbox.Notice, key string) (outbox.Target, bool) {
	if d.hub.Ready() != nil {
		return outbox.Target{Key: key, Name: key, Endpoint: key}, true // Pack returns why
	}
	s := d.hub.find(key)
	if s == nil {
		return outbox.Target{}, false
	}
	return s.target(), true
}

// Merge implements [outbox.Channel]: a document holds everything.
func (d deliveries) Merge(_, n outbox.Notice) outbox.Notice { return n }

// Pack implements [outbox.Channel]. It gets the document in the formats of the targets'
// subscriptions, and waits until it is as new as the notice. Of a feed that is gone
// nothing is sent, once that is for good: until then a node that is configured in
// another way may have it.
func (d deliveries) Pack(ctx context.Context, n outbox.Notice) (outbox.Payload, error) {
	if err := d.hub.Ready(); err != nil {
		return nil, err
	}
	p := &payload{hub: d.hub, notice: n, gone: d.hub.opts.Topics.Gone(n.About), documents: map[Topic]*document{}}
	if p.gone {
		d.hub.mu.Lock()
		defer d.hub.mu.Unlock()
		if !d.hub.isGoneForGood(n.About, d.hub.opts.Now()) {
			return nil, fmt.Errorf("feed %q is not one of this node, which may be configured in another way than others", n.About)
		}
		return p, nil
	}
	subscriptions := []*subscription{d.hub.find(n.To)}
	if n.To == "" {
		subscriptions = d.hub.active(n.About)
	}
	topics := map[Topic]bool{}
	for _, s := range subscriptions {
		if s != nil && d.hub.holds(s.topic.Topic) {
			topics[p.present(s)] = true
		}
	}
	var versions []string
	for _, t := range slices.SortedFunc(maps.Keys(topics), Topic.compare) {
		c, err := p.document(ctx, t)
		if err != nil {
			return nil, err
		}
		versions = append(versions, t.Document+"="+c.Version+"@"+c.State)
	}
	p.version = strings.Join(versions, " ")
	return p, nil
}

// payload is a feed's document in the formats of its subscriptions, and as their keys open it.
type payload struct {
	hub     *Hub
	notice  outbox.Notice
	gone    bool   // the feed: nothing is sent
	version string // of the documents and of the archive: subscribers must learn of a change below the document

	mu        sync.Mutex
	documents map[Topic]*document // also those first subscribed to after Pack
}

// document is that of a topic, once it is made.
type document struct {
	making  *semaphore.Weighted // one at a time; no other topic waits for it
	content *Content            // nil: not made yet
}

// Version implements [outbox.Payload].
func (p *payload) Version() string { return p.version }

// present is the topic of a subscription by the present name of its feed.
func (p *payload) present(s *subscription) Topic {
	t := s.topic.Topic
	t.Feed = p.notice.About
	return t
}

// compare orders topics, on every node alike.
func (t Topic) compare(o Topic) int {
	return cmp.Or(cmp.Compare(t.Feed, o.Feed), cmp.Compare(t.Document, o.Document), cmp.Compare(t.Key, o.Key))
}

// document returns the document of a topic, made once. It waits while another caller
// makes it.
func (p *payload) document(ctx context.Context, t Topic) (Content, error) {
	p.mu.Lock()
	d := p.documents[t]
	if d == nil {
		d = &document{making: semaphore.NewWeighted(1)}
		p.documents[t] = d
	}
	p.mu.Unlock()
	if err := d.making.Acquire(ctx, 1); err != nil {
		return Content{}, fmt.Errorf("wait for feed %q as %s: %w", t.Feed, t.Document, err)
	}
	defer d.making.Release(1)
	if d.content == nil {
		c, err := p.hub.opts.Topics.Content(ctx, t, p.notice.Order)
		if err != nil {
			return Content{}, fmt.Errorf("get feed %q as %s: %w", t.Feed, t.Document, err)
		}
		d.content = &c
	}
	return *d.content, nil
}

// Send implements [outbox.Payload]. A subscription that has ended meanwhile is
// sent nothing, nor is one whose key does not hold: it is retried, because it ends soon if
// the key has ended. One that was renewed is sent to as it is now. 410 Gone ends it.
func (p *payload) Send(ctx context.Context, to outbox.Target) error {
	h := p.hub
	s := h.find(to.Key)
	if s == nil || p.gone {
		return nil
	}
	if !h.holds(s.topic.Topic) {
		return errClosed
	}
	c, err := p.document(ctx, p.present(s))
	if err != nil {
		return err
	}
	req, err := p.request(ctx, s, c)
	if err != nil {
		return outbox.Final(errors.New("the callback is no address"))
	}
	res, err := h.opts.Client.Do(req, maxAnswer)
	switch {
	case err != nil:
		return err
	case res.Status/100 == 2:
		return nil
	case res.Status == http.StatusGone:
		h.opts.Logger.Info("a callback is gone, ending its subscription", "feed", s.topic.Feed, "url", bare(s.callback))
		deleted, err := h.deleteAt(ctx, to.Key, s.revision)
		h.await(ctx, deleted)
		return err
	}
	err = fmt.Errorf("%s answered %d", hostOf(s.callback), res.Status)
	if res.Status/100 == 3 {
		err = fmt.Errorf("%w, a redirect, which is not followed", err)
	}
	if after := res.RetryAfter(h.opts.Now()); after > 0 {
		return &outbox.RetryError{After: after, Err: err}
	}
	return err
}

// nonASCII is what an address has only percent-encoded.
var nonASCII = regexp.MustCompile(`[^!#-;=?-~]+`)

// request is a content distribution request, section 7 of the Recommendation. The
// Idempotency-Key names the notice and the document: attempts with the same document have
// the same key, and a document that is back for another notice has another. The topic is
// as the subscriber wrote it, also by a former address, because clients find the
// secret by it.
func (p *payload) request(ctx context.Context, s *subscription, c Content) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.callback, bytes.NewReader(c.Body))
	if err != nil {
		return nil, err
	}
	h := p.hub
	req.Header.Set("Content-Type", c.ContentType)
	self := nonASCII.ReplaceAllStringFunc(s.self, url.PathEscape)
	req.Header.Set("Link", fmt.Sprintf(`<%s>; rel="hub", <%s>; rel="self"`, h.opts.Address, self))
	req.Header.Set("Idempotency-Key", fmt.Sprintf(`"%s-%s-%s"`, p.notice.ID, s.topic.Document, strings.Trim(c.Version, `"`)))
	if s.secret != "" {
		mac := hmac.New(h.sign, []byte(s.secret))
		_, _ = mac.Write(c.Body) // a hash takes everything
		req.Header.Set("X-Hub-Signature", h.opts.Signature+"="+hex.EncodeToString(mac.Sum(nil)))
	}
	return req, nil
}
