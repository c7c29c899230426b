package page

import (
	"context"
	"errors"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/catalogue"
	"github.com/gallerywire/gallerywire/internal/edition"
	"github.com/gallerywire/gallerywire/internal/gallery"
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
}

// Feed answers a person who opened the address of a feed with a page about it,
// which is for that person alone. It reports whether it did: a feed that has
// moved is left to the caller. The page leads to the feed itself by the query
// "raw", with which the caller is not to call it.
func (p *Pages) Feed(w http.ResponseWriter, r *http.Request, ref edition.Ref) bool {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	// The feed at the same address is compressed for who takes that.
	w.Header().Set("Vary", "Accept-Encoding, Sec-Fetch-Dest")
	f, err := p.feedPage(ctx, ref)
	if _, moved := errors.AsType[*edition.Moved](err); moved {
		w.Header().Del("Vary")
		return false
	}
	if err != nil {
		p.fail(w, r, err)
		return true
	}
	f.Opened = strings.TrimPrefix(path.Ext(r.URL.Path), ".")
	d, err := fit(maxPage, func(part int) (*document, error) {
		return p.render(p.templates.feed, view{
			Title: f.Title,
			Own:   &siteFeed{Title: f.Title, Addresses: f.Addresses},
			// It is read by nobody else: no card, no home of its own.
			Content: f.short(part),
		})
	})
	if err != nil {
		p.fail(w, r, err)
		return true
	}
	serveOnce(w, r, http.StatusOK, d)
	return true
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

// feedPage returns what there is to say of a feed. The error is errUnknown,
// errGone, an *edition.Moved, or says why it is not available.
func (p *Pages) feedPage(ctx context.Context, ref edition.Ref) (feedPage, error) {
	if ref.Kind == edition.Gallery {
		return p.slideFeedPage(ctx, ref)
	}
	e, err := p.shelf.Edition(ctx, ref)
	switch {
	case errors.Is(err, edition.ErrUnknown):
		return feedPage{}, errUnknown
	case errors.Is(err, edition.ErrGone):
		return feedPage{}, errGone
	case err != nil:
		return feedPage{}, err
	}
	f := feedPage{
		Kind:      kindName(ref.Kind),
		Title:     clip(gallery.Line(e.Title()), maxHeadline),
		Addresses: p.shelf.Addresses(ref),
		Changed:   e.Touched,
		Galleries: p.holds(ref),
	}
	var keys []string
	for _, m := range first(e.Galleries(), maxNewest) {
		keys = append(keys, gallery.Key(m.ID))
	}
	f.Newest, _ = p.newest(ctx, keys) // those that can be read are worth showing
	if ref.Page != "" {
		ref.Page = ""
		f.Current = p.feedLink(ref)
	}
	return f, nil
}

// holds is how many galleries a feed has.
func (p *Pages) holds(ref edition.Ref) int {
	if ref.Kind == edition.Feed {
		return p.shelf.Len(ref.Name)
	}
	name, _ := p.catalogue.Lookup(facetOf(ref.Kind), ref.Name)
	return name.Galleries
}

// slideFeedPage returns what there is to say of the feed of a gallery.
func (p *Pages) slideFeedPage(ctx context.Context, ref edition.Ref) (feedPage, error) {
	var s *strip
	err := p.find(ctx, ref.Name, func(e *catalogue.Entry, now time.Time) (err error) {
		s, err = p.stripOf(ctx, e, now)
		return err
	})
	if err != nil {
		return feedPage{}, err
	}
	feed := p.slideFeed(s.Title, ref.Name)
	return feedPage{Kind: kindName(ref.Kind), Title: feed.Title, Addresses: feed.Addresses, Strip: s, Key: ref.Name}, nil
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
