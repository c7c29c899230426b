package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/notify/outbound"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// CallbackChannel is the name of the outbox's channel to callbacks.
const CallbackChannel = "callback"

// structured is the content type of callbacks (CloudEvents 1.0.2, HTTP binding, section 3.2).
const structured = "application/cloudevents+json"

// Callback is the address that gets the outcomes of the events of a CMS.
type Callback struct {
	Name     string   // of its key: 1 to 80 of A-Za-z0-9_-
	URL      string   // which [outbound.Client.Check] accepts
	Secrets  []string // as of a [Hook]
	IDPrefix string   // begins the ids of its galleries
}

// CallbackOptions make Callbacks.
type CallbackOptions struct {
	Callbacks []Callback
	SiteID    string
	Client    *outbound.Client
	Logger    *slog.Logger

	// Of the outbox. Only Notify needs them.
	PutTo   func(ctx context.Context, n outbox.Notice, target string) error
	Waiting func(channel string, t outbox.Target) (n, bytes int)
}

// Callbacks are the callbacks that are configured. They implement [outbox.Channel] and are
// safe for concurrent use.
//
// A notice is about one event and replaces none about another. It is stored for each
// callback on its own, and nothing of it is left in the outbox once it is delivered.
type Callbacks struct {
	opts       CallbackOptions
	callbacks  []*callback
	remembered *lru.Cache[noticeKey, bool] // the last ones that were put into the outbox
}

type callback struct {
	*receiver
	idPrefix string
	full     rate.Sometimes // logs that too much waits for it
	missed   atomic.Int64   // events without a notice, since the last notice
}

// noticeKey is a notice to a callback.
type noticeKey struct{ about, to string }

const (
	// maxRemembered is how many notices are remembered, so that none is sent again.
	maxRemembered = 10_000
	// maxWaiting and maxWaitingBytes are how many notices, and bytes of them, may wait for
	// one callback: a CMS that is away for long must neither fill the outbox, and the memory
	// of each node, nor hold up its own events.
	maxWaiting      = 10_000
	maxWaitingBytes = 16 << 20
)

// NewCallbacks returns the callbacks of o. Its error names every one that cannot be used,
// and no secret.
func NewCallbacks(o CallbackOptions) (*Callbacks, error) {
	c := &Callbacks{opts: o}
	c.remembered, _ = lru.New[noticeKey, bool](maxRemembered) // fails only for a size below 1
	var errs []error
	for _, configured := range o.Callbacks {
		r, err := newReceiver(o.Client, CallbackChannel, configured.Name, configured.URL, configured.Secrets)
		if err != nil {
			errs = append(errs, fmt.Errorf("callback of key %q: %w", configured.Name, err))
			continue
		}
		c.callbacks = append(c.callbacks, &callback{receiver: r, idPrefix: configured.IDPrefix, full: rate.Sometimes{Interval: time.Minute}})
	}
	return c, errors.Join(errs...)
}

// Concerned reports whether a callback gets the outcomes of events about the gallery with
// that id; empty: of those whose gallery is not known.
func (c *Callbacks) Concerned(gallery string) bool {
	for _, to := range c.callbacks {
		if strings.HasPrefix(gallery, to.idPrefix) {
			return true
		}
	}
	return false
}

