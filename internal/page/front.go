package page

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

// maxNewest is how many galleries the front page names.
const maxNewest = 20

// front is the content of the front page.
type front struct {
	Feeds  []feedLine
	Newest []teaser
}

// feedLine is a feed as the front page names it.
type feedLine struct {
	siteFeed
	Galleries int
}

// teaser is a gallery as the front page names it.
type teaser struct {
	Key         string
	Title       string
	Language    string
	RightToLeft bool
	Published   time.Time
	Pictures    int
}

func (t teaser) size() int { return 256 + len(t.Key) + len(t.Title) + len(t.Language) }

func (p *Pages) front(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	newest, whole, err := p.newest(ctx)
	if err != nil {
		p.unavailable(w, r, err)
		return
	}
	d, err := p.render(p.templates.front, view{
		Description: p.site.Description,
		Canonical:   p.site.BaseURL + "/",
		Content:     front{Feeds: p.feedLines(), Newest: newest},
	})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	caching := p.caching
	if !whole {
		caching = "no-cache"
	}
	serve(w, r, d, caching)
}

func (p *Pages) feedLines() []feedLine {
	lines := make([]feedLine, len(p.site.Feeds))
	for i, f := range p.site.Feeds {
		lines[i] = feedLine{siteFeed: f, Galleries: p.shelf.Len(f.Name)}
	}
	return lines
}

// newest returns the newest galleries of the first feed. One that can not be
// read is left out, and then the list is not whole.
func (p *Pages) newest(ctx context.Context) (list []teaser, whole bool, err error) {
	if len(p.site.Feeds) == 0 {
		return nil, true, nil
	}
	e, err := p.shelf.Current(ctx, p.site.Feeds[0].Name)
	if err != nil {
		return nil, false, err
	}
	var failed error
	for _, m := range e.Members[:min(len(e.Members), maxNewest)] {
		t, err := p.teaser(ctx, gallery.Key(m.ID))
		switch {
		case err == nil:
			list = append(list, t)
		case !errors.Is(err, errGone) && !errors.Is(err, errUnknown):
			failed = err // one of them is enough for the log
		}
	}
	if failed != nil && ctx.Err() == nil {
		p.log.Warn("galleries are left out of the front page", "err", failed)
	}
	return list, failed == nil && !e.Cut, nil
}

// teaser returns the gallery with that key as the front page names it. The
// error is as of find.
func (p *Pages) teaser(ctx context.Context, key string) (teaser, error) {
	var t teaser
	err := p.find(ctx, key, func(e *catalogue.Entry, now time.Time) (err error) {
		t, err = p.teaserOf(ctx, e, now)
		return err
	})
	return t, err
}

func (p *Pages) teaserOf(ctx context.Context, e *catalogue.Entry, now time.Time) (teaser, error) {
	key := keyOf(e, e.Phase(now))
	if t, ok := p.teasers.get(key); ok {
		return t, nil
	}
	g, err := p.catalogue.Load(ctx, e)
	if err != nil {
		return teaser{}, err
	}
	t := teaser{
		Key:         gallery.Key(e.ID),
		Title:       gallery.Line(g.Title),
		Language:    g.Language,
		RightToLeft: gallery.Direction(g.Language, g.Title, g.Summary) == "rtl",
		Published:   g.Published,
		Pictures:    len(g.SlidesAt(now)),
	}
	p.teasers.add(key, t)
	return t, nil
}
