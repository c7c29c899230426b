package config

import (
	"fmt"
	"regexp"
	"strings"
)

var feedName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

func checkFeeds(feeds []Feed, r report) {
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
func checkName(path, name string, taken map[string]string, r report) {
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

func (f Feed) check(path string, r report) {
	if f.Items < 1 || f.Items > 1000 {
		r(path+".items", fmt.Sprintf("%d is out of range: write 1 to 1000", f.Items))
	}
	checkOneOf(path+".content", f.Content, []string{"full", "summary"}, r)
	checkFilled(path+".match.sections", f.Match.Sections, r)
	checkFilled(path+".match.tags", f.Match.Tags, r)
	for i, tag := range f.Match.Languages {
		checkLanguage(fmt.Sprintf("%s.match.languages[%d]", path, i), tag, r)
	}
}

// checkFilled refuses entries that nothing could match.
func checkFilled(path string, entries []string, r report) {
	for i, e := range entries {
		if strings.TrimSpace(e) == "" {
			r(fmt.Sprintf("%s[%d]", path, i), "is empty: write a name, or remove the entry")
		}
	}
}

// languageTag has the shape of BCP 47; whether its parts are registered is not
// checked.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

func checkLanguage(path, tag string, r report) {
	if !languageTag.MatchString(tag) {
		r(path, fmt.Sprintf("%q is no language tag: write one such as en, en-US or zh-Hant", tag))
	}
}
