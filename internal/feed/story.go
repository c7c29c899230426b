package feed

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// excerptLength is how many characters of the lead text stand in for a
// missing summary, at most.
const excerptLength = 300

// story is a gallery made ready to be written in any format: clean text,
// absolute ASCII addresses, the HTML that the formats share.
type story struct {
	id, atomID, link                    string
	title, summary, content             string // content is HTML, empty in a summary
	language, keywords, rights, license string
	published, updated                  time.Time
	authors                             []person
	sources, terms                      []string // terms: the section and the tags
	pictures                            []picture
}

type person struct{ name, email, url string }

// picture is a slide. Its url is empty when its address can not be used.
type picture struct {
	url, mediaType, thumbnail   string
	title, caption, credit, alt string
	html                        string // the caption
	width, height               int
	bytes                       int64
}

func (r *Renderer) story(g *gallery.Gallery, at time.Time, c Content) (*story, error) {
	base, err := url.Parse(g.URL)
	if err != nil || !base.IsAbs() {
		base = nil
	}
	s := &story{
		id:       r.ID(g),
		atomID:   r.atomID(g),
		link:     r.link(g),
		title:    gallery.Line(g.Title),
		language: language(g.Language),
		keywords: strings.Join(lines(g.Tags), ", "),
		rights:   gallery.Line(g.Copyright),
		license:  address(g.License, base),
		authors:  people(g.Authors, base),
		sources:  lines(g.Sources),
		terms:    lines(append([]string{g.Section}, g.Tags...)),
		pictures: r.pictures(g.SlidesAt(at), base),
	}
	s.summary = gallery.Line(g.Summary)
	if s.summary == "" {
		s.summary = excerpt(gallery.PlainText(g.Body))
	}
	if c == Full {
		s.content = s.html(r.lead(g, base))
	}
	return s, s.dates(g)
}

// lead returns the text above the pictures, as HTML.
func (r *Renderer) lead(g *gallery.Gallery, base *url.URL) string {
	if strings.TrimSpace(g.Body) == "" {
		return paragraph(gallery.Line(g.Summary))
	}
	return r.policy.HTML(g.Body, base)
}

// dates sets the dates of s, to the second and in UTC.
func (s *story) dates(g *gallery.Gallery) error {
	s.published, s.updated = second(g.Published), second(g.Updated)
	if g.Updated.IsZero() {
		s.updated = s.published
	}
	for _, t := range []time.Time{s.published, s.updated} {
		if t.Year() < 1 || t.Year() > 9999 {
			return errors.New("a date is outside the years 1 to 9999")
		}
	}
	return nil
}

func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func (r *Renderer) pictures(slides []gallery.Slide, base *url.URL) []picture {
	out := make([]picture, len(slides))
	for i, s := range slides {
		img := s.Image
		p := picture{
			url:       address(img.URL, base),
			thumbnail: address(img.Thumbnail, base),
			title:     gallery.Line(s.Title),
			credit:    gallery.Line(s.Credit),
			alt:       gallery.Line(img.Alt),
			html:      r.policy.HTML(s.Caption, base),
			width:     max(img.Width, 0),
			height:    max(img.Height, 0),
			bytes:     max(img.Bytes, 0),
		}
		p.caption = gallery.PlainText(p.html)
		p.mediaType = mediaType(img.Type, p.url)
		out[i] = p
	}
	return out
}

// description is what a person reads instead of the picture.
func (p *picture) description() string {
	for _, text := range []string{p.alt, p.title, p.caption} {
		if text != "" {
			return text
		}
	}
	return ""
}

// cover returns the first picture that has an address, nil when there is none.
func (s *story) cover() *picture {
	i := slices.IndexFunc(s.pictures, func(p picture) bool { return p.url != "" })
	if i < 0 {
		return nil
	}
	return &s.pictures[i]
}

// description is plain text that says what s is about; never empty for a
// gallery with a title.
func (s *story) description() string {
	if s.summary == "" {
		return s.title
	}
	return s.summary
}

// people returns the authors that can be named: Atom wants a name of each.
func people(authors []gallery.Author, base *url.URL) []person {
	var out []person
	for _, a := range authors {
		if p := newPerson(a, base); p.name != "" {
			out = append(out, p)
		}
	}
	return out
}

func newPerson(a gallery.Author, base *url.URL) person {
	p := person{name: gallery.Line(a.Name), email: gallery.Line(a.Email), url: address(a.URL, base)}
	if !strings.Contains(p.email, "@") || strings.Contains(p.email, " ") {
		p.email = ""
	}
	for _, name := range []string{p.url, p.email} {
		if p.name == "" {
			p.name = name
		}
	}
	return p
}

// lines returns each of list as a line, without empty ones and repetitions.
func lines(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s = gallery.Line(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// excerpt returns the beginning of s, cut between two words where it has any.
func excerpt(s string) string {
	n := 0
	for i := range s {
		if n < excerptLength {
			n++
			continue
		}
		if space := strings.LastIndexByte(s[:i], ' '); space > 0 {
			i = space
		}
		return s[:i] + "…"
	}
	return s
}
