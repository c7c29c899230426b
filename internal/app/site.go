package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How often the site's id is asked for while NATS is away.
const (
	siteRetryLeast = 100 * time.Millisecond
	siteRetryMost  = 5 * time.Second
)

// siteID is the authority of every identifier: the configured one, else the one
// remembered in NATS, else the host of the base URL, which is remembered then.
// It blocks until NATS answers or ctx ends.
func (a *App) siteID(ctx context.Context) (string, error) {
	for wait := siteRetryLeast; ; wait = min(2*wait, siteRetryMost) {
		id, err := a.rememberedSite(ctx)
		if err == nil {
			return id, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		a.waiting.Store(&err)
		a.log.Warn("the site is not known yet, trying again", "err", err, "in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (a *App) rememberedSite(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, siteRetryMost)
	defer cancel()
	bucket, err := a.keyValue(ctx, bucketSite)
	if err != nil {
		return "", err
	}
	wanted := a.opts.Config.Site.ID
	if wanted == "" {
		wanted = hostOf(a.baseURL)
	}
	entry, err := bucket.Get(ctx, "id")
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		if _, err = bucket.Create(ctx, "id", []byte(wanted)); err == nil {
			return wanted, nil
		}
		entry, err = bucket.Get(ctx, "id") // another node was quicker
	}
	if err != nil {
		return "", fmt.Errorf("read the site's id: %w", err)
	}
	known := string(entry.Value())
	if id := a.opts.Config.Site.ID; id != "" && id != known {
		a.log.Warn("site.id is not what it was: readers will see every gallery again", "was", known, "is", id)
		return id, nil
	}
	return known, nil
}
