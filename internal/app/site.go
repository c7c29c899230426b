package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/nats-io/nats.go/jetstream"
)

// How often the site's id is asked for while NATS is away.
const (
	siteRetryLeast = 100 * time.Millisecond
	siteRetryMost  = 5 * time.Second
)

// siteID is the authority of every identifier: the one remembered in NATS. Where
// none is, it is the configured one, else the host of the base URL, and is
// remembered from then on. It blocks until NATS answers or ctx ends. A configured
// one that is not the remembered one is a [config.Problems], unless the options
// accept it.
func (a *App) siteID(ctx context.Context) (string, error) {
	for wait := siteRetryLeast; ; wait = min(2*wait, siteRetryMost) {
		id, err := a.rememberedSite(ctx)
		var other config.Problems
		if err == nil || errors.As(err, &other) {
			return id, err
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
	stated := a.opts.Config.Site.ID
	entry, err := bucket.Get(ctx, "id")
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		wanted := cmp.Or(stated, hostOf(a.baseURL))
		if _, err = bucket.Create(ctx, "id", []byte(wanted)); err == nil {
			return wanted, nil
		}
		entry, err = bucket.Get(ctx, "id") // another node was quicker
	}
	if err != nil {
		return "", fmt.Errorf("read the site's id: %w", err)
	}
	known := string(entry.Value())
	if stated == "" || stated == known {
		return known, nil
	}
	if !a.opts.AcceptNewIdentity {
		return "", config.Problems{a.opts.Config.Problem("site.id", fmt.Sprintf("%q is not %q, of which every identifier has been made so far: "+
			"write %[2]q, or, if readers may see every gallery again as a new one, start once with \"gallerywire serve --accept-new-identity\"", stated, known))}
	}
	if _, err := bucket.Update(ctx, "id", []byte(stated), entry.Revision()); err != nil {
		return "", fmt.Errorf("remember the site's id: %w", err)
	}
	a.log.Warn("the site has a new id: readers see every gallery again as a new one", "was", known, "is", stated)
	return stated, nil
}

// unstated warns of an id that nobody chose and that is no domain: the address of
// this machine at the first start. It is empty where there is nothing to warn of.
func (a *App) unstated(id string) string {
	if a.opts.Config.Site.ID != "" || id != "localhost" && net.ParseIP(id) == nil {
		return ""
	}
	return fmt.Sprintf("Every identifier in the feeds is made of %q, which nobody chose: set site.id to a domain that you own and site.base_url to the address "+
		"that readers use, then start once with \"gallerywire serve --accept-new-identity\", before the first reader comes", id)
}
