package ninjs

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// format is how a passage is written.
type format int

const (
	plain  format = iota
	markup        // HTML or XHTML
	either        // nothing says which
	alien         // a format that is not for showing, such as NITF
)

// passage is one of the texts that an item has for one purpose.
type passage struct {
	place, value string
	format       format
}

func (p passage) blank() bool { return strings.TrimSpace(p.value) == "" }

// line returns p as plain text on one line.
func (p passage) line() string {
	if p.format == plain {
		return gallery.Line(p.value)
	}
	return gallery.NewPolicy().Text(p.value)
}

// html returns p as HTML, or as text in which nothing reads as HTML.
func (p passage) html() string {
	if p.format == plain {
		return escape(p.value)
	}
	return strings.TrimSpace(p.value)
}

// first returns the first of ps that is not blank, in the first of the formats
// in which there is one; the zero value when there is none.
func first(ps []passage, formats ...format) passage {
	for _, f := range formats {
		for _, p := range ps {
			if p.format == f && !p.blank() {
				return p
			}
		}
	}
	return passage{}
}

func (c *content) headlines() []passage {
	ps := []passage{
		{"/headline", c.Headline, plain}, {"/headline_main", c.HeadlineMain, plain},
	}
	listed := passages("/headlines", c.Headlines)
	for i, t := range c.Headlines {
		if strings.EqualFold(t.Role, "main") {
			ps = append(ps, listed[i])
		}
	}
	return append(ps, listed...)
}

// names are what an item is called where it has no headline.
func (c *content) names() []passage {
	return []passage{{"/title", c.Title, plain}, {"/slugline", c.Slugline, plain}, {"/name", c.Name, plain}}
}

func (c *content) descriptions() []passage {
	ps := []passage{
		{"/description_html", c.DescriptionHTML, markup}, {"/description_xhtml", c.DescriptionXHTML, markup},
		{"/description_richtext", c.DescriptionRichText, markup}, {"/description_text", c.DescriptionText, plain},
	}
	for i, p := range passages("/descriptions", c.Descriptions) {
		if !c.Descriptions[i].isCredit() {
			ps = append(ps, p)
		}
	}
	return ps
}

func (c *content) bodies() []passage {
	return append([]passage{
		{"/body_html", c.BodyHTML, markup}, {"/body_xhtml", c.BodyXHTML, markup},
		{"/body_richtext", c.BodyRichText, markup}, {"/body_text", c.BodyText, plain},
	}, passages("/bodies", c.Bodies)...)
}

// credits are natural-language statements about who made a picture.
func (c *content) credits() []passage {
	ps := []passage{
		{"/byline", c.Byline, plain}, {"/by", c.By, plain}, {"/creditline", c.CreditLine, plain},
	}
	for i, p := range passages("/descriptions", c.Descriptions) {
		if c.Descriptions[i].isCredit() {
			p.format = plain
			ps = append(ps, p)
		}
	}
	return append(ps, passage{"/copyrightholder", c.CopyrightHolder, plain})
}

func passages(place string, texts []text) []passage {
	ps := make([]passage, len(texts))
	for i := range texts {
		ps[i] = passage{fmt.Sprintf("%s/%d/value", place, i), texts[i].Value, texts[i].format()}
	}
	return ps
}

// isCredit reports whether a description is a credit line, as AP sends it.
func (t *text) isCredit() bool { return strings.Contains(strings.ToLower(t.Role), "credit") }

func (t *text) format() format {
	role, mediaType := strings.ToLower(t.Role), strings.ToLower(t.ContentType)
	switch {
	case strings.Contains(mediaType, "html"):
		return markup
	case strings.HasPrefix(mediaType, "text/plain"):
		return plain
	case mediaType != "":
		return alien
	case strings.Contains(role, "html"), role == "richtext":
		return markup
	case role == "text", role == "plain", role == "plaintext":
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
	for _, p := range blankLines.Split(escape(s), -1) {
		b.WriteString("<p>" + strings.ReplaceAll(p, "\n", "<br>") + "</p>")
	}
	return b.String()
}
