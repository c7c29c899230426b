package app

import (
	"net/http"

	"github.com/gallerywire/gallerywire/internal/serve/page"
	"github.com/gallerywire/gallerywire/internal/serve/web"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// partnerFeeds is what a partner reads at one of its addresses.
type partnerFeeds struct {
	*edition.Set
	name  string
	pages *page.Pages // the public's
}

// Page implements [web.PartnerFeeds].
func (f partnerFeeds) Page(w http.ResponseWriter, r *http.Request, ref edition.Ref) error {
	return f.pages.For(f.name, f.Set).Preview(w, r, ref)
}

// partnerFeeds returns what admits partners; nil where none are configured.
func (a *App) partnerFeeds(p *partners, pages *page.Pages) func(partner.Request) (web.PartnerFeeds, error) {
	if len(p.names) == 0 {
		return nil
	}
	return func(r partner.Request) (web.PartnerFeeds, error) {
		pass, err := a.access.Admit(r)
		if err != nil {
			return nil, err
		}
		set := p.at(pass)
		if set == nil { // its key has just ended
			return nil, partner.ErrUnknown
		}
		return partnerFeeds{set, pass.Partner, pages}, nil
	}
}
