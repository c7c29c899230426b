package page

import (
	"context"
	"errors"
	"html/template"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// maxCards is how many galleries a page names.
const maxCards = 20

// card is a gallery as other pages show it. Its texts are shortened.
type card struct {
	Key       string
	Title     string
	Summary   string
	Language  string
	Direction string
	Published time.Time
	Pictures  int
	Cover     gallery.Image // without an address: none
	err       error         // why it cannot be shown before it is published again; else nil
}

// held is about what the card needs in memory, its key included.
func (c *card) held() int {
	return 512 + len(c.Key) + len(c.Title) + len(c.Summary) + len(c.Language) + len(c.Cover.URL) + len(c.Cover.Thumbnail) + len(c.Cover.Alt)
}

// renderCards renders a page that names the first of the galleries with those keys
// that can be shown, shortened to so many bytes as of [fit]. The error may be an
// [*incomplete].
func (p *Pages) renderCards(ctx context.Context, t *template.Template, most int, keys []string, content func(cards []card, part int) view) (*document, error) {
	cards, missing := p.loadCards(ctx, keys)
	d, err := fit(most, func(part int) (*document, error) { return p.render(t, content(shortCards(cards, part), part)) })
	if err == nil && missing != nil {
		return nil, &incomplete{d, len(cards), missing}
	}
	return d, err
}

// loadCards returns the first of the galleries with those keys that can be shown. The
// error is the reason why others could not be read this time.
func (p *Pages) loadCards(ctx context.Context, keys []string) (list []card, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.readTimeout)
	defer cancel()
	for _, key := range keys {
		if len(list) == p.most {
			break
		}
		c, failed := find(ctx, p, key, p.card)
		_, broken := errors.AsType[gallery.Problems](failed)
		switch {
		case failed == nil:
			list = append(list, *c)
		case !broken && !errors.Is(failed, edition.ErrGone) && !errors.Is(failed, edition.ErrUnknown):
			err = failed // one of them is enough for the log
		}
	}
	if err != nil && ctx.Err() == nil {
		p.log.Warn("galleries are left out of a page: check that NATS can be reached", "err", err)
	}
	return list, err
}

// card returns the card of a gallery that may be shown at now. The gallery is read once,
// even if it cannot be shown.
func (p *Pages) card(ctx context.Context, e *index.Entry, now time.Time) (*card, error) {
	c, err := p.cards.Load(ctx, p.keyOf(e, e.Phase(now)), func(ctx context.Context) (*card, error) {
		c, err := load(ctx, p, e, func(g *gallery.Gallery) (*card, error) {
			v := g.View(p.editions.Audience(), now)
			slides := slidesOf(&v, len(v.Slides))
			return &card{
				Key: gallery.Key(e.ID), Title: gallery.Excerpt(v.Title, maxHeadline), Summary: gallery.Excerpt(v.Summary, maxBlurb),
				Language: v.Language, Direction: v.Direction, Published: v.Published, Pictures: len(slides), Cover: coverOf(slides),
			}, nil
		})
		if _, broken := errors.AsType[gallery.Problems](err); broken {
			p.log.Error("a gallery is left out of pages: correct it and publish it again", "gallery", e.ID, "err", err)
			return &card{err: err}, nil
		}
		return c, err
	})
	if err != nil {
		return nil, err
	}
	return c, c.err
}

func keysOf(entries []*index.Entry) (keys []string) {
	for _, e := range entries {
		keys = append(keys, gallery.Key(e.ID))
	}
	return keys
}
