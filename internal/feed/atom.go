package feed

import (
	"encoding/xml"
	"strconv"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gorilla/feeds"
)

const atomNamespace = "http://www.w3.org/2005/Atom"

// atomEntry is an entry with what gorilla/feeds lacks: a language, several
// authors and categories with a term.
type atomEntry struct {
	Lang string `xml:"xml:lang,attr,omitempty"`
	*feeds.AtomEntry
	Content  *atomContent
	Author   []feeds.AtomAuthor
	Category []atomCategory `xml:"category"`
}

// atomContent is HTML in a CDATA section, where it needs no escaping and is a
// fifth shorter.
type atomContent struct {
	XMLName xml.Name `xml:"content"`
	Type    string   `xml:"type,attr"`
	HTML    string   `xml:",cdata"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

func (s *story) atom() ([]byte, error) {
	entry := atomEntry{
		Lang: s.language,
		AtomEntry: &feeds.AtomEntry{
			Title:     s.title,
			Id:        s.atomID,
			Published: s.published.Format(time.RFC3339),
			Updated:   s.updated.Format(time.RFC3339),
			Rights:    s.rights,
			Links:     s.atomLinks(),
		},
		Author:   make([]feeds.AtomAuthor, len(s.authors)),
		Category: make([]atomCategory, len(s.terms)),
	}
	for i, a := range s.authors {
		entry.Author[i] = a.atom()
	}
	for i, term := range s.terms {
		entry.Category[i] = atomCategory{Term: term}
	}
	if s.summary != "" {
		entry.Summary = &feeds.AtomSummary{Type: "text", Content: s.summary}
	}
	if s.content != "" {
		entry.Content = &atomContent{Type: "html", HTML: s.content}
	}
	return xmlPiece(entry, len(s.content)+150*len(s.pictures)+2048)
}

func (s *story) atomLinks() []feeds.AtomLink {
	links := make([]feeds.AtomLink, 0, 2+len(s.pictures))
	links = append(links, feeds.AtomLink{Rel: "alternate", Type: "text/html", Href: s.link})
	if s.license != "" {
		links = append(links, feeds.AtomLink{Rel: "license", Href: s.license})
	}
	for _, p := range s.pictures {
		if p.url == "" {
			continue
		}
		link := feeds.AtomLink{Rel: "enclosure", Type: p.mediaType, Href: p.url}
		if p.bytes > 0 {
			link.Length = strconv.FormatInt(p.bytes, 10)
		}
		links = append(links, link)
	}
	return links
}

func (p person) atom() feeds.AtomAuthor {
	return feeds.AtomAuthor{AtomPerson: feeds.AtomPerson{Name: p.name, Uri: p.url, Email: p.email}}
}

// atomFeed is a feed with its language, all its links and its generator.
type atomFeed struct {
	Lang string `xml:"xml:lang,attr,omitempty"`
	*feeds.AtomFeed
	Link      []feeds.AtomLink
	Generator string `xml:"generator"`
}

func (ch *Channel) atom() (frame, error) {
	author := newPerson(ch.Author, nil)
	if author.name == "" {
		author.name = gallery.Line(ch.Title) // a feed whose entries may lack authors needs one
	}
	person := author.atom()
	return xmlFrame(atomFeed{
		Lang: language(ch.Language),
		AtomFeed: &feeds.AtomFeed{
			Xmlns:    atomNamespace,
			Title:    gallery.Line(ch.Title),
			Id:       ch.ID,
			Updated:  ch.updated().Format(time.RFC3339),
			Subtitle: gallery.Line(ch.Description),
			Rights:   gallery.Line(ch.Copyright),
			Author:   &person,
		},
		Link:      ch.atomLinks(),
		Generator: generator,
	}, "</feed>")
}

func (ch *Channel) atomLinks() []feeds.AtomLink {
	var links []feeds.AtomLink
	add := func(rel, mediaType, href string) {
		if href != "" {
			links = append(links, feeds.AtomLink{Rel: rel, Type: mediaType, Href: href})
		}
	}
	add("self", Atom.MediaType(), ch.Self[Atom])
	add("alternate", "text/html", ch.Home)
	add("hub", "", ch.Hub)
	return links
}
