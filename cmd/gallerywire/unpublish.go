package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gallerywire/gallerywire/internal/app"
	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/broker"
)

type unpublishCmd struct {
	IDs     []string    `arg:"" name:"id" help:"Ids of galleries."`
	Reason  string      `help:"The reason, stored with the take-down." placeholder:"TEXT"`
	Updated time.Time   `help:"The instant of the decision (RFC 3339); the default is now." placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00"`
	Version int64       `help:"The version of the take-down, if the CMS counts versions." placeholder:"N"`
	Wait    bool        `help:"Return when the page of each gallery is gone."`
	URL     nodeAddress `name:"url" help:"With --wait, the node's address; by default that of --http, or the configured http.listen." placeholder:"URL"`
	JSON    bool        `name:"json" help:"Print a line of JSON for each take-down."`
	recipient
}

// Help is printed below the command's usage.
func (unpublishCmd) Help() string {
	return `Removes the galleries from every feed and page. A later revision publishes a gallery
again; a late copy of an earlier revision does not.

If the command can read the store of the service, it prints the ids without a gallery.
It sends their take-downs too, because the gallery may still arrive, and the exit code
is 0.

With --wait it returns when the page of each gallery answers 410; the exit code is 1 if
a page does not within --timeout.

A line of JSON has name and id of the gallery, stream and sequence (where the take-down
is stored), known (missing if the command cannot read the store), and error. The exit
code is 1 if a take-down was not stored.

` + overHTTPHelp
}

// Run sends a take-down for each id.
func (u unpublishCmd) Run(ctx context.Context, c *console) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	base := ""
	if u.Wait {
		if base, err = (healthCmd{URL: cmp.Or(u.URL, u.service())}).base(c); err != nil {
			return err
		}
	}
	at := u.Updated
	if at.IsZero() {
		at = time.Now()
	}
	var known map[string]bool
	var unasked error
	if u.HTTP == "" {
		known, unasked = c.known(ctx, cfg, u.IDs)
	}
	err = c.send(ctx, cfg, u.recipient, batch{items: publish.TakeDowns(u.IDs, u.Reason, u.Version, at), files: 1, known: known}, u.JSON)
	if err == nil && unasked != nil && !u.JSON {
		c.say("stored: whether there is such a gallery is not known, because this command lacks the rights of the service (%v)", unasked)
	}
	if err != nil || !u.Wait {
		return err
	}
	return c.awaitGone(ctx, base, u.IDs)
}

// known returns for each id whether the service has a gallery or a take-down of it. It
// fails within two seconds if this command lacks the rights of the service.
func (c *console) known(ctx context.Context, cfg config.Config, ids []string) (map[string]bool, error) {
	o := app.BrokerOptions(cfg, slog.New(slog.DiscardHandler))
	o.Timeout = min(c.timeout, 2*time.Second)
	b, err := broker.DialOperator(ctx, o)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	site := app.OpenSite(cfg, b, o.Logger)
	known := map[string]bool{}
	for _, id := range ids {
		if known[id], err = site.Knows(ctx, id); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// awaitGone returns when the page of each gallery answers 410. It polls them in turn, so
// that a page that stays does not hide that others are gone.
func (c *console) awaitGone(ctx context.Context, base string, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	stays := make(map[string]error, len(ids)) // why it is not gone
	for left := slices.Clone(ids); len(left) > 0 && ctx.Err() == nil; {
		left = slices.DeleteFunc(left, func(id string) bool {
			page := base + "/galleries/" + url.PathEscape(gallery.Key(id))
			status, _, err := fetch(ctx, http.DefaultClient, page, "", c.timeout)
			switch {
			case err == nil && status == http.StatusGone:
				delete(stays, id)
				return true
			case err == nil:
				stays[id] = fmt.Errorf("%s: %s answers %d after %s: is there a later revision, or was the take-down refused (gallerywire rejects list)?",
					printable(id), page, status, c.timeout)
			case ctx.Err() == nil || stays[id] == nil:
				stays[id] = err
			}
			return err != nil
		})
		if len(left) > 0 {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return each(c, ids, func(id string) error { return stays[id] })
}
