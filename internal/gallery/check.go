package gallery

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Each check adds what is wrong with the value at place. Places of list
// entries are built only for what is wrong: nearly everything is right.

func (ps *Problems) id(place, id string) {
	if strings.TrimSpace(id) == "" {
		ps.addf(place, "missing or blank: state an id that never changes")
		return
	}
	ps.text(place, id, MaxID)
	ps.printable(place, id)
}

// printable refuses characters that can not be repaired in what identifies:
// two ids could become one.
func (ps *Problems) printable(place, s string) {
	if i := strings.IndexFunc(s, unprintable); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		ps.addf(place, "holds the character %U, which is not allowed here", r)
	}
}

func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\uFFFE' || r == '\uFFFF' || r == utf8.RuneError
}

func (ps *Problems) required(place, s string, most int) {
	if strings.TrimSpace(Text(s)) == "" {
		ps.addf(place, "missing or blank")
	}
	ps.text(place, s, most)
}

func (ps *Problems) text(place, s string, most int) {
	if len(s) > most {
		ps.addf(place, "is %d bytes long, at most %d are allowed", len(s), most)
	}
}

// language checks the shape alone: what is no tag all the same may be stored since
// an earlier release.
func (ps *Problems) language(tag string) {
	if len(tag) > maxLanguage || tag != "" && !languageShape.MatchString(tag) {
		ps.addf("/language", "%.40q is no language tag: write it like en or pt-BR", tag)
	}
}

func (ps *Problems) names(place string, names []string, most int) {
	ps.count(place, len(names), MaxList)
	for i, name := range names {
		if len(name) > most {
			ps.text(fmt.Sprintf("%s/%d", place, i), name, most)
		}
	}
}

func (ps *Problems) authors(authors []Author) {
	ps.count("/authors", len(authors), MaxList)
	for i := range authors {
		ps.within("/authors", i, authors[i].problems())
	}
}

func (a *Author) problems() Problems {
	var ps Problems
	ps.text("/name", a.Name, MaxLabel)
	ps.text("/email", a.Email, MaxName)
	ps.address("/url", a.URL, needsBase)
	return ps
}

// within adds the problems of entry i of the list at place.
func (ps *Problems) within(place string, i int, own Problems) {
	for _, p := range own {
		ps.addf(fmt.Sprintf("%s/%d%s", place, i, p.Place), "%s", p.Reason)
	}
}

func (ps *Problems) count(place string, n, most int) {
	if n > most {
		ps.addf(place, "has %d entries, at most %d are allowed", n, most)
	}
}

func (ps *Problems) instant(place string, t time.Time) {
	switch {
	case t.IsZero():
		ps.addf(place, "missing: state an instant such as 2026-11-20T09:00:00Z")
	case !Plausible(t):
		ps.addf(place, "the year %d is not between %d and %d", t.UTC().Year(), MinYear, MaxYear)
	}
}

// Plausible reports whether t may be the instant of a revision or of a
// publication.
func Plausible(t time.Time) bool {
	year := t.UTC().Year()
	return MinYear <= year && year <= MaxYear
}

func (ps *Problems) version(v int64) {
	if v < 0 {
		ps.addf("/version", "is negative")
	}
}
