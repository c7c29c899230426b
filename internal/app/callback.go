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

// callbacks are told through the outbox of t.
func (a *App) callbacks(t *notifiers, o webhook.CallbackOptions) (*webhook.Callbacks, error) {
	o.PutTo = func(ctx context.Context, n outbox.Notice, target string) error {
		return t.ignoreNewerFormat(n.Channel, t.box.PutTo(ctx, n, target))
	}
	o.Waiting = func(channel string, to outbox.Target) (int, int) { return t.box.Waiting(channel, to) }
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

// outcomes tell the callbacks what became of events, before these are acknowledged. Without
// a callback for its gallery an event costs nothing.
type outcomes struct {
	callbacks *webhook.Callbacks
	catalogue *catalogue.Catalogue
	partners  *partners
	siteID    string
}

// tell tells what became of an event that is stored, or that a stored one outranks. After an
// error it may be told or not: tell it again.
func (o outcomes) tell(ctx context.Context, e *event.Event, m event.Message, outcome catalogue.Outcome) error {
	id := e.GalleryID()
	if !o.callbacks.Concerned(id) {
		return nil
	}
	data := event.Outcome{
		Subject: m.Subject, Event: gallery.Clip(e.ID, gallery.MaxID), Source: gallery.Clip(e.Source, gallery.MaxID),
		Gallery: id, Stored: m.Stored, Sequence: m.Sequence, Revision: ordering(e.Rank),
	}
	said, err := event.CloudEvent{}, error(nil)
	switch {
	case outcome == catalogue.Superseded:
		if data.Stands, err = o.standing(ctx, e); err != nil {
			return fmt.Errorf("tell what outranks %q: %w", id, err)
		}
		said = event.NewSuperseded("", o.siteID, data)
	case e.Gallery != nil:
		if data.Partners, data.More = o.partners.withheld(e.Gallery, m.Stored); len(data.Partners) == 0 {
			return nil
		}
		said = event.NewWithheld("", o.siteID, data)
	default: // a take-down
		return nil
	}
	body, err := said.Encode()
	if err != nil {
		return err
	}
	said.ID = gallery.HashOf(body).String() // another content has another id
	// The same revision again, with whichever event, says nothing new.
	key := gallery.HashOf(fmt.Appendf(nil, "%d %d %t %s %+v", e.Rank.Updated.UnixNano(), e.Rank.Version, e.Rank.TakeDown, e.Rank.Hash, data.Partners))
	return o.callbacks.Tell(ctx, key.String(), said)
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
	var came struct {
		ID     string `json:"id"`
		Source string `json:"source"`
	}
	_ = json.Unmarshal(stored.Event, &came) // bare content has neither
	r := ordering(stored.Rank)
	r.Event, r.Source = came.ID, came.Source
	return r, nil
}

func ordering(r gallery.Rank) event.Revision {
	return event.Revision{Updated: r.Updated.UTC(), Version: r.Version, TakenDown: r.TakeDown}
}

// Bounds of what one notice names: entries, and slides, if each entry names one.
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
