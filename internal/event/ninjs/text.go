package ninjs

import (
	"bytes"
	"cmp"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gallerywire/gallerywire/internal/event/jsonfault"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// format is how a passage is written.
type format int

const (
	plain  format = iota
	markup        // HTML or XHTML
	either        // nothing says which
	alien         // a format that is not shown, such as NITF
)

// passage is one of the texts that an item has for one purpose. Its role gives it a
// rank there: a higher one is shown where there is no lower.
type passage struct {
	place, value string
	format       format
	rank         int
}

func (p passage) blank() bool { return strings.TrimSpace(p.value) == "" }

// line returns p as plain text on one line.
func (p passage) line() string {
	if p.format == plain {
		return line(p.value)
	}
	return line(gallery.PlainText(gallery.HTML(p.value, nil)))
}

// html returns p as HTML, or as text in which nothing reads as HTML.
func (p passage) html() string {
	if p.format == plain {
		return escape(meant(p.value))
	}
	return strings.TrimSpace(p.value)
}

func line(s string) string { return gallery.Line(meant(s)) }

// reference is a character reference that ends as it should: R&D, AT&T and
// rock&reggae have none.
var reference = regexp.MustCompile(`&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// meant is plain text as people meant it: editors and formatters leave character
// references in it, and may have escaped them again.
func meant(s string) string {
	for range 3 {
		decoded := reference.ReplaceAllStringFunc(s, html.UnescapeString)
		if decoded == s {
			break
		}
		s = decoded
	}
	return s
}

// first returns the first of ps that is not blank, in the first of the formats
// in which there is one of the lowest rank; the zero value when there is none.
func first(ps []passage, formats ...format) passage {
	for rank := range lastRank + 1 {
		for _, f := range formats {
			for _, p := range ps {
				if p.rank == rank && p.format == f && !p.blank() {
					return p
				}
			}
		}
	}
	return passage{}
}

// A passage with the rank hidden is never shown.
const (
	lastRank = 2
	hidden   = lastRank + 1
)

// Roles of a text, without case, hyphens, underscores and spaces.
var (
	plainRoles   = []string{"text", "plain", "plaintext"}
	summaryRoles = []string{"summary", "abstract", "short", "medium", "long", "lead", "lede", "ingress", "intro", "introduction",
		"preamble", "standfirst", "teaser", "dek", "deck", "subtitle", "subhead"}
	// privateWords occur in roles of texts for colleagues and machines, as an editor's note.
	privateWords = []string{"note", "writer", "keyword", "internal", "private", "instruction", "comment", "message", "contact", "planning", "slug"}
)

// role is the name of a role, without the vocabulary that it may come from.
func (t *text) role() string {
	role := strings.ToLower(strings.TrimSpace(t.Role))
	role = role[strings.LastIndexAny(role, ":/#")+1:]
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(role)
}

func (t *text) isPrivate() bool {
	role := t.role()
	return slices.ContainsFunc(privateWords, func(word string) bool { return strings.Contains(role, word) })
}

// isFormat reports whether role says how a text is written, or nothing: many write
// that where its purpose belongs.
func isFormat(role string) bool {
	return slices.Contains([]string{"", "main", "simple", "richtext"}, role) || slices.Contains(plainRoles, role) || strings.Contains(role, "html")
}

func (c *content) headlines() []passage {
	ps := passages("/headlines", c.withNamed(c.Headlines, "headline_"), func(t *text) int {
		switch role := t.role(); {
		case slices.Contains([]string{"main", "headline", "title"}, role):
			return 0
		case isFormat(role):
			return 1
		}
		return 2
	})
	return append([]passage{{"/headline", c.Headline, plain, 0}, {"/headline_main", c.HeadlineMain, plain, 0}}, ps...)
}

// roleName is the name of a member of 1.x with a text whose role it says.
var roleName = regexp.MustCompile(`^(?:headline|description|body)_([A-Za-z0-9_]+)$`)

// withNamed adds to texts those of 1.x in members named prefix and their role, in the
// order of their names.
func (c *content) withNamed(texts []text, prefix string) []text {
	for _, m := range c.named(prefix) {
		if m.value.Kind() == jsontext.KindString {
			texts = append(texts, text{Role: m.name, Value: unquoted(m.value), place: "/" + prefix + m.name})
		}
	}
	return texts
}

// named is a member that no field is for.
type named struct {
	name  string // or the role in it
	value jsontext.Value
}

// statement is the text of the member, empty for null, or another value as it is written.
func (m named) statement() statement {
	if m.value.Kind() == jsontext.KindNull {
		return statement{"/" + m.name, ""}
	}
	return statement{"/" + m.name, unquoted(m.value)}
}

func (c *content) named(prefix string) (found []named) {
	if !bytes.Contains(c.Others, []byte(`"`+prefix)) {
		return nil
	}
	var others map[string]jsontext.Value
	_ = json.Unmarshal(c.Others, &others) // read before
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if m := roleName.FindStringSubmatch(name); m != nil && strings.HasPrefix(name, prefix) {
			found = append(found, named{m[1], others[name]})
		}
	}
	return found
}

// names are what an item is called where it has no headline.
func (c *content) names() []passage {
	return []passage{{"/title", c.Title, plain, 0}, {"/slugline", c.Slugline, plain, 0}, {"/name", c.Name, plain, 0}}
}

// descriptions are captions and summaries. What has another role is none, whatever
// it is for.
func (c *content) descriptions() []passage {
	return append([]passage{
		{"/description_html", c.DescriptionHTML, markup, 0}, {"/description_xhtml", c.DescriptionXHTML, markup, 0},
		{"/description_richtext", c.DescriptionRichText, markup, 0}, {"/description_text", c.DescriptionText, plain, 0},
	}, passages("/descriptions", c.withNamed(c.Descriptions, "description_"), descriptionRank)...)
}

