package gallery

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The limits of a gallery, in bytes unless said otherwise. What is over one is
// refused, not cut.
const (
	MaxID      = 256
	MaxURL     = 2048
	MaxTitle   = 2000
	MaxSummary = 20_000
	MaxCaption = 100_000
	MaxName    = 500    // section, source, credit
	MaxLabel   = 200    // tag, author's name
	MaxLabels  = 24_000 // tags and authors' names together: the index holds them
	MaxList    = 100    // entries of tags, authors or sources
	MaxSlides  = 1000   // slides of a gallery
	MaxEnds    = 50     // different ends of rights among them
	MaxSide    = 100000 // pixels of a picture's side
	minYear    = 1800
	maxYear    = 2200
)

// Normalise fills in what the contract derives: Updated, absolute addresses, a
// language tag with hyphens. It is idempotent. An address that can not be
// resolved stays as it is, for [Gallery.Validate] to name.
func (g *Gallery) Normalise() {
	if g.Updated.IsZero() {
		g.Updated = g.Published
	}
	g.Language = strings.ReplaceAll(g.Language, "_", "-")
	base := parseBase(g.URL)
	g.License = resolve(base, g.License)
	for i := range g.Authors {
		g.Authors[i].URL = resolve(base, g.Authors[i].URL)
	}
	for i := range g.Slides {
		img := &g.Slides[i].Image
		img.URL = resolve(base, img.URL)
		img.Thumbnail = resolve(base, img.Thumbnail)
	}
}

// Validate returns what is wrong with g, which has been normalised; nil when
// nothing is. It reports at most twenty problems.
func (g *Gallery) Validate() Problems {
	var ps Problems
	ps.id("/id", g.ID)
	ps.address("/url", g.URL)
	ps.guid(g.GUID)
	ps.required("/title", g.Title, MaxTitle)
	ps.text("/summary", g.Summary, MaxSummary)
	ps.language(g.Language)
	ps.text("/section", g.Section, MaxName)
	ps.names("/tags", g.Tags, MaxLabel)
	ps.authors(g.Authors)
	ps.labels(g)
	ps.instant("/published", g.Published)
	if !g.Updated.Equal(g.Published) {
		ps.instant("/updated", g.Updated)
	}
	ps.version(g.Version)
	ps.names("/sources", g.Sources, MaxName)
	ps.text("/copyright", g.Copyright, MaxTitle)
	ps.address("/license", g.License)
	ps.slides(g.Slides)
	return ps
}

// ValidateTakeDown returns what is wrong with the fields of a take-down.
func ValidateTakeDown(id string, updated time.Time, version int64, reason string) Problems {
	var ps Problems
	ps.id("/id", id)
	ps.instant("/updated", updated)
	ps.version(version)
	ps.text("/reason", reason, MaxTitle)
	return ps
}

func (ps *Problems) id(place, id string) {
	switch {
	case id == "":
		ps.addf(place, "missing: state an id that never changes")
	case len(id) > MaxID:
		ps.addf(place, "%d bytes, at most %d are allowed", len(id), MaxID)
	case strings.ContainsFunc(id, unprintable):
		ps.addf(place, "holds a control character")
	}
}

func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\uFFFE' || r == '\uFFFF' || r == utf8.RuneError
}

func (ps *Problems) guid(guid string) {
	if strings.ContainsFunc(guid, unprintable) {
		ps.addf("/guid", "holds a control character")
	}
	ps.text("/guid", guid, MaxURL)
}

func (ps *Problems) required(place, s string, most int) {
	if strings.TrimSpace(Text(s)) == "" {
		ps.addf(place, "missing or blank")
	}
	ps.text(place, s, most)
}

func (ps *Problems) text(place, s string, most int) {
	if len(s) > most {
		ps.addf(place, "%d bytes, at most %d are allowed", len(s), most)
	}
}

