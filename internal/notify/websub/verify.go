package websub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
)

const (
	// denied is the mode of what is no question: the subscription is denied, or has ended.
	denied = "denied"
	// askTimeout is how long a callback has to answer, unless the client gives it less: a
	// request can name one that hangs.
	askTimeout = 5 * time.Second
)

// Outcomes of a verification.
const (
	verified    = "verified"
	refused     = "refused"
	unreachable = "unreachable"
)

// question is what a callback is asked to confirm, or a denial.
type question struct {
	Format int    `json:"format"`
	Mode   string `json:"mode"`
	Topic
	Address  string `json:"topic,omitzero"` // of the topic, as the subscriber wrote it
	Callback string `json:"callback"`
	Secret   []byte `json:"secret,omitzero"`
	Lease    int64  `json:"lease,omitzero"`    // seconds
	Revision uint64 `json:"revision,omitzero"` // denied: of the subscription that ends
	Reason   string `json:"reason,omitzero"`   // denied: why

	Before *question `json:"before,omitzero"` // is asked first, in the other mode
}

func (q question) id() id { return idOf(q.Topic, q.Callback) }

// after is q with the question that is asked before it: the last one in the other mode of
// those that wait. Otherwise another client could replace an unconfirmed subscription by
// a request to unsubscribe.
func (q question) after(waits question) question {
	for _, earlier := range []*question{q.Before, &waits, waits.Before} {
		if earlier != nil && earlier.Mode != q.Mode && earlier.Mode != denied && q.Mode != denied {
			before := *earlier
			before.Before, q.Before = nil, &before
			break
		}
	}
	return q
}

// address is the callback with the parameters of the question after its own.
func (q question) address(challenge string) string {
	separator := "&"
	if !strings.Contains(q.Callback, "?") {
		separator = "?"
	} else if strings.HasSuffix(q.Callback, "?") {
		separator = ""
	}
	address := q.Callback + separator + "hub.mode=" + q.Mode + "&hub.topic=" + url.QueryEscape(q.Address)
	switch q.Mode {
	case denied:
		return address + "&hub.reason=" + url.QueryEscape(q.Reason)
	case subscribe:
		return address + "&hub.challenge=" + challenge + "&hub.lease_seconds=" + strconv.FormatInt(q.Lease, 10)
	}
	return address + "&hub.challenge=" + challenge
}

// verify asks the callback of a question, after the question before it, and carries out
// what the callback confirms. One that does not confirm is not asked again: its
// subscriber repeats the request. An error is this node's and not the callback's.
func (h *Hub) verify(ctx context.Context, q question, request string) error {
	if q.Before != nil {
		if err := h.verify(ctx, *q.Before, request); err != nil {
			return err
		}
	}
	switch q.Mode {
	case denied:
		return h.end(ctx, q)
	case subscribe:
		release, err := h.reserve(q)
		if err == nil && !h.holds(q.Topic) {
			release()
			err = errClosed
		}
		if err != nil {
			q.Reason = err.Error()
			return h.deny(ctx, q)
		}
		defer release()
	}
	asked := h.opts.Now().UTC() // the lease runs from here
	challenge := rand.Text()
	res, err := h.call(ctx, q, challenge)
	outcome := verified
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("ask a callback: %w", ctx.Err())
	case err != nil:
		outcome = unreachable
	case res.Status/100 != 2:
		outcome, err = refused, fmt.Errorf("answered %d", res.Status)
	case res.Truncated || string(res.Body) != challenge:
		outcome, err = refused, errors.New("did not answer with the challenge")
	}
	h.verifications.WithLabelValues(q.Mode, outcome).Inc()
	log := h.opts.Logger.With("mode", q.Mode, "feed", q.Feed, "url", bare(q.Callback))
	if err != nil {
		log.Info("a callback did not confirm, nothing changes", "err", err)
		return nil
	}
	if err := h.carryOut(ctx, q, request, asked); err != nil {
		return err
	}
	log.Info("a callback confirmed")
	return nil
}

// call sends the question to its callback.
func (h *Hub) call(ctx context.Context, q question, challenge string) (*outbound.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, q.address(challenge), nil)
	if err != nil {
		return nil, errors.New("the callback is no address")
	}
	return h.opts.Client.Do(req, int64(len(challenge)))
}

// carryOut does what a callback has confirmed. Subscriptions of the callback to former
// names of the feed end.
func (h *Hub) carryOut(ctx context.Context, q question, request string, asked time.Time) error {
	key := q.id().String()
	isNew := false
	if q.Mode == unsubscribe {
		if err := h.remove(ctx, key); err != nil {
			return err
		}
	} else {
		if err := h.opts.Baseline(ctx, q.Feed); err != nil {
			return err
		}
		var err error
		isNew, err = h.save(ctx, record{
			Format: q.Topic.format(plainFormat), Topic: q.Topic, Address: q.Address, Callback: q.Callback, Secret: q.Secret,
			Created: asked, Verified: asked, Expires: asked.Add(time.Duration(q.Lease) * time.Second), Request: request,
		})
		if err != nil {
			return err
		}
	}
	h.mu.RLock()
	replaced := h.replacedBy(q)
	h.mu.RUnlock()
	for _, former := range replaced {
		if err := h.remove(ctx, former.String()); err != nil {
			return err
		}
	}
	if !isNew {
		return nil
	}
	// What changed since the subscriber read the feed may have been announced already.
	return h.opts.PutTo(ctx, outbox.Notice{Channel: Channel, About: q.Feed, ID: "new-" + key + "-" + request}, key)
}

// deny notifies the callback once that its subscription is denied, or has ended.
func (h *Hub) deny(ctx context.Context, q question) error {
	q.Mode = denied
	_, err := h.call(ctx, q, "")
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("deny a subscription: %w", ctx.Err())
	}
	h.verifications.WithLabelValues(subscribe, denied).Inc()
	h.opts.Logger.Info("a subscription was denied", "feed", q.Feed, "url", bare(q.Callback), "reason", q.Reason, "answered", err == nil)
	return nil
}

// end ends a subscription, unless it was renewed since that was decided.
func (h *Hub) end(ctx context.Context, q question) error {
	key := q.id().String()
	there, err := h.bucket.Get(ctx, key)
	if err != nil || there.Value == nil || there.Revision != q.Revision {
		return err
	}
	sub, err := read(there)
	if err != nil {
		return err
	}
	q.Address = sub.Address
	if err := h.deny(ctx, q); err != nil {
		return err
	}
	deleted, err := h.deleteAt(ctx, key, q.Revision)
	h.await(ctx, deleted)
	return err
}
