package page

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gallerywire/gallerywire/internal/edition"
)

// front is the content of the front page.
type front struct {
	Feeds    []feedLine
	Newest   []teaser
	Sections []topic
	Tags     []topic
}

// feedLine is a feed as the front page names it.
type feedLine struct {
	siteFeed
	Link      string // to its page
	Galleries int
	Changed   time.Time // zero: never
}

func (p *Pages) front(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	f, whole, err := p.frontOf(ctx)
	if err != nil {
		p.unavailable(w, r, err)
		return
	}
	most := maxPage + perFeed*max(0, len(f.Feeds)-maxDiscovered)
	d, err := fit(most, func(part int) (*document, error) {
		return p.render(p.templates.front, view{
			Description: p.site.Description,
			Canonical:   p.site.BaseURL + "/",
			Card:        card{Type: "website"},
			Content:     f.short(part),
		})
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

// frontOf returns what the front page shows: the newest of all galleries, and what
// they are about. No feed is asked, so one that can not be served hides nothing.
func (p *Pages) frontOf(ctx context.Context) (f front, whole bool, err error) {
	if err := p.catalogue.Ready(); err != nil {
		return front{}, false, fmt.Errorf("list galleries: %w", err)
	}
	r := p.recent(p.now())
	f = front{Feeds: p.feedLines(), Sections: r.sections, Tags: r.tags}
	f.Newest, err = p.newest(ctx, r.keys)
	if err != nil && len(f.Newest) == 0 {
		return front{}, false, err
	}
	return f, err == nil, nil
}

// short returns f with that part of its texts, as of fit.
func (f front) short(part int) front {
	f.Newest = shortTeasers(f.Newest, part)
	f.Sections, f.Tags = shortTopics(f.Sections, part), shortTopics(f.Tags, part)
	return f
}

func (p *Pages) feedLines() []feedLine {
	lines := make([]feedLine, len(p.site.Feeds))
	for i, f := range p.site.Feeds {
		lines[i] = feedLine{
			siteFeed: f, Link: p.feedLink(edition.Ref{Kind: edition.Feed, Name: f.Name}),
			Galleries: p.shelf.Len(f.Name), Changed: p.shelf.Touched(f.Name),
		}
	}
	return lines
}
