package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// endsSoon is how long before its end a key is named in warnings.
const endsSoon = 14 * 24 * time.Hour

// Warnings are what works and is probably a mistake, or needs an operator soon: what
// [Config.Exposed] returns; keys of senders with too many rights; rules that name unknown
// audiences; partners that match nothing, and their keys that have ended or end soon. It
// checks whether the files of keys exist.
func (c Config) Warnings(now time.Time) Problems {
	found := c.Exposed()
	warn := func(path, message string, _ ...string) { found = append(found, c.Problem(path, message)) }
	c.warnOfIntake(warn)
	c.warnOfUnknownAudiences(warn)
	for i, p := range c.Partners {
		path := fmt.Sprintf("partners[%d]", i)
		p.warnOfContradictions(path, warn)
		p.Access.warnOfKeys(path+".access", now, warn)
	}
	return found
}

// Knows reports whether a name in a list of audiences names anybody: the public, a partner
// or a group of one.
func (c Config) Knows(audience string) bool {
	is := func(name string) bool { return strings.EqualFold(strings.TrimSpace(audience), name) }
	return is(gallery.Public) || slices.ContainsFunc(c.Partners, func(p Partner) bool { return is(p.Name) || slices.ContainsFunc(p.Groups, is) })
}

func (c Config) warnOfUnknownAudiences(r Report) {
	for i, rule := range c.Rights.Rules {
		for _, list := range []namedList{{"allow", rule.Allow}, {"deny", rule.Deny}} {
			for j, name := range list.names {
				if !c.Knows(name) {
					r(fmt.Sprintf("rights.rules[%d].%s[%d]", i, list.key, j),
						fmt.Sprintf("%q is no partner and no group of one, so it names nobody: write public, or a name in partners", name))
				}
			}
		}
	}
}

// warnOfContradictions names what is in match and in exclude, which wins.
func (p Partner) warnOfContradictions(path string, r Report) {
	same := func(name, other string) bool { return gallery.Fold(name) == gallery.Fold(other) }
	covers := func(tag, other string) bool {
		return same(tag, other) || strings.HasPrefix(strings.ToLower(tag), strings.ToLower(other)+"-")
	}
	for _, kind := range []struct {
		key            string
		match, exclude []string
		excluded       func(name, by string) bool
	}{
		{"sections", p.Match.Sections, p.Exclude.Sections, same},
		{"tags", p.Match.Tags, p.Exclude.Tags, same},
		{"authors", p.Match.Authors, p.Exclude.Authors, same},
		{"languages", p.Match.Languages, p.Exclude.Languages, covers},
	} {
		for i, name := range kind.match {
			if j := slices.IndexFunc(kind.exclude, func(by string) bool { return kind.excluded(name, by) }); j >= 0 {
				r(fmt.Sprintf("%s.match.%s[%d]", path, kind.key, i),
					fmt.Sprintf("%q matches nothing, because %[4]s.exclude.%[3]s[%[2]d] excludes it: remove one of them", name, j, kind.key, path))
			}
		}
	}
}

func (a Access) warnOfKeys(path string, now time.Time, r Report) {
	good := false
	for i, k := range a.Keys {
		at := fmt.Sprintf("%s.keys[%d]", path, i)
		_, err := os.Stat(k.SecretFile)
		missing := errors.Is(err, fs.ErrNotExist)
		switch left := k.Until.Sub(now); {
		case k.Until.IsZero():
		case left <= 0:
			r(at+".until", fmt.Sprintf("key %q ended at %s: remove it", k.Name, k.Until.Format(time.RFC3339)))
			continue
		case left <= endsSoon:
			r(at+".until", fmt.Sprintf("key %q ends at %s: give the partner another one before, made with \"gallerywire partners key\"", k.Name, k.Until.Format(time.RFC3339)))
		}
		if missing {
			r(at+".secret_file", fmt.Sprintf("%q does not exist, so key %q is not good: write the key into it, or remove the entry", k.SecretFile, k.Name))
		}
		good = good || !missing && !now.Before(k.From)
	}
	if !good {
		r(path+".keys", "has no key that is good now, so the partner gets nothing: make one with \"gallerywire partners key\"")
	}
}
