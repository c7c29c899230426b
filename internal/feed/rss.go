package feed

import (
	"bytes"
	"encoding/xml"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gorilla/feeds"
)

// rssItem is an item with what gorilla/feeds lacks: many categories, Dublin
// Core creators, and Media RSS.
type rssItem struct {
	*feeds.RssItem
	Category []string `xml:"category"`
	Creators []string `xml:"dc:creator"`
	Language string   `xml:"dc:language,omitempty"`
	Updated  string   `xml:"atom:updated"`
	Rights   string   `xml:"media:copyright,omitempty"`
	Keywords string   `xml:"media:keywords,omitempty"`
	Media    string   `xml:",innerxml"`
}

func (s *story) rss() ([]byte, error) {
	item := rssItem{
		RssItem: &feeds.RssItem{
			Title:       rssTitle(s.title),
			Link:        s.link,
			Description: html.EscapeString(s.description()), // readers take a description for HTML
			Enclosure:   s.enclosure(),
			Guid:        &feeds.RssGuid{Id: s.id, IsPermaLink: strconv.FormatBool(s.id == s.link)},
			PubDate:     s.published.Format(time.RFC1123Z),
		},
		Category: s.terms,
		Creators: make([]string, len(s.authors)),
		Language: s.language,
		Updated:  s.updated.Format(time.RFC3339),
		Rights:   s.rights,
		Keywords: s.keywords,
		Media:    s.media(),
	}
	for i, a := range s.authors {
		item.Creators[i] = a.name
	}
	if s.content != "" {
		item.Content = &feeds.RssContent{Content: s.content}
	}
	return xmlPiece(item, len(s.content)+750*len(s.pictures)+2048)
}

// enclosure is the cover, if its size is known: readers trust the number.
func (s *story) enclosure() *feeds.RssEnclosure {
	p := s.cover()
	if p == nil || p.bytes == 0 {
		return nil
	}
	return &feeds.RssEnclosure{Url: p.url, Length: strconv.FormatInt(p.bytes, 10), Type: p.pictureType()}
}

// rssTitle returns a title for RSS, which does not say whether titles are text
// or HTML: as text, but escaped where a reader that thinks HTML would see a
// tag.
func rssTitle(title string) string {
	for rest := title; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 || i == len(rest)-1 {
			return title
		}
		rest = rest[i+1:]
		if rest[0] != ' ' && rest[0] != '=' && (rest[0] < '0' || rest[0] > '9') {
			return html.EscapeString(title)
		}
	}
}

type rssDocument struct {
	feeds.RssFeedXml
	Media   string     `xml:"xmlns:media,attr"`
	DC      string     `xml:"xmlns:dc,attr"`
	Atom    string     `xml:"xmlns:atom,attr"`
	History string     `xml:"xmlns:fh,attr,omitempty"`
	Channel rssChannel // instead of gorilla's, which has no links
}

type rssChannel struct {
	*feeds.RssFeed
	Links   []rssLink `xml:"atom:link"`
	Archive *presence `xml:"fh:archive"`
}

type rssLink struct {
	Href string `xml:"href,attr"`
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr,omitempty"`
}

func (ch *Channel) rss() (frame, error) {
	c := rssChannel{RssFeed: &feeds.RssFeed{
		Title:          rssTitle(gallery.Line(ch.Title)),
		Link:           ch.Home,
		Description:    html.EscapeString(ch.description()),
		Language:       language(ch.Language),
		Copyright:      gallery.Line(ch.Copyright),
		ManagingEditor: ch.editor(),
		LastBuildDate:  ch.updated().Format(time.RFC1123Z),
		Generator:      generator,
		Image:          ch.rssImage(),
	}}
	for _, l := range ch.links(RSS) {
		c.Links = append(c.Links, rssLink{Href: l.href, Rel: l.rel, Type: l.mediaType})
	}
	d := rssDocument{
		RssFeedXml: feeds.RssFeedXml{Version: "2.0", ContentNamespace: "http://purl.org/rss/1.0/modules/content/"},
		Media:      "http://search.yahoo.com/mrss/",
		DC:         "http://purl.org/dc/elements/1.1/",
		Atom:       atomNamespace,
	}
	d.History, c.Archive = ch.history()
	d.Channel = c
	return xmlFrame(d, "</channel></rss>")
}

// rssImage is the feed's picture with the size at which RSS lets it be shown,
// 144 by 400 at most. The specification wants the title and link of the channel.
func (ch *Channel) rssImage() *feeds.RssImage {
	const widest, highest = 144, 400
	url := gallery.WebAddress(ch.Image.URL, nil)
	if url == "" {
		return nil
	}
	image := &feeds.RssImage{Url: url, Title: rssTitle(gallery.Line(ch.Title)), Link: ch.Home}
	if w, h := ch.Image.Width, ch.Image.Height; w > 0 && h > 0 {
		scale := min(1, widest/float64(w), highest/float64(h))
		image.Width, image.Height = max(1, int(float64(w)*scale)), max(1, int(float64(h)*scale))
	}
	return image
}

// editor is the author as RSS wants one, "" without an address for mail.
func (ch *Channel) editor() string {
	p := newPerson(ch.Author, nil)
	switch {
	case p.email == "" || p.name == p.email:
		return p.email
	}
	return p.email + " (" + p.name + ")"
}

// xmlPiece marshals an item on a line of its own; size is about how long it
// will be.
func xmlPiece(item any, size int) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(size)
	if err := xml.NewEncoder(&b).Encode(item); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// xmlFrame marshals a document without items and cuts it before end, where
// they belong.
func xmlFrame(document any, end string) (frame, error) {
	b, err := xml.Marshal(document)
	if err != nil {
		return frame{}, err
	}
	head := append([]byte(xml.Header), b[:len(b)-len(end)]...)
	return frame{head: append(head, '\n'), tail: []byte(end + "\n")}, nil
}
