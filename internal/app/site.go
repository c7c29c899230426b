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

// siteID returns the authority of every identifier: the one stored in NATS. If there is
// none, it stores the configured one, else the host of the base URL. It blocks until NATS
// answers or ctx ends. A configured id that differs from the stored one is a
// [config.Problems], unless the options accept it.
func (a *App) siteID(ctx context.Context) (string, error) {
	site := a.bucket(bucketSite)
	var id string
	var other config.Problems
	known := retry(ctx, func() (err error) {
		if id, err = a.rememberedSite(ctx, site); errors.As(err, &other) {
			return nil
		}
		return err
	}, func(err error, pause time.Duration) {
		a.siteErr.Store(&err)
		a.log.Warn("the site is not known yet, retrying", "err", err, "in", pause)
	})
	switch {
	case !known:
		return "", ctx.Err()
	case other != nil:
		return "", other
	}
	return id, nil
}

// siteIDKey is the key of the remembered id in its bucket.
const siteIDKey = "id"

func (a *App) rememberedSite(ctx context.Context, site *bucket.Bucket) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, retryMost)
	defer cancel()
	configured := a.opts.Config.Site.ID
	var before string
	_, err = site.Amend(ctx, siteIDKey, func(there bucket.Record) ([]byte, error) {
		before = string(there.Value)
		switch {
		case there.Value == nil:
			id = cmp.Or(configured, hostOf(a.baseURL))
		case configured == "" || configured == before:
			id = before
			return nil, bucket.ErrKeep
		case !a.opts.AcceptNewIdentity:
			return nil, config.Problems{a.opts.Config.Problem("site.id", fmt.Sprintf("%q is not %q, which every identifier contains so far: "+
				"write %[2]q, or, if readers may see every gallery again as a new one, start once with \"gallerywire serve --accept-new-identity\"", configured, before))}
		default:
			id = configured
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

// defaultIDWarning returns a warning about an id that nobody chose and that is no domain:
// the address of this machine at the first start. Else it is empty.
func (a *App) defaultIDWarning(id string) string {
	if a.opts.Config.Site.ID != "" || id != "localhost" && net.ParseIP(id) == nil {
		return ""
	}
	return fmt.Sprintf("Every identifier in the feeds contains %q, which nobody chose: set site.id to a domain that you own and site.base_url to the address "+
		"that readers use, then start once with \"gallerywire serve --accept-new-identity\", before the first reader comes", id)
}
