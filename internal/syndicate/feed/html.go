package feed

import (
	"cmp"
	"html"
	"strconv"
	"strings"
)

// markup builds HTML and XML.
type markup struct{ strings.Builder }

// add writes each part as it is.
func (m *markup) add(parts ...string) {
	for _, s := range parts {
		m.WriteString(s)
	}
}

// block writes text, escaped, between open and end, and nothing where there is no
// text.
func (m *markup) block(open, text, end string) {
	if text != "" {
		m.add(open, html.EscapeString(text), end)
	}
}

// number writes an attribute that begins with open, and nothing for zero: an
// unknown size is no size.
func (m *markup) number(open string, n int64) {
	if n > 0 {
		m.add(open, strconv.FormatInt(n, 10), `"`)
	}
}

func paragraph(text string) string {
	var m markup
	m.block("<p>", text, "</p>")
	return m.String()
}

// html returns the content that every format shares: the lead, a figure for
// each picture, the sources and the copyright, which leads to the licence if there is
// one. Most readers show nothing else, so every caption and credit is in it. Its
// language and direction are written there, because a reader shows it among other text.
func (v *itemView) html() string {
	var m markup
	m.Grow(len(v.lead) + 600*len(v.pictures) + 256)
	m.add("<div")
	m.block(` lang="`, v.Language, `"`)
	m.block(` dir="`, v.Direction, `"`)
	m.add(">", v.lead)
	for i := range v.pictures {
		v.pictures[i].figure(&m)
	}
	m.block("<p><small>", strings.Join(v.Sources, " · "), "</small></p>")
	if v.License == "" {
		m.block("<p><small>", v.rights, "</small></p>")
	} else {
		m.block(`<p><small><a href="`, v.License, `" rel="license">`)
		m.block("", cmp.Or(v.rights, v.License), "</a></small></p>")
	}
	m.add("</div>")
	return m.String()
}

func (p *picture) figure(m *markup) {
	m.add("<figure>")
	if p.Image.URL != "" {
		m.block(`<img src="`, p.Image.URL, `"`)
		m.add(` alt="`, html.EscapeString(p.description()), `"`)
		if p.Image.Width > 0 && p.Image.Height > 0 {
			m.number(` width="`, int64(p.Image.Width))
			m.number(` height="`, int64(p.Image.Height))
		}
		m.add(` loading="lazy">`)
	}
	if p.Title != "" || p.html != "" || p.Credit != "" {
		m.add("<figcaption>")
		m.block("<p><strong>", p.Title, "</strong></p>")
		if p.html != "" {
			m.add("<div>", p.html, "</div>")
		}
		m.block("<p><small>", p.Credit, "</small></p>")
		m.add("</figcaption>")
	}
	m.add("</figure>")
}
