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
	"github.com/gallerywire/gallerywire/internal/notify/notice"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/websub"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/nats-io/nats.go/jetstream"
)

// Letters are what a running service could not tell.
type Letters struct {
	*outbox.Outbox
	config config.Config
	broker *broker.Broker
}

// ReadLetters calls use with what is owed on b's server, once it is read, for which
// there is so much time. Nothing is sent meanwhile. Who is still to be told is what
// c says.
func ReadLetters(ctx context.Context, c config.Config, b *broker.Broker, log *slog.Logger, timeout time.Duration, use func(context.Context, *Letters) error) error {
	box := outbox.New(outboxOptions(b, log))
	running, stop := context.WithCancel(ctx)
	var run sync.WaitGroup
	run.Go(func() { _ = box.Run(running) }) // returns nothing else
	defer run.Wait()
	defer stop()
	reading, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !until(reading, box.Ready) {
		return fmt.Errorf("read the notices that are owed: %w", reading.Err())
	}
	return use(ctx, &Letters{Outbox: box, config: c, broker: b})
}

// ErrLeft means that the target of a dead letter is not to be told any more, as far
// as the configuration here says: a node would drop what is owed to it.
var ErrLeft = errors.New("it stays as it is")

// Retry makes a dead letter owed again. One whose target is not to be told any more
// is [ErrLeft], which says why.
func (l *Letters) Retry(ctx context.Context, key string) error {
	all := l.DeadLetters()
	if i := slices.IndexFunc(all, func(d outbox.DeadLetter) bool { return d.Key == key }); i >= 0 {
		why, err := l.left(ctx, all[i])
		if err != nil {
			return err
		}
		if why != "" {
			return fmt.Errorf("%s: %w", why, ErrLeft)
		}
	}
	return l.Outbox.Retry(ctx, key) // says if there is none
}

// left says why the target of a dead letter is not to be told any more, empty
// where it is, or where only another release knows.
func (l *Letters) left(ctx context.Context, d outbox.DeadLetter) (string, error) {
	switch d.Channel {
	case notice.ChannelWebhook:
		return l.leftWebhook(d)
	case notice.ChannelHub:
		pings, err := notice.NewPings(notice.PingOptions{Hubs: l.config.WebSub.ExternalHubs, Client: client(l.config)})
		return unlessTold(pings, d, fmt.Sprintf("%s is no hub in websub.external_hubs any more", d.Target)), err
	case digest.Channel:
		digests, err := openDigests(l.config)
		return unlessTold(digests, d, fmt.Sprintf("digest %q does not go to %s any more", d.About, d.Target)), err
	case websub.Deliveries:
		return l.leftSubscriber(ctx, d)
	}
	return "", nil
}

func (l *Letters) leftWebhook(d outbox.DeadLetter) (string, error) {
	hooks, err := webhooks(l.config, client(l.config), "")
	if err != nil {
		return "", err
	}
	for _, w := range l.config.Webhooks {
		if w.Name == d.To {
			return unlessTold(hooks, d, fmt.Sprintf("webhook %q is not told of %s any more", d.To, d.About)), nil
		}
	}
	return fmt.Sprintf("there is no webhook %q any more", d.To), nil
}

// leftSubscriber asks the hub's bucket. A subscription whose lease ended is there
// until a node tidies up.
func (l *Letters) leftSubscriber(ctx context.Context, d outbox.DeadLetter) (string, error) {
	r, err := lookUp(ctx, l.broker, bucketSubscriptions, d.To)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound), err == nil && r.Value == nil:
		return fmt.Sprintf("%s does not subscribe to %s any more", d.Target, d.About), nil
	case err != nil:
		return "", fmt.Errorf("look for the subscription: %w", err)
	}
	return "", nil
}

// unlessTold returns why unless the target of d is to be told.
func unlessTold(c outbox.Channel, d outbox.DeadLetter, why string) string {
	if _, told := c.Target(outbox.Notice{Channel: d.Channel, About: d.About}, d.To); told {
		return ""
	}
	return why
}

// openDigests opens the mailboxes and chats of c's digests, which are made by
// others.
func openDigests(c config.Config) (*digest.Digests, error) {
	o := digest.Options{Timeout: min(c.Outbound.Timeout, mailTimeout), SiteTitle: c.Site.Title, BaseURL: c.Site.BaseURL, Language: cmp.Or(c.Site.Language, "en")}
	for _, d := range c.Digests {
		o.Digests = append(o.Digests, digest.Definition{Name: d.Name, To: revealed(d.To)})
	}
	return digest.New(o)
}
