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

// Callback is the address at which a CMS is told what became of its events.
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

	// Of the outbox. Only Tell needs them.
	PutTo   func(ctx context.Context, n outbox.Notice, target string) error
	Waiting func(channel string, t outbox.Target) (n, bytes int)
}

// Callbacks are the callbacks that are configured. They implement [outbox.Channel] and are
// safe for concurrent use.
//
// A notice is about one event and replaces none about another. It is stored for each callback on its
// own, and nothing of it is left in the outbox once that was told.
type Callbacks struct {
	opts      CallbackOptions
	callbacks []*callback
	told      *lru.Cache[telling, bool]
}

type callback struct {
	*receiver
	idPrefix string
	full     rate.Sometimes // logs that too much waits for it
	missed   atomic.Int64   // events that it is not told of, until it is told so
}

// telling is what was put into the outbox for a callback.
type telling struct{ about, to string }

const (
	// maxTold is how many notices are remembered, so that the same is not told again.
	maxTold = 10_000
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
	c.told, _ = lru.New[telling, bool](maxTold) // fails only for a size below 1
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

// Concerned reports whether a callback is told of events about the gallery with that id;
// empty: of those whose gallery is not known.
func (c *Callbacks) Concerned(gallery string) bool {
	for _, to := range c.callbacks {
		if strings.HasPrefix(gallery, to.idPrefix) {
			return true
		}
	}
	return false
}

// Tell puts e, whose subject is the id of a gallery, into the outbox for each callback that
// is concerned; when it returns, that is durable. It may be repeated. An event of the same
// type with the same key, which has no space, says nothing new: it is not told while e is
// remembered. A callback for which too much waits already is not told either: the next event
// that it is told of says how many it missed.
func (c *Callbacks) Tell(ctx context.Context, key string, e event.CloudEvent) error {
	if !c.Concerned(e.Subject) {
		return nil
	}
	data, err := e.Encode()
	if err != nil {
		return err
	}
	n := outbox.Notice{Channel: CallbackChannel, About: e.Type + " " + key + " " + e.Subject, ID: e.ID, At: e.Time, Data: data}
	var errs []error
	for _, to := range c.callbacks {
		telling := telling{n.About, to.Key}
		if !to.wants(n) || c.told.Contains(telling) {
			continue
		}
		if waiting, bytes := c.opts.Waiting(CallbackChannel, to.Target); waiting >= maxWaiting || bytes+len(data) > maxWaitingBytes {
			to.missed.Add(1)
			to.full.Do(func() {
				c.opts.Logger.Warn("a callback is not told of events: too many notices wait for it, see \"gallerywire notices list\"",
					"target", to.Name, "waiting", waiting, "bytes", bytes, "event", n.About)
			})
			continue
		}
		err := c.put(ctx, to, e, n)
		if err == nil {
			c.told.Add(telling, true)
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

// wants reports whether n is about a gallery of the callback.
func (to *callback) wants(n outbox.Notice) bool {
	parts := strings.SplitN(n.About, " ", 3)
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
