package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Limits of partners.
const (
	maxDelay     = 365 * 24 * time.Hour
	maxMaxAge    = 100 * 365 * 24 * time.Hour
	maxPollEvery = 365 * 24 * time.Hour
	maxLinkQuery = 500
)

// checkPartners leaves the content of the files with keys to the package partner.
func (c Config) checkPartners(r Report) {
	taken := map[string]string{}
	for i, p := range c.Partners {
		path := fmt.Sprintf("partners[%d]", i)
		checkLabel(path+".name", p.Name, taken, r)
		if p.Name == gallery.Public {
			r(path+".name", fmt.Sprintf("%q is reserved, because in rights it means everybody who reads the public feeds: choose another", p.Name))
		}
		for j, group := range p.Groups {
			c.checkGroup(fmt.Sprintf("%s.groups[%d]", path, j), group, r)
		}
		p.check(path, r)
		p.Access.check(path+".access", r)
	}
}

// checkGroup rejects names that have another meaning in rights.
func (c Config) checkGroup(path, group string, r Report) {
	switch {
	case !label.MatchString(group):
		r(path, "is not a name: write 1 to 64 of a-z, 0-9, _ and -")
	case group == gallery.Public:
		r(path, fmt.Sprintf("%q is reserved, because in rights it means everybody who reads the public feeds: choose another", group))
	default:
		if i := slices.IndexFunc(c.Partners, func(p Partner) bool { return p.Name == group }); i >= 0 {
			r(path, fmt.Sprintf("%q is already partners[%d].name, so rights could not name one of them: choose another", group, i))
		}
	}
}

func (p Partner) check(path string, r Report) {
	checkOneOf(path+".dialect", p.Dialect, []string{"standard"}, r)
	checkRange(path+".items", p.Items, 1, maxItems, r)
	checkOneOf(path+".order", p.Order, orders(), r)
	checkOneOf(path+".content", p.Content, []string{"full", "summary"}, r)
	for _, list := range p.names() {
		checkFilled(path+"."+list.key, list.names, r)
	}
	for key, tags := range map[string][]string{"match": p.Match.Languages, "exclude": p.Exclude.Languages} {
		for i, tag := range tags {
			checkLanguage(fmt.Sprintf("%s.%s.languages[%d]", path, key, i), tag, r)
		}
	}
	checkTime(path+".delay", p.Delay, 0, maxDelay, r)
	checkTime(path+".max_age", p.MaxAge, 0, maxMaxAge, r)
	if p.MaxAge > 0 && p.MaxAge <= p.Delay {
		r(path+".max_age", fmt.Sprintf("%s is not longer than the delay, which is %s, so no gallery would ever be shown: raise it, or write 0s for no limit", FormatDuration(p.MaxAge), FormatDuration(p.Delay)), path+".delay")
	}
	checkOneOf(path+".unstated_rights", p.UnstatedRights, []string{"allow", "deny"}, r)
	if !isQuery(p.LinkQuery) {
		r(path+".link_query", fmt.Sprintf("%q is not a query: write one such as utm_source=msn, without ? before it, and with %%-escapes", p.LinkQuery))
	}
	checkTime(path+".poll_every", p.PollEvery, 0, maxPollEvery, r)
}

// names are the lists of names by key. Languages, which are tags, are not among them.
func (p Partner) names() []namedList {
	return []namedList{
		{"match.sections", p.Match.Sections}, {"match.tags", p.Match.Tags}, {"match.authors", p.Match.Authors},
		{"exclude.sections", p.Exclude.Sections}, {"exclude.tags", p.Exclude.Tags}, {"exclude.authors", p.Exclude.Authors},
		{"exclude.sources", p.Exclude.Sources}, {"exclude.credits", p.Exclude.Credits},
	}
}

type namedList struct {
	key   string
	names []string
}

// isQuery reports whether text can follow the ? or & of an address. RFC 3986, section 3.4.
func isQuery(text string) bool {
	_, err := url.ParseQuery(text)
	strange := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("#\"<>\\^`{|}[]", r) }
	return err == nil && len(text) <= maxLinkQuery && !strings.ContainsFunc(text, strange) && strings.Trim(text, "?&") == text
}

func (a Access) check(path string, r Report) {
	taken := map[string]string{}
	for i, k := range a.Keys {
		at := fmt.Sprintf("%s.keys[%d]", path, i)
		checkLabel(at+".name", k.Name, taken, r)
		if k.SecretFile == "" {
			r(at+".secret_file", "is missing: name a file with the key, as \"gallerywire partners key\" makes one")
		}
		if !k.Until.IsZero() && !k.From.Before(k.Until) {
			r(at+".until", fmt.Sprintf("%s is not after from, which is %s, so the key would never be good: write a later instant", k.Until.Format(time.RFC3339), k.From.Format(time.RFC3339)), at+".from")
		}
	}
}
