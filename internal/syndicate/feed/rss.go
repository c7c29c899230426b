package feed

import (
	"bytes"
	"cmp"
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

func (v *itemView) rss() ([]byte, error) {
	item := rssItem{
		RssItem: &feeds.RssItem{
			Title:       rssText(v.Title),
			Link:        v.link,
			Description: rssDescription(v.description()),
			Guid:        &feeds.RssGuid{Id: v.id, IsPermaLink: strconv.FormatBool(v.id == v.link)},
			PubDate:     v.Published.Format(time.RFC1123Z),
		},
		Category: v.categories,
		Creators: make([]string, len(v.Authors)),
		Language: v.Language,
		Updated:  v.Updated.Format(time.RFC3339),
		Rights:   v.rights,
		Keywords: v.keywords,
		Media:    v.media(),
	}
	for i, a := range v.Authors {
		item.Creators[i] = a.Name
	}
	if v.content != "" {
		item.Content = &feeds.RssContent{Content: v.content}
	}
	return xmlPiece(item, len(v.content)+750*len(v.pictures)+2048)
}

// media returns the pictures as Media RSS, with only the elements that the W3C's
// validator knows. They stand flat in the item: a media:group would say that
// they are renditions of one picture. It is written by hand because encoding/xml
// takes longer for these many small elements than for all the rest. Its texts are
// plain, which is the default, even where the caption has markup: readers that ignore
// the type would show tags, and the markup is in the content already.
func (v *itemView) media() string {
	var m markup
	m.Grow(700 * len(v.pictures))
	for i := range v.pictures {
		p := &v.pictures[i]
		if p.Image.URL == "" {
			continue
		}
		m.block(`<media:content url="`, p.Image.URL, `"`)
		m.block(` type="`, p.Image.Type, `"`)
		m.add(` medium="image"`)
		m.number(` width="`, int64(p.Image.Width))
		m.number(` height="`, int64(p.Image.Height))
		m.number(` fileSize="`, p.Image.Bytes)
		m.add(">")
		m.block("<media:title>", p.Title, "</media:title>")
		m.block("<media:description>", p.caption, "</media:description>")
		m.block("<media:credit>", p.Credit, "</media:credit>")
		m.block("<media:text>", p.Image.Alt, "</media:text>")
		m.block(`<media:thumbnail url="`, p.Image.Thumbnail, `"/>`)
		m.add("</media:content>")
	}
	return m.String()
}

// rssText returns a title, or the description of a channel, for RSS, which leaves open
// whether these are text or HTML: as text, but escaped where a feed reader that expects
// HTML would see a tag.
func rssText(text string) string {
	for rest := text; ; {
		i := strings.IndexByte(rest, '<')
		if i < 0 || i == len(rest)-1 {
			return text
		}
		rest = rest[i+1:]
		if rest[0] != ' ' && rest[0] != '=' && (rest[0] < '0' || rest[0] > '9') {
			return html.EscapeString(text)
		}
	}
}

// rssDescription returns the description of an item, which most feed readers take for
// HTML. Texts that read the same either way stay as they are, for the others.
func rssDescription(text string) string {
	if html.UnescapeString(text) != text {
		return html.EscapeString(text)
	}
	return rssText(text)
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
	author := named(ch.Author.Clean(nil))
	editor := author.Email
	if editor != "" && author.Name != editor {
		editor += " (" + author.Name + ")"
	}
	c := rssChannel{RssFeed: &feeds.RssFeed{
		Title:          rssText(gallery.Line(ch.Title)),
		Link:           ch.Home,
		Description:    rssText(cmp.Or(gallery.Line(ch.Description), gallery.Line(ch.Title))),
		Language:       gallery.CanonicalLanguage(ch.Language),
		Copyright:      gallery.Line(ch.Copyright),
		ManagingEditor: editor,
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

// rssImage is a small picture of the feed. RSS allows 144 by 400 pixels and wants
// the true size: it is the feed's picture where that is known to fit, and else its
// thumbnail, without a size. Its title and link are those of the channel, as the
// specification wants.
func (ch *Channel) rssImage() *feeds.RssImage {
	const widest, highest = 144, 400
	image := &feeds.RssImage{Url: gallery.WebAddress(ch.Image.Thumbnail, nil), Title: rssText(gallery.Line(ch.Title)), Link: ch.Home}
	url := gallery.WebAddress(ch.Image.URL, nil)
	if w, h := ch.Image.Width, ch.Image.Height; url != "" && 0 < w && w <= widest && 0 < h && h <= highest {
		image.Url, image.Width, image.Height = url, w, h
	}
	if image.Url == "" {
		return nil
	}
	return image
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
