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

func (v *itemView) atom() ([]byte, error) {
	entry := atomEntry{
		Lang: v.Language,
		AtomEntry: &feeds.AtomEntry{
			Title:     v.Title,
			Id:        v.atomID,
			Published: v.Published.Format(time.RFC3339),
			Updated:   v.Updated.Format(time.RFC3339),
			Rights:    v.rights,
			Links:     v.atomLinks(),
		},
		Author:     make([]feeds.AtomAuthor, len(v.Authors)),
		Category:   make([]atomCategory, len(v.categories)),
		Enclosures: v.enclosures(),
	}
	for i, a := range v.Authors {
		entry.Author[i] = atomAuthor(a)
	}
	for i, term := range v.categories {
		entry.Category[i] = atomCategory{Term: term}
	}
	if v.Summary != "" || v.content == "" {
		entry.Summary = &feeds.AtomSummary{Type: "text", Content: v.description()}
	}
	if v.content != "" {
		entry.Content = &atomContent{Type: "html", HTML: v.content}
	}
	return xmlPiece(entry, len(v.content)+150*len(v.pictures)+2048)
}

func (v *itemView) atomLinks() []feeds.AtomLink {
	links := []feeds.AtomLink{{Rel: "alternate", Type: "text/html", Href: v.link}}
	if v.page != "" && v.page != v.link {
		links = append(links, feeds.AtomLink{Rel: "related", Type: "text/html", Href: v.page})
	}
	if v.feed != "" {
		links = append(links, feeds.AtomLink{Rel: "related", Type: Atom.MediaType(), Href: v.feed + "." + Atom.String()})
	}
	if v.License != "" {
		links = append(links, feeds.AtomLink{Rel: "license", Href: v.License})
	}
	return links
}

// enclosures returns a link to each picture, written by hand for the reason of
// [itemView.media].
func (v *itemView) enclosures() string {
	var m markup
	m.Grow(150 * len(v.pictures))
	for i := range v.pictures {
		if image := &v.pictures[i].Image; image.URL != "" {
			m.block(`<link rel="enclosure" href="`, image.URL, `"`)
			m.block(` type="`, image.Type, `"`)
			m.number(` length="`, image.Bytes)
			m.add("/>")
		}
	}
	return m.String()
}

func atomAuthor(a gallery.Author) feeds.AtomAuthor {
	return feeds.AtomAuthor{AtomPerson: feeds.AtomPerson{Name: a.Name, Uri: a.URL, Email: a.Email}}
}

// atomFeed is a feed with its language, all its links, its generator and its deleted
// entries.
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
	person := named(ch.Author.Clean(nil))
	person.Name = cmp.Or(person.Name, gallery.Line(ch.Site), gallery.Line(ch.Title)) // a feed whose entries may lack authors needs one
	author := atomAuthor(person)
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
			Author:   &author,
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
