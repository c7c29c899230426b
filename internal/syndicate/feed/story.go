package feed

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// excerptLength is how many characters of a text stand in for a missing
// summary, at most.
const excerptLength = 300

// story is what an item tells, made ready to be written in any format: clean
// text, absolute ASCII addresses, the HTML that the formats share.
type story struct {
	galleryID                          string // as the publisher gave it
	id, atomID, link                   string
	page, feed                         string // where the gallery is here, and its own feed without the extension; empty of a stub
	title, summary, lead, content      string // lead and content are HTML; content is empty in a summary
	language, direction                string // direction as HTML's dir; either may be empty
	section, keywords, rights, license string // license is an address; one in words is among the rights
	published, updated                 time.Time
	authors                            []person
	sources, terms                     []string // terms: the section and the tags
	pictures                           []picture
	withdrawn                          bool // a stub
}

type person struct{ name, email, url string }

// story returns g as an item. In a summary only the cover is left of its
// pictures.
func (r *Renderer) story(g *gallery.Gallery, at time.Time, c Content) *story {
	base := gallery.Base(g.URL)
	s := r.facts(g, at, base)
	if c == Summary {
		s.pictures = s.coverAlone()
		return s
	}
	s.content = s.html(s.lead)
	return s
}

// facts returns everything about g but its content.
func (r *Renderer) facts(g *gallery.Gallery, at time.Time, base *url.URL) *story {
	s := &story{
		galleryID: g.ID,
		id:        r.ID(g),
		atomID:    r.AtomID(g),
		link:      r.Link(g),
		page:      r.page(g),
		feed:      r.page(g),
		title:     gallery.Line(g.Title),
		summary:   gallery.Line(g.Summary),
		language:  gallery.CanonicalLanguage(g.Language),
		section:   gallery.Line(g.Section),
		keywords:  strings.Join(gallery.Lines(g.Tags), ", "),
		rights:    gallery.Line(g.Copyright),
		authors:   people(g.Authors, base),
		sources:   gallery.Lines(g.Sources),
		terms:     gallery.Lines(append([]string{g.Section}, g.Tags...)),
		pictures:  r.pictures(g, at, base),
		published: second(g.Published),
		updated:   second(g.UpdatedAt(at)),
	}
	if words := gallery.Line(g.License); !gallery.LicenceInWords(words) {
		s.license = gallery.WebAddress(words, base)
	} else if !strings.Contains(s.rights, words) {
		s.rights = strings.TrimPrefix(s.rights+" · "+words, " · ")
	}
	if s.lead = paragraph(s.summary); strings.TrimSpace(g.Body) != "" {
		s.lead = gallery.HTML(g.Body, base)
	}
	if s.summary == "" {
		s.summary = excerpt(gallery.PlainText(s.lead))
	}
	s.direction = gallery.Direction(s.language, s.title, s.summary)
	return s
}

// checkDates refuses dates that not every format can write.
func (s *story) checkDates() error {
	for _, t := range []time.Time{s.published, s.updated} {
		if t.Year() < 1 || t.Year() > 9999 {
			return errors.New("a date is outside the years 1 to 9999")
		}
	}
	return nil
}

func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// cover returns the first picture that has an address, nil when there is none.
func (s *story) cover() *picture {
	if cover := s.coverAlone(); len(cover) > 0 {
		return &cover[0]
	}
	return nil
}

// coverAlone returns the pictures without all but the cover.
func (s *story) coverAlone() []picture {
	i := slices.IndexFunc(s.pictures, func(p picture) bool { return p.url != "" })
	if i < 0 {
		return nil
	}
	return s.pictures[i : i+1]
}

// banner returns the first picture that is not known to be upright, nil when
// there is none.
func (s *story) banner() *picture {
	i := slices.IndexFunc(s.pictures, func(p picture) bool { return p.url != "" && !p.upright() })
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
	p := person{name: gallery.Line(a.Name), email: gallery.EmailAddress(a.Email), url: gallery.WebAddress(a.URL, base)}
	for _, name := range []string{p.url, p.email} {
		if p.name == "" {
			p.name = name
		}
	}
	return p
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
