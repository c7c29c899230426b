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
		r("feeds", "is empty, so that there is nothing to serve: write a feed, or leave the key out for one of all galleries")
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

// checkName remembers each name in taken, with the path that has it.
func checkName(path, name string, taken map[string]string, r Report) {
	if !feedName.MatchString(name) {
		r(path, fmt.Sprintf("%q is no feed name: write 1 to 64 of a-z, 0-9, _ and -, first a letter or digit", name))
		return
	}
	if first, ok := taken[name]; ok {
		r(path, fmt.Sprintf("%q is the address of %s already: choose another", name, first))
		return
	}
	taken[name] = path
}

// The limits of what a feed shows and of what is kept of it.
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

func (d Dynamic) check(r Report) {
	checkRange("dynamic.items", d.Items, 1, maxItems, r)
	checkOneOf("dynamic.order", d.Order, orders(), r)
	checkRange("dynamic.cache", d.Cache, 1, maxCache, r)
}

func (a Archive) check(r Report) {
	checkRange("archive.page", a.Page, minPage, maxPage, r)
}

func (t Tombstones) check(r Report) {
	if t.Keep < 0 || t.Keep > maxKeep {
		r("tombstones.keep", fmt.Sprintf("%s is out of range: write 0s (none) to 8760h", t.Keep))
	}
	if t.Stub && t.Keep == 0 {
		r("tombstones.stub", "stubs are kept for tombstones.keep, which is 0s: write more there, or false here", "tombstones.keep")
	}
	taken := map[string]string{}
	for i, title := range t.Titles {
		path := fmt.Sprintf("tombstones.titles[%d]", i)
		checkLanguage(path+".language", title.Language, r)
		tag := strings.ToLower(title.Language)
		if first, ok := taken[tag]; ok {
			r(path+".language", fmt.Sprintf("%q has a title already, %s: remove one", title.Language, first))
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
		r("limits.document", fmt.Sprintf("%s is too much: write at most %s", l.Document, Size(maxDocument)))
	}
	if l.Document < l.Gallery && l.Gallery <= maxGallery {
		message := fmt.Sprintf("%s holds no gallery of limits.gallery, %s: write more, or lower the other", l.Document, l.Gallery)
		r("limits.document", message, "limits.gallery")
	}
}

// checkFilled refuses entries that nothing could match.
func checkFilled(path string, entries []string, r Report) {
	for i, e := range entries {
		if strings.TrimSpace(e) == "" {
			r(fmt.Sprintf("%s[%d]", path, i), "is empty: write a name, or remove the entry")
		}
	}
}

func checkLanguage(path, tag string, r Report) {
	if gallery.CanonicalLanguage(tag) == "" {
		r(path, fmt.Sprintf("%q is no language tag: write one such as en, en-US or zh-Hant", tag))
	}
}