func descriptionRank(t *text) int {
	switch role := t.role(); {
	case role == "caption", role == "description", isFormat(role):
		return 0
	case slices.Contains(summaryRoles, role):
		return 1
	}
	return hidden
}

// unshown names the descriptions with an unknown role, and texts that are none.
func (c *content) unshown() (ps gallery.Problems) {
	descriptions := c.withNamed(c.Descriptions, "description_")
	for i := range descriptions {
		t := &descriptions[i]
		known := t.isPrivate() || t.isCredit() || t.isAlternative() || descriptionRank(t) != hidden
		if strings.TrimSpace(t.Value) != "" && !known {
			ps = append(ps, problem(cmp.Or(t.place, fmt.Sprintf("/descriptions/%d", i)), "the role %q is not known: write caption, text or summary", gallery.Clip(t.Role, maxQuoted)))
		}
	}
	for _, prefix := range []string{"headline_", "description_", "body_"} {
		for _, m := range c.named(prefix) {
			if kind := m.value.Kind(); kind != jsontext.KindString && kind != jsontext.KindNull {
				ps = append(ps, problem("/"+prefix+m.name, "%s", jsonfault.Holds(kind, "a string")))
			}
		}
	}
	return ps
}

func (c *content) bodies() []passage {
	return append([]passage{
		{"/body_html", c.BodyHTML, markup, 0}, {"/body_xhtml", c.BodyXHTML, markup, 0},
		{"/body_richtext", c.BodyRichText, markup, 0}, {"/body_text", c.BodyText, plain, 0},
	}, passages("/bodies", c.withNamed(c.Bodies, "body_"), func(t *text) int {
		if role := t.role(); isFormat(role) || slices.Contains([]string{"body", "article", "story", "content"}, role) {
			return 0
		}
		return 1
	})...)
}

// credits are natural-language statements about who made a picture.
func (c *content) credits() []passage {
	ps := []passage{{"/byline", c.Byline, plain, 0}, {"/by", c.By, plain, 0}, {"/creditline", c.CreditLine, plain, 0}}
	for _, p := range passages("/descriptions", c.withNamed(c.Descriptions, "description_"), func(t *text) int {
		if t.isCredit() {
			return 0
		}
		return hidden
	}) {
		p.format = plain
		ps = append(ps, p)
	}
	for i, m := range c.Makers.value {
		if !m.isEditor() {
			ps = append(ps, passage{fmt.Sprintf("/authors/%d/name", i), m.Name, plain, 0})
		}
	}
	return append(ps, passage{"/copyrightholder", c.CopyrightHolder, plain, 0}, passage{"/copyrightHolder", c.CopyrightHolder3, plain, 0})
}

func passages(place string, texts []text, rank func(*text) int) []passage {
	ps := make([]passage, len(texts))
	for i := range texts {
		t := &texts[i]
		ps[i] = passage{cmp.Or(t.place, fmt.Sprintf("%s/%d/value", place, i)), t.Value, t.format(), rank(t)}
		if t.isPrivate() {
			ps[i].rank = hidden
		}
	}
	return ps
}

// isCredit reports whether a description is a credit line, as AP sends it.
func (t *text) isCredit() bool { return strings.Contains(t.role(), "credit") }

// isAlternative reports whether a description stands in for a picture that is not seen.
func (t *text) isAlternative() bool {
	return slices.Contains([]string{"alt", "alttext", "alternative", "alternativetext"}, t.role())
}

func (t *text) format() format {
	role, mediaType := t.role(), strings.ToLower(cmp.Or(t.ContentType, t.ContentType3))
	switch {
	case strings.Contains(mediaType, "html"):
		return markup
	case strings.HasPrefix(mediaType, "text/plain"):
		return plain
	case mediaType != "":
		return alien
	case strings.Contains(role, "html"), role == "richtext":
		return markup
	case slices.Contains(plainRoles, role):
		return plain
	}
	return either
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(strings.TrimSpace(s))
}

var blankLines = regexp.MustCompile(`\n[ \t]*\n\s*`)

// paragraphs returns plain text as HTML: a paragraph for what stands between
// blank lines, a break for every other line.
func paragraphs(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	var b strings.Builder
	for _, p := range blankLines.Split(escape(meant(s)), -1) {
		b.WriteString("<p>" + strings.ReplaceAll(p, "\n", "<br>") + "</p>")
	}
	return b.String()
}

// embedMark is one end of the block that Superdesk writes into a body for a
// picture or a video among the associations.
var embedMark = regexp.MustCompile(`<!--\s*EMBED (START|END) (?:Image|Video)\s*\{\s*id:\s*["']([^"'<>]*)["']\s*\}\s*-->`)

// withoutEmbeds cuts out of body the blocks of the associations that has
// knows: those pictures are slides, or may not be shown. A block that does not
// end stays.
func withoutEmbeds(body string, has func(name string) bool) string {
	var b strings.Builder
	kept, start, open := 0, 0, ""
	for _, m := range embedMark.FindAllStringSubmatchIndex(body, -1) {
		name := body[m[4]:m[5]]
		switch {
		case body[m[2]:m[3]] == "START":
			start, open = m[0], name
		case open == name && has(name):
			b.WriteString(body[kept:start])
			kept, open = m[1], ""
		}
	}
	b.WriteString(body[kept:])
	return strings.TrimSpace(b.String())
}
