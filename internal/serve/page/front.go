package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
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
	if err := p.index.Ready(); err != nil {
		p.unavailable(w, r, fmt.Errorf("list galleries: %w", err))
		return
	}
	lately := p.recent(p.now())
	d, err := p.document(r.Context(), documentKey{generation: lately.generation}, func(ctx context.Context) (*document, error) {
		return p.frontPage(ctx, lately)
	})
	if part, ok := errors.AsType[*partial](err); ok {
		serve(w, r, part.page, "no-cache")
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	serve(w, r, d, p.caching)
}

// partial means that not all of a page could be read. It is shown, and not kept.
type partial struct {
	page  *document
	cause error
}

func (e *partial) Error() string { return "a part of the page can not be read: " + e.cause.Error() }

// frontPage shows the newest of all galleries, and what they are about. No feed is
// asked, so one that can not be served hides nothing. The error may be a [*partial].
func (p *Pages) frontPage(ctx context.Context, lately *recent) (*document, error) {
	f := front{Feeds: p.feedLines(), Sections: lately.sections, Tags: lately.tags}
	newest, missing := p.newest(ctx, lately.keys)
	if missing != nil && len(newest) == 0 {
		return nil, missing
	}
	f.Newest = newest
	most := maxPage + perFeed*max(0, len(f.Feeds)-maxDiscovered)
	d, err := fit(most, func(part int) (*document, error) {
		return p.render(p.templates.front, view{
			Description: p.site.Description,
			Canonical:   p.site.BaseURL + "/",
			Card:        card{Type: "website"},
			Content:     f.short(part),
		})
	})
	if err == nil && missing != nil {
		return nil, &partial{d, missing}
	}
	return d, err
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
			siteFeed: f, Link: p.listLink(edition.Ref{Kind: edition.Feed, Name: f.Name}),
			Galleries: p.editions.Len(f.Name), Changed: p.editions.Touched(f.Name),
		}
	}
	return lines
}
