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

// denied is the mode of a question that is none: the subscriber is told that the
// subscription is not, or no longer.
const denied = "denied"

// question is what a callback is to be asked or told.
type question struct {
	Format   int    `json:"format"`
	Mode     string `json:"mode"`
	Feed     string `json:"feed"`
	Document string `json:"document"`
	Topic    string `json:"topic,omitzero"`
	Callback string `json:"callback"`
	Secret   []byte `json:"secret,omitzero"`
	Lease    int64  `json:"lease,omitzero"`    // seconds
	Revision uint64 `json:"revision,omitzero"` // denied: of the subscription that ends
	Reason   string `json:"reason,omitzero"`   // denied: why

	Before *question `json:"before,omitzero"` // what is to be asked first, in the other mode
}

func (q question) id() id { return idOf(q.Feed, q.Document, q.Callback) }

// after is q with what is to be asked before it, of what waits: the last in the
// other mode.
func (q question) after(waits question) question {
	for _, earlier := range []*question{q.Before, &waits, waits.Before} {
		if earlier != nil && earlier.Mode == opposite(q.Mode) {
			before := *earlier
			before.Before, q.Before = nil, &before
			break
		}
	}
	return q
}

func opposite(mode string) string {
	return map[string]string{subscribe: unsubscribe, unsubscribe: subscribe}[mode]
}

// address is the callback with the parameters of the question after its own.
func (q question) address(challenge string) string {
	pairs := []string{"hub.mode=" + q.Mode, "hub.topic=" + url.QueryEscape(q.Topic)}
	switch q.Mode {
	case denied:
		pairs = append(pairs, "hub.reason="+url.QueryEscape(q.Reason))
	case subscribe:
		pairs = append(pairs, "hub.challenge="+challenge, "hub.lease_seconds="+strconv.FormatInt(q.Lease, 10))
	default:
		pairs = append(pairs, "hub.challenge="+challenge)
	}
	return q.Callback + joint(q.Callback) + strings.Join(pairs, "&")
}

// joint is what stands between an address and more parameters.
func joint(address string) string {
	switch {
	case !strings.Contains(address, "?"):
		return "?"
	case strings.HasSuffix(address, "?"):
		return ""
	}
	return "&"
}

// inquiry is a question that is being asked. A callback that does not confirm is not
// asked again: its subscriber asks the hub again.
type inquiry struct {
	hub     *Hub
	request string // identifies it
	question
}

// ask asks what is to be asked before, and then the question itself. An error is trouble
// of our own.
func (i inquiry) ask(ctx context.Context) error {
	if err := i.hub.Ready(); err != nil {
		return err
	}
	if i.Before != nil {
		if err := (inquiry{hub: i.hub, request: i.request, question: *i.Before}).verify(ctx); err != nil {
			return err
		}
	}
	if i.Mode == denied {
		return i.end(ctx)
	}
	return i.verify(ctx)
}

// verify asks the callback, and does what it confirms.
func (i inquiry) verify(ctx context.Context) error {
	h := i.hub
	if i.Mode == subscribe {
		release, err := h.reserve(i.question)
		if err != nil {
			return i.deny(ctx, err.Error())
		}
		defer release()
	}
	asked := h.opts.Now()
	outcome, err := i.confirm(ctx)
	if outcome == "" {
		return err
	}
	h.metrics.verifications.WithLabelValues(i.Mode, outcome).Inc()
	if err != nil {
		h.opts.Logger.Info("a callback did not confirm what was asked in its name: nothing changes",
			"mode", i.Mode, "feed", i.Feed, "url", bare(i.Callback), "err", err)
		return nil
	}
	return i.confirmed(ctx, asked)
}

// Outcomes of a verification.
const (
	verified    = "verified"
	refused     = "refused"
	unreachable = "unreachable"
)