// languageTag is the shape of a language tag (RFC 5646 §2.1).
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,7}$`)

func (ps *Problems) language(tag string) {
	if tag != "" && !languageTag.MatchString(tag) {
		ps.addf("/language", "%.40q is no language tag: write en or pt-BR", tag)
	}
}

func (ps *Problems) names(place string, names []string, most int) {
	ps.count(place, len(names), MaxList)
	for i, name := range names {
		ps.text(fmt.Sprintf("%s/%d", place, i), name, most)
	}
}

// labels bounds what the index has to remember of one gallery.
func (ps *Problems) labels(g *Gallery) {
	sum := len(g.Section)
	for _, tag := range g.Tags {
		sum += len(tag)
	}
	for _, author := range g.Authors {
		sum += len(author.Name)
	}
	if sum > MaxLabels {
		ps.addf("/tags", "section, tags and authors are %d bytes together, at most %d are allowed", sum, MaxLabels)
	}
	if ends := len(g.SlideEnds()); ends > MaxEnds {
		ps.addf("/slides", "the rights of the slides end at %d different instants, at most %d are allowed", ends, MaxEnds)
	}
}

func (ps *Problems) count(place string, n, most int) {
	if n > most {
		ps.addf(place, "%d entries, at most %d are allowed", n, most)
	}
}

func (ps *Problems) authors(authors []Author) {
	ps.count("/authors", len(authors), MaxList)
	for i, a := range authors {
		place := fmt.Sprintf("/authors/%d", i)
		ps.text(place+"/name", a.Name, MaxLabel)
		ps.text(place+"/email", a.Email, MaxName)
		ps.address(place+"/url", a.URL)
	}
}

func (ps *Problems) instant(place string, t time.Time) {
	switch {
	case t.IsZero():
		ps.addf(place, "missing: state an instant such as 2026-11-20T09:00:00Z")
	case t.UTC().Year() < minYear || t.UTC().Year() > maxYear:
		ps.addf(place, "the year %d is not between %d and %d", t.UTC().Year(), minYear, maxYear)
	}
}

func (ps *Problems) version(v int64) {
	if v < 0 {
		ps.addf("/version", "%d is negative", v)
	}
}

func (ps *Problems) slides(slides []Slide) {
	ps.count("/slides", len(slides), MaxSlides)
	seen := make(map[string]int, len(slides))
	for i := range slides {
		if len(*ps) >= maxProblems {
			return
		}
		s := &slides[i]
		ps.slide(i, s)
		if s.ID == "" {
			continue
		}
		if first, twice := seen[s.ID]; twice {
			ps.addf(fmt.Sprintf("/slides/%d/id", i), "the same as of slide %d", first)
		}
		seen[s.ID] = i
	}
}

// slide builds the place of a problem only when there is one: a gallery has
// many slides and nearly all are good.
func (ps *Problems) slide(i int, s *Slide) {
	var own Problems
	if s.ID != "" {
		own.id("/id", s.ID)
	}
	own.text("/title", s.Title, MaxTitle)
	own.text("/caption", s.Caption, MaxCaption)
	own.text("/credit", s.Credit, MaxName)
	own.image(&s.Image)
	for _, p := range own {
		ps.addf(fmt.Sprintf("/slides/%d%s", i, p.Place), "%s", p.Reason)
	}
}

func (ps *Problems) image(img *Image) {
	if img.URL == "" {
		ps.addf("/image/url", "missing")
	}
	ps.address("/image/url", img.URL)
	ps.address("/image/thumbnail", img.Thumbnail)
	ps.text("/image/alt", img.Alt, MaxSummary)
	ps.text("/image/type", img.Type, MaxName)
	if cmp.Or(min(img.Width, 0), min(img.Height, 0)) < 0 || max(img.Width, img.Height) > MaxSide {
		ps.addf("/image", "%d×%d pixels: sides are from 0 to %d", img.Width, img.Height, MaxSide)
	}
	if img.Bytes < 0 {
		ps.addf("/image/bytes", "%d is negative", img.Bytes)
	}
}
