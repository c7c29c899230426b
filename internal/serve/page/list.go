package page

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// allPath is the address of the list of all galleries.
const allPath = "/galleries"

// listPage is the content of a part of a list of galleries, twenty of them.
type listPage struct {
	Kind      string // what the feed is of; empty: nothing, or it is configured
	Title     string
	Feed      *siteFeed // nil: there is none of all galleries
	Galleries int       // in the whole list
	Newest    []card
	Choices   []topic // instead of galleries: the lists that the address may mean
	Newer     string  // the address of the part above; empty: this is the first
	Older     string  // of the part below; empty: this is the last
}

// list is a list of galleries in the order of publication, newest first.
type list struct {
	ref   edition.Ref // of its feed; the zero value: of all galleries
	title string
	at    string // its absolute address
	all   *index.Selection
}

// List answers GET and HEAD of the list of all galleries of a feed, newest first.
func (p *Pages) List(w http.ResponseWriter, r *http.Request, ref edition.Ref) {
	title, all, err := p.editions.History(r.Context(), ref)
	if moved, ok := errors.AsType[*edition.Moved](err); ok {
		p.redirect(w, r, moved.To, http.StatusMovedPermanently)
		return
	}
	if meant, ok := errors.AsType[*edition.Meant](err); ok && len(meant.To) == 1 {
		p.redirect(w, r, meant.To[0], http.StatusFound)
		return
	} else if ok {
		p.choices(w, r, meant.To)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.list(w, r, list{ref: ref, title: gallery.Excerpt(gallery.Line(title), maxHeadline), at: p.editions.Page(ref), all: all})
}

// choices answers with the lists that an address may mean.
func (p *Pages) choices(w http.ResponseWriter, r *http.Request, among []edition.Ref) {
	l := listPage{Title: "Which one?"}
	for _, ref := range first(among, maxTags) {
		if t, ok := p.topic(ref.Kind, ref.Name); ok {
			l.Choices = append(l.Choices, t)
		}
	}
	d, err := p.render(p.templates.list, view{Title: l.Title, Content: l})
	if err != nil {
		p.fail(w, r, err)
		return
	}
	serveOnce(w, r, http.StatusMultipleChoices, d)
}

// redirect redirects to the list of another feed, at the same place in it.
func (p *Pages) redirect(w http.ResponseWriter, r *http.Request, ref edition.Ref, status int) {
	to := p.editions.Page(ref)
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Cache-Control", p.caching)
	http.Redirect(w, r, to, status)
}

// list answers with the part of a list below the place that the query's "before" names, as
// of [index.List].
func (p *Pages) list(w http.ResponseWriter, r *http.Request, of list) {
	if !p.ready(w, r) {
		return
	}
	part, ok := of.all.List(r.URL.Query().Get("before"), maxCards, p.now())
	if !ok {
		p.answerMessage(w, r, http.StatusBadRequest, message{
			Heading: "No such place",
			Text:    "The address does not name a place in the list: “before” has to be copied from a link of the list.",
		})
		return
	}
	d, err := p.document(r.Context(), documentKey{feed: of.ref, list: of.hash(part)}, func(ctx context.Context) (*document, error) {
		return p.listPage(ctx, of, part)
	})
	p.answer(w, r, d, err)
}

// hash identifies all that a part of a list shows. So there are no more cached parts than
// galleries, whatever places clients request.
func (l list) hash(part index.List) (sum [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q\n", l.title, part.Place, part.Newer, part.Older)
	if part.Place == "" {
		fmt.Fprintln(h, part.All)
	}
	for _, e := range part.Entries {
		fmt.Fprintf(h, "%q %x %d\n", e.ID, e.Rank.Hash, e.Phase(part.At))
	}
	h.Sum(sum[:0])
	return sum
}

// address is that of the part of the list below a place.
func (l list) address(place string) string {
	if place == "" {
		return l.at
	}
	return l.at + "?before=" + url.QueryEscape(place)
}

// listPage shows a part of a list. The error may be an [*incomplete].
func (p *Pages) listPage(ctx context.Context, of list, part index.List) (*document, error) {
	l := listPage{Title: of.title}
	heading, description := of.title, of.title
	if p.site.Description != "" {
		description += ": " + p.site.Description
	}
	if of.ref.Kind != "" {
		l.Feed = &siteFeed{Title: of.title, Addresses: p.editions.Addresses(of.ref)}
		_, l.Kind = kindNames(of.ref.Kind)
	}
	if part.Place != "" && len(part.Entries) > 0 {
		heading += " · " + part.Entries[0].Published().Format(time.DateOnly)
	}
	if part.Place == "" {
		l.Galleries = part.All
	} else {
		l.Newer = p.local(of.address(part.Newer))
	}
	if part.Older != "" {
		l.Older = p.local(of.address(part.Older))
	}
	return p.renderCards(ctx, p.templates.list, maxPage, keysOf(part.Entries), func(cards []card, _ int) view {
		l.Newest = cards
		return view{
			Title: heading, Description: description, Canonical: of.address(part.Place),
			Own: l.Feed, Preview: preview{Type: "website"}, Content: l,
		}
	})
}

// kindNames are the names of a kind of feed, and of what such feeds choose by; the latter is
// empty for configured feeds and those of galleries.
func kindNames(k edition.Kind) (feed, choice string) {
	switch k {
	case edition.Section:
		return "Feed of a section", "Section"
	case edition.Tag:
		return "Feed of a tag", "Tag"
	case edition.Author:
		return "Feed of an author", "Author"
	case edition.Gallery:
		return "Feed of a gallery", ""
	case edition.Partner:
		return "Feed for a partner", ""
	}
	return "Feed", ""
}
