package page

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// front is the content of the front page.
type front struct {
	Feeds    []feedLine
	Newest   []card
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

// front answers with the newest of all galleries, and what they are about. No feed is
// asked, so one that cannot be served hides nothing.
func (p *Pages) front(w http.ResponseWriter, r *http.Request) {
	if !p.ready(w, r) {
		return
	}
	o := p.overviewAt(p.now())
	d, err := p.document(r.Context(), documentKey{generation: o.generation}, func(ctx context.Context) (*document, error) {
		f := front{Sections: o.sections, Tags: o.tags}
		for _, feed := range p.site.Feeds {
			f.Feeds = append(f.Feeds, feedLine{
				siteFeed: feed, Link: p.listLink(edition.Ref{Kind: edition.Feed, Name: feed.Name}),
				Galleries: p.editions.Len(feed.Name), Changed: p.editions.Touched(feed.Name),
			})
		}
		most := maxPage + perFeed*max(0, len(f.Feeds)-maxDiscovered)
		return p.renderCards(ctx, p.templates.front, most, o.keys, func(cards []card, part int) view {
			f.Newest = cards
			f.Sections, f.Tags = shortTopics(o.sections, part), shortTopics(o.tags, part)
			return view{Description: p.site.Description, Canonical: p.site.BaseURL + "/", Preview: preview{Type: "website"}, Content: f}
		})
	})
	p.answer(w, r, d, err)
}

// maxCounted is how many of the newest galleries decide which topics are common: so
// many that nearly every section is among them, and that counting them, once a
// change, costs about as much as rendering the page.
const maxCounted = 1000

// overview is what the front page shows of all galleries, whatever feeds there
// are. It is immutable.
type overview struct {
	generation uint64   // see index.Selection.Fresh
	keys       []string // of the newest galleries, some more than a page names
	sections   []topic
	tags       []topic
}

// overviewAt returns what is so at now. It reads memory only.
func (p *Pages) overviewAt(now time.Time) *overview {
	if o := p.overview.Load(); o != nil && p.everything.Fresh(o.generation, now) {
		return o
	}
	v := p.everything.View(maxCounted, now)
	o := &overview{
		generation: v.Generation,
		keys:       keysOf(first(v.Entries, 2*maxCards)),
		sections:   p.commonest(edition.Section, maxSections, v.Entries),
		tags:       p.commonest(edition.Tag, maxTags, v.Entries),
	}
	p.overview.Store(o)
	return o
}

// commonest returns at most n of what the galleries have of that kind, the commonest
// first. What it costs follows these galleries, not how many names there are.
func (p *Pages) commonest(kind edition.Kind, n int, among []*index.Entry) (list []topic) {
	counts := map[string]int{} // by folded name
	for _, e := range among {
		for _, f := range e.Facets {
			if name := f.Value(); name.Kind == kind.Facet() {
				counts[name.Fold]++
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	for _, folded := range first(names, n) {
		if t, ok := p.topic(kind, gallery.Slug(folded)); ok {
			list = append(list, t)
		}
	}
	return list
}
