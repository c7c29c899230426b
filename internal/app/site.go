package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/store/bucket"
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
	site := a.bucket(bucketSite)
	for wait := siteRetryLeast; ; wait = min(2*wait, siteRetryMost) {
		id, err := a.rememberedSite(ctx, site)
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

// siteIDKey is the key of the remembered id in its bucket.
const siteIDKey = "id"

func (a *App) rememberedSite(ctx context.Context, site *bucket.Bucket) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, siteRetryMost)
	defer cancel()
	stated := a.opts.Config.Site.ID
	var before string
	_, err = site.Amend(ctx, siteIDKey, func(there bucket.Record) ([]byte, error) {
		before = string(there.Value)
		switch {
		case there.Value == nil:
			id = cmp.Or(stated, hostOf(a.baseURL))
		case stated == "" || stated == before:
			id = before
			return nil, bucket.ErrKeep
		case !a.opts.AcceptNewIdentity:
			return nil, config.Problems{a.opts.Config.Problem("site.id", fmt.Sprintf("%q is not %q, of which every identifier has been made so far: "+
				"write %[2]q, or, if readers may see every gallery again as a new one, start once with \"gallerywire serve --accept-new-identity\"", stated, before))}
		default:
			id = stated
		}
		return []byte(id), nil
	})
	if err != nil {
		return "", err
	}
	if before != "" && before != id {
		a.log.Warn("the site has a new id: readers see every gallery again as a new one", "was", before, "is", id)
	}
	return id, nil
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
