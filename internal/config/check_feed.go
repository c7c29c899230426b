package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

var feedName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

func checkFeeds(feeds []Feed, r Report) {
	if len(feeds) == 0 {
		r("feeds", "is empty, so there is nothing to serve: write a feed, or remove the key for one feed of all galleries")
	}
	taken := map[string]string{}
	for i, f := range feeds {
		path := fmt.Sprintf("feeds[%d]", i)
		checkName(path+".name", f.Name, taken, r)
		for j, alias := range f.Aliases {
			checkName(fmt.Sprintf("%s.aliases[%d]", path, j), alias, taken, r)
		}
		f.check(path, r)
	}
}

// checkName rejects a name in taken, and adds the name with its path.
func checkName(path, name string, taken map[string]string, r Report) {
	if !feedName.MatchString(name) {
		r(path, fmt.Sprintf("%q is not a feed name: write 1 to 64 of a-z, 0-9, _ and -, first a letter or digit", name))
		return
	}
	if first, ok := taken[name]; ok {
		r(path, fmt.Sprintf("%q is already the address of %s: choose another", name, first))
		return
	}
	taken[name] = path
}

// Limits of what a feed shows and keeps.
const (
	maxItems    = 1000
	maxCache    = 100_000
	minPage     = 10
	maxPage     = 1000
	maxKeep     = 365 * 24 * time.Hour
	minGallery  = 16 << 10
	maxGallery  = 16 << 20
	maxDocument = 64 << 20
)

func orders() []string { return []string{"published", "updated"} }

func (f Feed) check(path string, r Report) {
	checkRange(path+".items", f.Items, 1, maxItems, r)
	checkOneOf(path+".content", f.Content, []string{"full", "summary"}, r)
	checkOneOf(path+".order", f.Order, orders(), r)
	checkFilled(path+".match.sections", f.Match.Sections, r)
	checkFilled(path+".match.tags", f.Match.Tags, r)
	for i, tag := range f.Match.Languages {
		checkLanguage(fmt.Sprintf("%s.match.languages[%d]", path, i), tag, r)
	}
}

func (t Tombstones) check(r Report) {
	checkTime("tombstones.keep", t.Keep, 0, maxKeep, r)
	if t.Stub && t.Keep == 0 {
		r("tombstones.stub", "has no effect while tombstones.keep is 0s: set tombstones.keep to how long to keep stubs, or write false", "tombstones.keep")
	}
	taken := map[string]string{}
	for i, title := range t.Titles {
		path := fmt.Sprintf("tombstones.titles[%d]", i)
		checkLanguage(path+".language", title.Language, r)
		tag := strings.ToLower(title.Language)
		if first, ok := taken[tag]; ok {
			r(path+".language", fmt.Sprintf("%q already has a title in %s: remove one", title.Language, first))
		}
		taken[tag] = path
		if strings.TrimSpace(title.Text) == "" {
			r(path+".text", "is empty: write a title, or remove the entry")
		}
	}
}

func (l Limits) check(r Report) {
	checkRange("limits.gallery", l.Gallery, minGallery, maxGallery, r)
	if l.Document > maxDocument {
		r("limits.document", fmt.Sprintf("%s is too large: write at most %s", l.Document, Size(maxDocument)))
	}
	if l.Document < l.Gallery && l.Gallery <= maxGallery {
		message := fmt.Sprintf("%s is less than limits.gallery, which is %s: raise it, or lower limits.gallery", l.Document, l.Gallery)
		r("limits.document", message, "limits.gallery")
	}
}

// checkFilled rejects empty entries, which match nothing.
func checkFilled(path string, entries []string, r Report) {
	for i, e := range entries {
		if strings.TrimSpace(e) == "" {
			r(fmt.Sprintf("%s[%d]", path, i), "is empty: write a name, or remove the entry")
		}
	}
}

func (rights Rights) check(r Report) {
	for i, rule := range rights.Rules {
		path := fmt.Sprintf("rights.rules[%d]", i)
		for _, list := range []namedList{{"credits", rule.Credits}, {"sources", rule.Sources}, {"allow", rule.Allow}, {"deny", rule.Deny}} {
			checkFilled(path+"."+list.key, list.names, r)
		}
		if len(rule.Credits) == 0 && len(rule.Sources) == 0 {
			r(path, "concerns nothing: write credits or sources")
		}
		if len(rule.Allow) == 0 && len(rule.Deny) == 0 {
			r(path, "says nothing: write allow or deny, with names such as public")
		}
	}
}

func checkLanguage(path, tag string, r Report) {
	if gallery.CanonicalLanguage(tag) == "" {
		r(path, fmt.Sprintf("%q is not a language tag: write one such as en, en-US or zh-Hant", tag))
	}
}