// Notify puts e, whose subject is the id of a gallery, into the outbox for each callback that
// is concerned; when it returns, that is durable. It may be repeated. An event of the same
// type with the same key, which has no space, says nothing new: it is left out while e is
// remembered. It is also left out for a callback for which too much waits: the next notice
// to that callback says how many it missed.
func (c *Callbacks) Notify(ctx context.Context, key string, e event.CloudEvent) error {
	if !c.Concerned(e.Subject) {
		return nil
	}
	data, err := e.Encode()
	if err != nil {
		return err
	}
	n := outbox.Notice{Channel: CallbackChannel, About: about(e, key), ID: e.ID, At: e.Time, Data: data}
	var errs []error
	for _, to := range c.callbacks {
		one := noticeKey{n.About, to.Key}
		if !to.wants(n) || c.remembered.Contains(one) {
			continue
		}
		if waiting, bytes := c.opts.Waiting(CallbackChannel, to.Target); waiting >= maxWaiting || bytes+len(data) > maxWaitingBytes {
			to.missed.Add(1)
			to.full.Do(func() {
				c.opts.Logger.Warn("events are not sent to a callback: too many notices wait for it, see \"gallerywire notices list\"",
					"target", to.Name, "waiting", waiting, "bytes", bytes, "event", n.About)
			})
			continue
		}
		err := c.put(ctx, to, e, n)
		if err == nil {
			c.remembered.Add(one, true)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// put stores n, which is e, with how many events the callback missed before it.
func (c *Callbacks) put(ctx context.Context, to *callback, e event.CloudEvent, n outbox.Notice) (err error) {
	missed := to.missed.Swap(0)
	if e.Missed = int(missed); missed > 0 {
		n.Data, err = e.Encode()
	}
	if err == nil {
		err = c.opts.PutTo(ctx, n, to.Key)
	}
	if err != nil {
		to.missed.Add(missed)
	}
	return err
}

// about is what the notice of e is about: type, key, and the gallery's id, which may have
// spaces.
func about(e event.CloudEvent, key string) string { return e.Type + " " + key + " " + e.Subject }

// wants reports whether n is about a gallery of the callback.
func (to *callback) wants(n outbox.Notice) bool {
	parts := strings.SplitN(n.About, " ", 3) // see about
	return len(parts) == 3 && strings.HasPrefix(parts[2], to.idPrefix)
}

func (c *Callbacks) find(name string) (*callback, error) {
	for _, to := range c.callbacks {
		if to.Key == name {
			return to, nil
		}
	}
	return nil, fmt.Errorf("key %q has no callback", name)
}

// Targets implements [outbox.Channel].
func (c *Callbacks) Targets(n outbox.Notice, yield func(outbox.Target) bool) {
	for _, to := range c.callbacks {
		if to.wants(n) && !yield(to.Target) {
			return
		}
	}
}

// Target implements [outbox.Channel].
func (c *Callbacks) Target(n outbox.Notice, key string) (outbox.Target, bool) {
	to, err := c.find(key)
	if err != nil || !to.wants(n) {
		return outbox.Target{}, false
	}
	return to.Target, true
}

// Merge implements [outbox.Channel]. Both say the same of one revision.
func (c *Callbacks) Merge(_, n outbox.Notice) outbox.Notice { return n }

// Pack implements [outbox.Channel].
func (c *Callbacks) Pack(_ context.Context, n outbox.Notice) (outbox.Payload, error) {
	return &outcome{c, n.ID, n.Data}, nil
}

// outcome is an encoded event for callbacks.
type outcome struct {
	callbacks *Callbacks
	id        string
	body      []byte
}

// Version implements [outbox.Payload].
func (o *outcome) Version() string { return o.id }

// Send implements [outbox.Payload].
func (o *outcome) Send(ctx context.Context, to outbox.Target) error {
	cb, err := o.callbacks.find(to.Key)
	if err != nil {
		return outbox.Final(err)
	}
	_, err = cb.call(ctx, structured, o.id, o.body)
	return err
}

// Test sends an event of type gallerywire.test to the callback of the key with that name. It
// returns the status of the answer, 0 if there was none, and an error unless it was accepted.
func (c *Callbacks) Test(ctx context.Context, name string) (status int, err error) {
	to, err := c.find(name)
	if err != nil {
		return 0, err
	}
	id := rand.Text()
	body, err := event.NewCallbackTest(id, c.opts.SiteID, time.Now().UTC()).Encode()
	if err != nil {
		return 0, err
	}
	return to.call(ctx, structured, id, body)
}
