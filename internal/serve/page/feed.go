package page

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// feedPage is the content of the page of a feed.
type feedPage struct {
	Kind      string // what sort of feed it is
	Title     string
	Addresses []edition.Address
	Opened    string    // the format whose address was opened
	Changed   time.Time // zero: never, or not known
	Galleries int       // in the whole feed
	Newest    []card
	Gallery   *feedGallery // whose feed it is; nil: it has several
	Current   string       // from a page of an archive: the feed
	List      string       // the page of all its galleries; empty: none
}

// feedGallery is a gallery as the page of its feed shows it: its first slides, which are
// only named.
type feedGallery struct {
	Key       string
	Language  string
	Direction string
	Slides    []slide
}

// Feed answers a browser that opened the address of a feed with a page about it,
// which no cache keeps. It reports whether it did: the caller answers for a feed that has
// moved or has another name. The page links to the feed itself with the query "raw"; the
// caller must not call Feed for that.
func (p *Pages) Feed(w http.ResponseWriter, r *http.Request, ref edition.Ref) bool {
	// The feed at the same address is compressed for clients that accept it.
	w.Header().Set("Vary", "Accept-Encoding, Sec-Fetch-Dest")
	format := strings.TrimPrefix(path.Ext(r.URL.Path), ".")
	var d *document
	var err error
	if ref.Kind == edition.Gallery {
		d, err = p.slideFeedPage(r.Context(), ref, format)
	} else {
		d, err = p.feedPage(r.Context(), ref, format)
	}
	_, moved := errors.AsType[*edition.Moved](err)
	_, meant := errors.AsType[*edition.Meant](err)
	if moved || meant {
		w.Header().Del("Vary")
		return false
	}
	if part, ok := errors.AsType[*incomplete](err); ok {
		d, err = part.page, nil // its addresses alone are worth showing
	}
	if err != nil {
		p.fail(w, r, err)
	} else {
		serveOnce(w, r, http.StatusOK, d)
	}
	return true
}

// feedPage returns the page of a feed of several galleries, or of a page of its archive;
// opened is the format of the opened address. The error may be an [*incomplete].
func (p *Pages) feedPage(ctx context.Context, ref edition.Ref, opened string) (*document, error) {
	generation := p.overviewAt(p.now()).generation // before the edition, which may be newer
	e, err := p.editions.Edition(ctx, ref)
	if err != nil {
		return nil, err
	}
	key := documentKey{feed: ref, opened: opened, generation: generation, etag: e.Documents[0].ETag, fallback: e.Fallback}
	return p.document(ctx, key, func(ctx context.Context) (*document, error) { return p.renderFeed(ctx, e, ref, opened) })
}

// renderFeed is feedPage of an edition.
func (p *Pages) renderFeed(ctx context.Context, e *edition.Edition, ref edition.Ref, opened string) (*document, error) {
	whole := edition.Ref{Kind: ref.Kind, Name: ref.Name}
	f := feedPage{
		Title:     gallery.Excerpt(gallery.Line(e.Title()), maxHeadline),
		Addresses: p.editions.Addresses(ref),
		Opened:    opened,
		Changed:   e.Touched,
	}
	f.Kind, _ = kindNames(ref.Kind)
	switch ref.Kind {
	case edition.Partner:
		f.Galleries = p.editions.Len(ref.Name)
	case edition.Feed:
		f.Galleries, f.List = p.editions.Len(ref.Name), p.listLink(whole)
	default:
		name, _ := p.index.Lookup(ref.Kind.Facet(), ref.Name, p.now())
		f.Galleries, f.List = name.Galleries, p.listLink(whole)
	}
	if ref.Page != "" {
		f.Current = p.local(p.editions.Addresses(whole)[0].URL)
	}
	var keys []string
	for _, m := range first(e.Galleries(), p.most) {
		keys = append(keys, gallery.Key(m.ID))
	}
	return p.renderCards(ctx, p.templates.feed, maxPage*p.most/maxCards, keys, func(cards []card, _ int) view {
		f.Newest = cards
		return f.view()
	})
}

// slideFeedPage returns the page of the feed of a gallery; opened is as for feedPage.
func (p *Pages) slideFeedPage(ctx context.Context, ref edition.Ref, opened string) (*document, error) {
	return p.galleryDocument(ctx, ref.Name, documentKey{feed: ref, opened: opened}, func(g *gallery.Gallery, now time.Time) (*document, error) {
		v := g.View(p.editions.Audience(), now)
		feed := p.slideFeed(v.Title, ref.Name)
		f := feedPage{Title: feed.Title, Addresses: feed.Addresses, Opened: opened}
		f.Kind, _ = kindNames(ref.Kind)
		slides := slidesOf(&v, maxCards)
		return fit(maxPage, func(part int) (*document, error) {
			f.Gallery = &feedGallery{Key: ref.Name, Language: v.Language, Direction: v.Direction, Slides: shortSlides(slides, part)}
			return p.render(p.templates.feed, f.view())
		})
	})
}

// view shows f to one person, so it has no preview and no canonical address.
func (f feedPage) view() view {
	return view{Title: f.Title, Own: &siteFeed{Title: f.Title, Addresses: f.Addresses}, Content: f}
}