// confirm asks the callback. Without an outcome it is not the callback's fault.
func (i inquiry) confirm(ctx context.Context) (outcome string, err error) {
	challenge := rand.Text()
	res, err := i.call(ctx, challenge)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return "", fmt.Errorf("ask a callback: %w", ctx.Err())
	case err != nil:
		return unreachable, err
	case res.Status/100 != 2:
		return refused, fmt.Errorf("answered %d", res.Status)
	case res.Truncated || string(res.Body) != challenge:
		return refused, errors.New("did not answer with the challenge")
	}
	return verified, nil
}

// askTimeout is what a callback has to answer, where the client gives it no less:
// anybody can name one that hangs.
const askTimeout = 5 * time.Second

// call calls the callback with the question.
func (i inquiry) call(ctx context.Context, challenge string) (*outbound.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.address(challenge), nil)
	if err != nil {
		return nil, errors.New("the callback is no address")
	}
	return i.hub.opts.Client.Do(req, int64(len(challenge)))
}

// confirmed does what the callback was asked about and has confirmed. The lease
// runs from when it was asked.
func (i inquiry) confirmed(ctx context.Context, asked time.Time) error {
	if err := i.carryOut(ctx, asked.UTC()); err != nil {
		return err
	}
	i.hub.opts.Logger.Info("a callback has confirmed", "mode", i.Mode, "feed", i.Feed, "url", bare(i.Callback))
	return nil
}

func (i inquiry) carryOut(ctx context.Context, asked time.Time) error {
	if i.Mode == unsubscribe {
		return errors.Join(i.hub.remove(ctx, i.id().String()), i.leaveFormer(ctx))
	}
	if err := i.hub.opts.Baseline(ctx, i.Feed); err != nil {
		return err
	}
	isNew, err := i.hub.save(ctx, record{
		Format: format, Feed: i.Feed, Document: i.Document, Topic: i.Topic, Callback: i.Callback, Secret: i.Secret,
		Created: asked, Verified: asked, Expires: asked.Add(time.Duration(i.Lease) * time.Second), Request: i.request,
	})
	if err != nil {
		return err
	}
	if err := i.leaveFormer(ctx); err != nil || !isNew {
		return err
	}
	// What changed since the subscriber read the feed may have been announced already.
	key := i.id().String()
	return i.hub.opts.PutTo(ctx, outbox.Notice{Channel: Deliveries, About: i.Feed, ID: "new-" + key + "-" + i.request}, key)
}

// leaveFormer ends the subscriptions of the callback to former names of the feed.
func (i inquiry) leaveFormer(ctx context.Context) error {
	i.hub.mu.RLock()
	ids := i.hub.replacedBy(i.question)
	i.hub.mu.RUnlock()
	var errs []error
	for _, former := range ids {
		errs = append(errs, i.hub.remove(ctx, former.String()))
	}
	return errors.Join(errs...)
}

// deny tells a callback that its subscription is not. It is told once: nothing
// hangs on whether it hears.
func (i inquiry) deny(ctx context.Context, reason string) error {
	h := i.hub
	i.question.Mode, i.question.Reason = denied, reason
	_, err := i.call(ctx, "")
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("deny a subscription: %w", ctx.Err())
	}
	h.metrics.verifications.WithLabelValues(subscribe, denied).Inc()
	h.opts.Logger.Info("a subscription was denied", "feed", i.Feed, "url", bare(i.Callback), "reason", reason, "heard", err == nil)
	return nil
}

// end ends a subscription, unless it was renewed since that was decided.
func (i inquiry) end(ctx context.Context) error {
	h := i.hub
	key := i.id().String()
	there, err := h.bucket.Get(ctx, key)
	if err != nil {
		return err
	}
	if there.Value == nil || there.Revision != i.Revision {
		return nil
	}
	sub, err := decode(there.Value)
	if err != nil {
		return fmt.Errorf("read the subscription %s: %w", key, err)
	}
	i.Topic = sub.Topic
	if err := i.deny(ctx, i.Reason); err != nil {
		return err
	}
	deleted, err := h.deleteAt(ctx, key, i.Revision)
	h.await(ctx, deleted)
	return err
}
