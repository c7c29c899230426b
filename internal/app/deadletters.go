package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/notify/digest"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/ping"
	"github.com/gallerywire/gallerywire/internal/notify/webhook"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/nats-io/nats.go/jetstream"
)

// DeadLetters are the notices that a running service could not deliver.
type DeadLetters struct {
	*outbox.Outbox
	config config.Config
	broker *broker.Broker
}

// ReadDeadLetters reads the outbox on b's server within timeout, then calls use with it.
// Nothing is sent meanwhile. The targets are those that c configures.
func ReadDeadLetters(ctx context.Context, c config.Config, b *broker.Broker, log *slog.Logger, timeout time.Duration, use func(context.Context, *DeadLetters) error) error {
	box := outbox.New(outboxOptions(b, log))
	running, stop := context.WithCancel(ctx)
	var run sync.WaitGroup
	run.Go(func() { _ = box.Run(running) }) // returns nothing else
	defer run.Wait()
	defer stop()
	reading, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !until(reading, box.Ready) {
		return fmt.Errorf("read the outbox: %w", reading.Err())
	}
	return use(ctx, &DeadLetters{Outbox: box, config: c, broker: b})
}

// ErrNoTarget means that the configuration here no longer has the target of a dead
// letter: a node would drop a retry.
var ErrNoTarget = errors.New("the dead letter is kept")

// Retry makes a dead letter pending again. The error is [ErrNoTarget], with the reason,
// if its target is no longer configured or subscribed.
func (l *DeadLetters) Retry(ctx context.Context, key string) error {
	all := l.DeadLetters()
	if i := slices.IndexFunc(all, func(d outbox.DeadLetter) bool { return d.Key == key }); i >= 0 {
		why, err := l.missing(ctx, all[i])
		if err != nil {
			return err
		}
		if why != "" {
			return fmt.Errorf("%s: %w", why, ErrNoTarget)
		}
	}
	return l.Outbox.Retry(ctx, key) // says if there is none
}

// missing returns why the target of a dead letter no longer exists; empty if it does, or
// if only another release knows the channel.
func (l *DeadLetters) missing(ctx context.Context, d outbox.DeadLetter) (string, error) {
	switch d.Channel {
	case webhook.Channel:
		if !slices.ContainsFunc(l.config.Webhooks, func(w config.Webhook) bool { return w.Name == d.To }) {
			return fmt.Sprintf("there is no webhook %q", d.To), nil
		}
		hooks, err := webhooks(l.config, client(l.config), "")
		return unlessTarget(hooks, err, d, fmt.Sprintf("webhook %q no longer gets %s", d.To, d.About))
	case webhook.CallbackChannel:
		backs, err := callbacks(l.config, webhook.CallbackOptions{Client: client(l.config)})
		return unlessTarget(backs, err, d, fmt.Sprintf("key %q has no callback any more, or another id_prefix", d.To))
	case ping.Channel:
		pings, err := ping.New(ping.Options{Hubs: l.config.WebSub.ExternalHubs, Client: client(l.config)})
		return unlessTarget(pings, err, d, fmt.Sprintf("%s is no longer in websub.external_hubs", d.Target))
	case digest.Channel:
		digests, err := openDigests(l.config)
		return unlessTarget(digests, err, d, fmt.Sprintf("digest %q no longer goes to %s", d.About, d.Target))
	case websub.Channel: // a subscription whose lease ended is there until a node tidies up
		r, err := lookUp(ctx, l.broker, bucketSubscriptions, d.To)
		if errors.Is(err, jetstream.ErrStreamNotFound) || err == nil && r.Value == nil {
			return fmt.Sprintf("%s no longer subscribes to %s", d.Target, d.About), nil
		}
		if err != nil {
			return "", fmt.Errorf("look for the subscription: %w", err)
		}
	}
	return "", nil
}

// unlessTarget returns why unless the channel has the target of d; err is the channel's.
func unlessTarget(c outbox.Channel, err error, d outbox.DeadLetter, why string) (string, error) {
	if err != nil {
		return "", err
	}
	if _, found := c.Target(outbox.Notice{Channel: d.Channel, About: d.About}, d.To); found {
		return "", nil
	}
	return why, nil
}

// openDigests returns the digests that c configures, to deliver them only.
func openDigests(c config.Config) (*digest.Digests, error) {
	o := digest.Options{Timeout: min(c.Outbound.Timeout, mailTimeout), SiteTitle: c.Site.Title, BaseURL: c.Site.BaseURL, Language: cmp.Or(c.Site.Language, "en")}
	for _, d := range c.Digests {
		o.Digests = append(o.Digests, digest.Definition{Name: d.Name, To: revealed(d.To)})
	}
	return digest.New(o)
}
