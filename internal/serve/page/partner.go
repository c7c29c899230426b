package page

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
)

// maxPreviewed is how many galleries of a partner's feed its page names.
const maxPreviewed = 100

// For returns the pages of a partner with that name: the galleries of its feed, as it sees
// them, at the address of editions. They share with p what is kept and limited.
func (p *Pages) For(partner string, editions *edition.Set) *Pages {
	s := p.site
	s.Home, s.Partner, s.Feeds = s.Root+editions.Base(), partner, nil
	s.Keyed = strings.Contains(editions.Base(), "/~")
	return &Pages{
		editions: editions, index: p.index, read: p.read, now: p.now, log: p.log,
		caching: "private, no-cache", site: s, templates: p.templates,
		limiter: p.limiter, documents: p.documents, lookups: p.lookups, cards: p.cards,
		readTimeout: p.readTimeout, most: maxPreviewed,
	}
}

// Preview answers GET and HEAD of the page of the partner's feed, or of a gallery in it.
// An error is returned before anything is written: edition.ErrUnknown, or the reason why
// the page is not available.
func (p *Pages) Preview(w http.ResponseWriter, r *http.Request, ref edition.Ref) error {
	d, err := p.preview(r.Context(), ref)
	if part, ok := errors.AsType[*incomplete](err); ok {
		d, err = part.page, nil // its addresses alone are worth showing
	}
	if err == nil {
		serve(w, r, d, p.caching)
	}
	return err
}

func (p *Pages) preview(ctx context.Context, ref edition.Ref) (*document, error) {
	if ref.Kind == edition.Gallery {
		return p.galleryPage(ctx, ref.Name)
	}
	e, err := p.editions.Edition(ctx, ref)
	if err != nil {
		return nil, err
	}
	return p.renderFeed(ctx, e, ref, "")
}
