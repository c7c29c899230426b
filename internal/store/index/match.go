package index

import (
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// Match chooses galleries. Each list that is not empty must be met by one of
// its names, without regard to case; a language is also met by its regional
// forms. The zero value chooses every gallery.
type Match struct {
	Sections  []string
	Tags      []string
	Authors   []string
	Languages []string
}

// matches reports whether a gallery with these facets is chosen.
func (m Match) matches(fs []Facet) bool {
	return meets(m.Sections, Section, fs) && meets(m.Tags, Tag, fs) && meets(m.Authors, Author, fs) && meets(m.Languages, Language, fs)
}

// has reports whether a gallery with these facets has one of the names.
func (m Match) has(fs []Facet) bool {
	return slices.ContainsFunc(m.lists(), func(l wanted) bool { return len(l.names) > 0 && meets(l.names, l.kind, fs) })
}

// wanted is one list of a match.
type wanted struct {
	key   string // in configurations
	kind  Kind
	names []string
}

func (m Match) lists() []wanted {
	return []wanted{{"sections", Section, m.Sections}, {"tags", Tag, m.Tags}, {"authors", Author, m.Authors}, {"languages", Language, m.Languages}}
}

// folded returns m with its names as facets fold theirs.
func (m Match) folded() Match {
	fold := func(names []string) []string {
		folded := make([]string, len(names))
		for i, name := range names {
			folded[i] = gallery.Fold(name)
		}
		return folded
	}
	return Match{fold(m.Sections), fold(m.Tags), fold(m.Authors), fold(m.Languages)}
}

// required are names of which a gallery must have one to be chosen; none: any gallery may
// be.
func (c Choice) required() (all []slug) {
	if c.Audience == nil {
		return c.Match.required()
	}
	names, only := c.Audience.OnlyByName()
	if !only {
		return c.Match.required()
	}
	for _, name := range names {
		all = append(all, slug{Allowed, gallery.Slug(name)})
	}
	return all
}

// required are the names of the most selective kind: a gallery must have one of them to
// be chosen.
func (m Match) required() []slug {
	for _, list := range []struct {
		kind  Kind
		names []string
	}{{Tag, m.Tags}, {Author, m.Authors}, {Section, m.Sections}} {
		if len(list.names) == 0 {
			continue
		}
		var all []slug
		for _, name := range list.names {
			if s := (slug{list.kind, gallery.Slug(name)}); !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

func meets(wanted []string, k Kind, fs []Facet) bool {
	if len(wanted) == 0 {
		return true
	}
	return slices.ContainsFunc(fs, func(f Facet) bool {
		p := f.Value()
		return p.Kind == k && slices.ContainsFunc(wanted, func(w string) bool {
			return p.Fold == w || k == Language && coversLanguage(p.Fold, w)
		})
	})
}

// coversLanguage reports whether the language tag have is a more special form of want
// (RFC 4647 §3.3.1, basic filtering).
func coversLanguage(have, want string) bool {
	return len(have) > len(want) && have[len(want)] == '-' && strings.HasPrefix(have, want)
}
