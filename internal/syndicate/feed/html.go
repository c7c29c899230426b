package feed

import (
	"html"
	"strconv"
	"strings"
)

// page builds HTML.
type page struct{ strings.Builder }

// add writes each part as it is.
func (p *page) add(parts ...string) {
	for _, s := range parts {
		p.WriteString(s)
	}
}

// block writes text between the tags open and end, and nothing where there is
// no text.
func (p *page) block(open, text, end string) {
	if text != "" {
		p.add(open, html.EscapeString(text), end)
	}
}

func (p *page) small(text string) { p.block("<p><small>", text, "</small></p>") }

// html returns the content that every format shares: the lead, a figure for
// each picture, the sources and the copyright. Most readers show nothing else,
// so every caption and credit is in it.
func (s *story) html(lead string) string {
	var p page
	p.Grow(len(lead) + 600*len(s.pictures) + 256)
	p.add(s.opening(), lead)
	for i := range s.pictures {
		s.pictures[i].figure(&p)
	}
	p.small(strings.Join(s.sources, " · "))
	s.copyright(&p)
	p.add("</div>")
	return p.String()
}

// opening is the tag around the content, with its language and direction where
// they are known: a reader shows it among text that may have others.
func (s *story) opening() string {
	var p page
	p.add("<div")
	if s.language != "" {
		p.add(` lang="`, s.language, `"`)
	}
	if s.direction != "" {
		p.add(` dir="`, s.direction, `"`)
	}
	p.add(">")
	return p.String()
}

// copyright writes the notice, which leads to the licence if there is one.
func (s *story) copyright(p *page) {
	switch {
	case s.license == "":
		p.small(s.rights)
	case s.rights == "":
		s.licence(p, s.license)
	default:
		s.licence(p, s.rights)
	}
}

func (s *story) licence(p *page, text string) {
	p.add(`<p><small><a href="`, html.EscapeString(s.license), `" rel="license">`, html.EscapeString(text), "</a></small></p>")
}

func (pic *picture) figure(p *page) {
	p.add("<figure>")
	if pic.url != "" {
		pic.img(p)
	}
	if pic.title != "" || pic.html != "" || pic.credit != "" {
		pic.figcaption(p)
	}
	p.add("</figure>")
}

func (pic *picture) figcaption(p *page) {
	p.add("<figcaption>")
	p.block("<p><strong>", pic.title, "</strong></p>")
	if pic.html != "" {
		p.add("<div>", pic.html, "</div>")
	}
	p.small(pic.credit)
	p.add("</figcaption>")
}

func (pic *picture) img(p *page) {
	p.add(`<img src="`, html.EscapeString(pic.url), `" alt="`, html.EscapeString(pic.description()), `"`)
	if pic.width > 0 && pic.height > 0 {
		p.add(` width="`, strconv.Itoa(pic.width), `" height="`, strconv.Itoa(pic.height), `"`)
	}
	p.add(` loading="lazy">`)
}

func paragraph(text string) string {
	var p page
	p.block("<p>", text, "</p>")
	return p.String()
}
