package app

import (
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gallerywire/gallerywire/internal/config"
	"github.com/gallerywire/gallerywire/internal/serve/status"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/gallerywire/gallerywire/internal/syndicate/partner"
)

// PartnersPath is where the operators' listener lists the partners: a list of
// [PartnerReport], in the order of the configuration.
const PartnersPath = "/partners.json"

// PartnerReport is a partner as an operator sees it: its part of the configuration, the
// state of its keys on this node, and its addresses. No key is in it.
type PartnerReport struct {
	Name           string              `json:"name"`
	Title          string              `json:"title"`
	Groups         []string            `json:"groups,omitempty"`
	Dialect        string              `json:"dialect"`
	Match          map[string][]string `json:"match,omitempty"` // the lists that are not empty
	Exclude        map[string][]string `json:"exclude,omitempty"`
	Items          int                 `json:"items"`
	Order          string              `json:"order"`
	Content        string              `json:"content"`
	Delay          string              `json:"delay,omitempty"` // durations as in the configuration; empty: none
	MaxAge         string              `json:"max_age,omitempty"`
	UnstatedRights string              `json:"unstated_rights"`
	LinkQuery      string              `json:"link_query,omitempty"`
	PathKeys       bool                `json:"path_keys"`
	Networks       []netip.Prefix      `json:"networks,omitempty"`
	PollEvery      string              `json:"poll_every,omitempty"`
	Keys           []partner.KeyState  `json:"keys"`
	Addresses      []string            `json:"addresses"`
}

// Partners reports the configured partners as they are now.
func (a *App) Partners() []PartnerReport {
	list := []PartnerReport{}
	for _, p := range a.opts.Config.Partners {
		list = append(list, PartnerReport{
			Name: p.Name, Title: p.Title, Groups: p.Groups, Dialect: p.Dialect,
			Match: lists(map[string][]string{
				"sections": p.Match.Sections, "tags": p.Match.Tags, "authors": p.Match.Authors, "languages": p.Match.Languages,
			}),
			Exclude: lists(map[string][]string{
				"sections": p.Exclude.Sections, "tags": p.Exclude.Tags, "authors": p.Exclude.Authors, "languages": p.Exclude.Languages,
				"sources": p.Exclude.Sources, "credits": p.Exclude.Credits,
			}),
			Items: p.Items, Order: p.Order, Content: p.Content,
			Delay: unlessZero(p.Delay), MaxAge: unlessZero(p.MaxAge), PollEvery: unlessZero(p.PollEvery),
			UnstatedRights: p.UnstatedRights, LinkQuery: p.LinkQuery,
			PathKeys: p.Access.PathKeys, Networks: p.Access.Networks,
			Keys: a.access.Keys(p.Name), Addresses: a.partnerAddresses(p.Name),
		})
	}
	return list
}

// partnerStates returns what reports the states of the partners; nil where there are none.
func (a *App) partnerStates(all *partners) func() []status.Partner {
	if len(a.opts.Config.Partners) == 0 {
		return nil
	}
	return func() (list []status.Partner) {
		for _, p := range a.opts.Config.Partners {
			poll := a.access.Poll(p.Name)
			list = append(list, status.Partner{
				Name: p.Name, Title: p.Title, Groups: p.Groups, Delay: unlessZero(p.Delay),
				Feed: status.FeedOf(all.partner(p.Name).States()[0]), Keys: a.access.Keys(p.Name),
				PollEvery: unlessZero(poll.Every), Polled: poll.Last, Silence: unlessZero(poll.Silence.Truncate(time.Second)),
			})
		}
		return list
	}
}

// lists drops the empty ones.
func lists(all map[string][]string) map[string][]string {
	maps.DeleteFunc(all, func(_ string, names []string) bool { return len(names) == 0 })
	return all
}

func unlessZero(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return config.FormatDuration(d)
}

// partnerAddresses are those of the partner's feed and of its list of changes.
func (a *App) partnerAddresses(name string) []string {
	base := a.baseURL + "/partners/" + url.PathEscape(name) + "/"
	var list []string
	for _, f := range feed.Formats() {
		list = append(list, base+"feed."+f.String())
	}
	return append(list, base+"changes.json")
}

func (a *App) servePartners(w http.ResponseWriter, _ *http.Request) { a.writeJSON(w, a.Partners()) }
