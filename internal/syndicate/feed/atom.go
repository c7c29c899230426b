package feed

import (
	"cmp"
	"encoding/xml"
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
	Content    *atomContent
	Author     []feeds.AtomAuthor
	Category   []atomCategory `xml:"category"`
	Enclosures string         `xml:",innerxml"`
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
		Author:     make([]feeds.AtomAuthor, len(s.authors)),
		Category:   make([]atomCategory, len(s.terms)),
		Enclosures: s.enclosures(),
	}
	for i, a := range s.authors {
		entry.Author[i] = a.atom()
	}
	for i, term := range s.terms {
		entry.Category[i] = atomCategory{Term: term}
	}
	if s.summary != "" || s.content == "" {
		entry.Summary = &feeds.AtomSummary{Type: "text", Content: s.description()}
	}
	if s.content != "" {
		entry.Content = &atomContent{Type: "html", HTML: s.content}
	}
	return xmlPiece(entry, len(s.content)+150*len(s.pictures)+2048)
}

func (s *story) atomLinks() []feeds.AtomLink {
	links := []feeds.AtomLink{{Rel: "alternate", Type: "text/html", Href: s.link}}
	if s.page != "" && s.page != s.link {
		links = append(links, feeds.AtomLink{Rel: "related", Type: "text/html", Href: s.page})
	}
	if s.feed != "" {
		links = append(links, feeds.AtomLink{Rel: "related", Type: Atom.MediaType(), Href: s.feed + "." + Atom.String()})
	}
	if s.license != "" {
		links = append(links, feeds.AtomLink{Rel: "license", Href: s.license})
	}
	return links
}

// enclosures returns a link to each picture, written by hand for the reason of
// [story.media].
func (s *story) enclosures() string {
	var p page
	p.Grow(150 * len(s.pictures))
	for i := range s.pictures {
		if pic := &s.pictures[i]; pic.url != "" {
			p.block(`<link rel="enclosure" href="`, pic.url, `"`)
			p.block(` type="`, pic.mediaType, `"`)
			p.number(` length="`, pic.bytes)
			p.add("/>")
		}
	}
	return p.String()
}

func (p person) atom() feeds.AtomAuthor {
	return feeds.AtomAuthor{AtomPerson: feeds.AtomPerson{Name: p.name, Uri: p.url, Email: p.email}}
}

// atomFeed is a feed with its language, all its links, its generator, and what
// became of items that are gone.
type atomFeed struct {
	Lang             string `xml:"xml:lang,attr,omitempty"`
	HistoryNamespace string `xml:"xmlns:fh,attr,omitempty"`
	DeletedNamespace string `xml:"xmlns:at,attr,omitempty"`
	*feeds.AtomFeed
	Link      []feeds.AtomLink
	Generator string         `xml:"generator"`
	Archive   *presence      `xml:"fh:archive"`
	Deleted   []deletedEntry `xml:"at:deleted-entry"`
}

// deletedEntry is RFC 6721.
type deletedEntry struct {
	Ref     string `xml:"ref,attr"`
	When    string `xml:"when,attr"`
	Comment string `xml:"at:comment,omitempty"`
}

const deletedNamespace = "http://purl.org/atompub/tombstones/1.0"

func (ch *Channel) atom() (frame, error) {
	author := newPerson(ch.Author, nil)
	author.name = cmp.Or(author.name, gallery.Line(ch.Site), gallery.Line(ch.Title)) // a feed whose entries may lack authors needs one
	person := author.atom()
	f := atomFeed{
		Lang: gallery.CanonicalLanguage(ch.Language),
		AtomFeed: &feeds.AtomFeed{
			Xmlns:    atomNamespace,
			Title:    gallery.Line(ch.Title),
			Id:       ch.ID,
			Updated:  ch.updated().Format(time.RFC3339),
			Icon:     gallery.WebAddress(ch.Icon, nil),
			Logo:     gallery.WebAddress(ch.Image.URL, nil),
			Subtitle: gallery.Line(ch.Description),
			Rights:   gallery.Line(ch.Copyright),
			Author:   &person,
		},
		Link:      ch.atomLinks(),
		Generator: generator,
		Deleted:   ch.deleted(),
	}
	f.HistoryNamespace, f.Archive = ch.history()
	if len(f.Deleted) > 0 {
		f.DeletedNamespace = deletedNamespace
	}
	return xmlFrame(f, "</feed>")
}

func (ch *Channel) atomLinks() []feeds.AtomLink {
	var links []feeds.AtomLink
	if ch.Home != "" {
		links = append(links, feeds.AtomLink{Rel: "alternate", Type: "text/html", Href: ch.Home})
	}
	for _, l := range ch.links(Atom) {
		links = append(links, feeds.AtomLink{Rel: l.rel, Type: l.mediaType, Href: l.href})
	}
	return links
}

func (ch *Channel) deleted() []deletedEntry {
	list := make([]deletedEntry, len(ch.Tombstones))
	for i, t := range ch.Tombstones {
		list[i] = deletedEntry{Ref: t.AtomID, When: second(t.When).Format(time.RFC3339), Comment: gallery.Line(t.Reason)}
	}
	return list
}
