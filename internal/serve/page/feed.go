package page

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/store/index"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// feedPage is the content of the page of a feed.
type feedPage struct {
	Kind      string // what sort of feed it is
	Title     string
	Addresses []edition.Address
	Opened    string    // the format whose address was opened
	Changed   time.Time // zero: never, or not said
	Galleries int       // in the whole feed
	Newest    []teaser
	Strip     *strip // of a gallery's feed, which shows no others
	Key       string // of that gallery
	Current   string // from a page of an archive: the feed
	List      string // the page of all its galleries; empty: none
}

// Feed answers a person who opened the address of a feed with a page about it,
// which is for that person alone. It reports whether it did: a feed that has
// moved, or that has another name, is left to the caller. The page leads to the feed
// itself by the query "raw", with which the caller is not to call it.
func (p *Pages) Feed(w http.ResponseWriter, r *http.Request, ref edition.Ref) bool {
	// The feed at the same address is compressed for who takes that.
	w.Header().Set("Vary", "Accept-Encoding, Sec-Fetch-Dest")
	d, err := p.feedDocument(r.Context(), ref, strings.TrimPrefix(path.Ext(r.URL.Path), "."))
	_, moved := errors.AsType[*edition.Moved](err)
	_, meant := errors.AsType[*edition.Meant](err)
	if moved || meant {
		w.Header().Del("Vary")
		return false
	}
	if part, ok := errors.AsType[*partial](err); ok {
		d, err = part.page, nil
	}
	if err != nil {
		p.fail(w, r, err)
		return true
	}
	serveOnce(w, r, http.StatusOK, d)
	return true
}

// feedDocument returns the page of a feed of which the address in that format was
// opened. The error is errUnknown, errGone, an *edition.Moved or *edition.Meant, a *partial, or says
// why it is not available.
func (p *Pages) feedDocument(ctx context.Context, ref edition.Ref, opened string) (d *document, err error) {
	if ref.Kind == edition.Gallery {
		err = p.find(ctx, ref.Name, func(e *index.Entry, now time.Time) (err error) {
			key := documentKey{gallery: keyOf(e, e.Phase(now)), feed: ref, opened: opened}
			d, err = p.document(ctx, key, func(ctx context.Context) (*document, error) {
				return p.slideFeedPage(ctx, e, ref, opened, now)
			})
			return err
		})
		return d, err
	}
	generation := p.recent(p.now()).generation // before the edition, which may be newer
	e, err := p.editions.Edition(ctx, ref)
	_, meant := errors.AsType[*edition.Meant](err)
	switch {
	case meant:
		return nil, err
	case errors.Is(err, edition.ErrUnknown):
		return nil, errUnknown
	case errors.Is(err, edition.ErrGone):
		return nil, errGone
	case err != nil:
		return nil, err
	}
	key := documentKey{feed: ref, opened: opened, generation: generation, etag: e.Documents[0].ETag, cut: e.Cut}
	return p.document(ctx, key, func(ctx context.Context) (*document, error) { return p.feedPage(ctx, ref, opened, e) })
}

func (p *Pages) renderFeed(f feedPage) (*document, error) {
	return fit(maxPage, func(part int) (*document, error) {
		return p.render(p.templates.feed, view{
			Title: f.Title,
			Own:   &siteFeed{Title: f.Title, Addresses: f.Addresses},
			// It is read by nobody else: no card, no home of its own.
			Content: f.short(part),
		})
	})
}

// short returns f with that part of its texts, as of fit.
func (f feedPage) short(part int) feedPage {
	f.Newest = shortTeasers(f.Newest, part)
	if f.Strip != nil {
		s := *f.Strip
		s.Slides = shortSlides(s.Slides, part)
		f.Strip = &s
	}
	return f
}

// feedPage returns the page of a feed that has that edition. The error may be a
// [*partial].
func (p *Pages) feedPage(ctx context.Context, ref edition.Ref, opened string, e *edition.Edition) (*document, error) {
	f := feedPage{
		Kind:      kindName(ref.Kind),
		Title:     clip(gallery.Line(e.Title()), maxHeadline),
		Addresses: p.editions.Addresses(ref),
		Opened:    opened,
		Changed:   e.Touched,
		Galleries: p.holds(ref),
	}
	var keys []string
	for _, m := range first(e.Galleries(), maxNewest) {
		keys = append(keys, gallery.Key(m.ID))
	}
	var missing error
	f.Newest, missing = p.newest(ctx, keys) // those that can be read are worth showing
	f.List = p.listLink(edition.Ref{Kind: ref.Kind, Name: ref.Name})
	if ref.Page != "" {
		ref.Page = ""
		f.Current = p.local(p.editions.Addresses(ref)[0].URL)
	}
	d, err := p.renderFeed(f)
	if err == nil && missing != nil {
		return nil, &partial{d, missing}
	}
	return d, err
}

// holds is how many galleries a feed has.
func (p *Pages) holds(ref edition.Ref) int {
	if ref.Kind == edition.Feed {
		return p.editions.Len(ref.Name)
	}
	name, _ := p.index.Lookup(facetOf(ref.Kind), ref.Name, p.now())
	return name.Galleries
}

// slideFeedPage returns the page of the feed of a gallery that may be shown at now.
func (p *Pages) slideFeedPage(ctx context.Context, e *index.Entry, ref edition.Ref, opened string, now time.Time) (d *document, err error) {
	err = p.load(ctx, e, func(g *gallery.Gallery) (err error) {
		s := newStrip(g, now)
		feed := p.slideFeed(s.Title, ref.Name)
		d, err = p.renderFeed(feedPage{
			Kind: kindName(ref.Kind), Title: feed.Title, Addresses: feed.Addresses, Opened: opened, Strip: s, Key: ref.Name,
		})
		return err
	})
	return d, err
}

// kindName is what people call a kind of feed.
func kindName(k edition.Kind) string {
	switch k {
	case edition.Section:
		return "Feed of a section"
	case edition.Tag:
		return "Feed of a tag"
	case edition.Author:
		return "Feed of an author"
	case edition.Gallery:
		return "Feed of a gallery"
	}
	return "Feed"
}
