package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/gallerywire/gallerywire/internal/notify/webhook"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/go-json-experiment/json"
)

// callbacks returns the callbacks that c configures; o has the rest of their options.
func callbacks(c config.Config, o webhook.CallbackOptions) (*webhook.Callbacks, error) {
	for _, k := range c.Intake.Keys {
		if k.Callback.URL != "" {
			o.Callbacks = append(o.Callbacks, webhook.Callback{
				Name: k.Name, URL: k.Callback.URL, Secrets: revealed(k.Callback.Secrets()), IDPrefix: k.IDPrefix,
			})
		}
	}
	return webhook.NewCallbacks(o)
}

// callbacks returns the configured callbacks, which get their notices through the outbox of ns.
func (a *App) callbacks(ns *notifiers, o webhook.CallbackOptions) (*webhook.Callbacks, error) {
	o.PutTo = func(ctx context.Context, n outbox.Notice, target string) error {
		return ns.ignoreNewerFormat(n.Channel, ns.box.PutTo(ctx, n, target))
	}
	o.Waiting = func(channel string, to outbox.Target) (int, int) { return ns.box.Waiting(channel, to) }
	o.Logger = a.logger("callback")
	return callbacks(a.opts.Config, o)
}

// TestCallback sends a test to the callback of the key with that name, and returns the
// status of the answer. The error is nil if it was accepted.
func TestCallback(ctx context.Context, c config.Config, name string) (int, error) {
	all, err := callbacks(c, webhook.CallbackOptions{SiteID: siteIDOf(c), Client: client(c)})
	if err != nil {
		return 0, err
	}
	status, err := all.Test(ctx, name)
	if err != nil {
		return status, fmt.Errorf("test callback %s: %w", name, err)
	}
	return status, nil
}

// outcomes notifies the callbacks of what became of events, before these are acknowledged.
// Without a callback for its gallery an event costs nothing.
type outcomes struct {
	callbacks *webhook.Callbacks
	catalogue *catalogue.Catalogue
	partners  *partners
	siteID    string
}

// notify puts a notice of what became of an event that is stored, or that a stored one
// outranks, into the outbox. After an error it may be there or not: call notify again.
func (o outcomes) notify(ctx context.Context, e *event.Event, m event.Message, outcome catalogue.Outcome) error {
	id := e.GalleryID()
	if !o.callbacks.Concerned(id) {
		return nil
	}
	data := event.Outcome{
		Subject: m.Subject, Event: gallery.Clip(e.ID, gallery.MaxID), Source: gallery.Clip(e.Source, gallery.MaxID),
		Gallery: id, Stored: m.Stored, Sequence: m.Sequence, Revision: ordering(e.Rank),
	}
	notice, err := event.CloudEvent{}, error(nil)
	switch {
	case outcome == catalogue.Superseded:
		if data.Stands, err = o.standing(ctx, e); err != nil {
			return fmt.Errorf("read what outranks %q: %w", id, err)
		}
		notice = event.NewSuperseded("", o.siteID, data)
	case e.Gallery != nil:
		if data.Partners, data.More = o.partners.withheld(e.Gallery, m.Stored); len(data.Partners) == 0 {
			return nil
		}
		notice = event.NewWithheld("", o.siteID, data)
	default: // a take-down
		return nil
	}
	body, err := notice.Encode()
	if err != nil {
		return err
	}
	notice.ID = gallery.HashOf(body).String() // another content has another id
	// The same revision again, with whichever event, says nothing new.
	key := gallery.HashOf(fmt.Appendf(nil, "%d %d %t %s %+v", e.Rank.Updated.UnixNano(), e.Rank.Version, e.Rank.TakeDown, e.Rank.Hash, data.Partners))
	return o.callbacks.Notify(ctx, key.String(), notice)
}

// standing is the stored revision, which outranks e.
func (o outcomes) standing(ctx context.Context, e *event.Event) (event.Revision, error) {
	stored, err := o.catalogue.Standing(ctx, e.GalleryID())
	if err != nil {
		return event.Revision{}, err
	}
	if stored.Rank.Compare(e.Rank) <= 0 {
		return event.Revision{}, errors.New("a replica lags behind and does not have the stored revision yet")
	}
	var attributes struct {
		ID     string `json:"id"`
		Source string `json:"source"`
	}
	_ = json.Unmarshal(stored.Event, &attributes) // bare content has neither
	r := ordering(stored.Rank)
	r.Event, r.Source = attributes.ID, attributes.Source
	return r, nil
}

func ordering(r gallery.Rank) event.Revision {
	return event.Revision{Updated: r.Updated.UTC(), Version: r.Version, TakenDown: r.TakeDown}
}

// Bounds of what one notice names: maxHidden entries; maxHiddenSlides slides in all, but at
// least one of each entry.
const (
	maxHidden       = 500
	maxHiddenSlides = 100
)

// withheld says from which partners rules hide g, or slides of it, and whether there are
// more than it names. Slides that one rule hides are one entry, those with rights of their own too.
func (p *partners) withheld(g *gallery.Gallery, at time.Time) (all []event.Hidden, more bool) {
	named := 0
	for _, name := range p.names {
		x := p.sets[name].Withheld(g, at)
		if x.Rule != "" {
			all = append(all, event.Hidden{Partner: name, Rule: x.Rule, Where: x.Where})
		}
		first := len(all)
		for _, s := range x.Slides {
			i := slices.IndexFunc(all[first:], func(h event.Hidden) bool {
				return h.Rule == s.Rule && (h.Where == s.Where || strings.HasPrefix(s.Where, "/"))
			})
			if i < 0 {
				i = len(all) - first
				all = append(all, event.Hidden{Partner: name, Rule: s.Rule, Where: s.Where})
			}
			hide(&all[first+i], s.Slide, &named)
		}
	}
	if len(all) > maxHidden {
		return all[:maxHidden], true
	}
	return all, false
}

// hide counts a slide in h, and names it unless so many are named already.
func hide(h *event.Hidden, slide int, named *int) {
	h.Count++
	if len(h.Slides) == 0 || *named < maxHiddenSlides {
		h.Slides = append(h.Slides, slide)
		*named++
	}
}
