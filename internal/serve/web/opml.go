package web

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// outline is an OPML 2.0 subscription list.
type outline struct {
	XMLName xml.Name    `xml:"opml"`
	Version string      `xml:"version,attr"`
	Title   string      `xml:"head>title"`
	Body    outlineBody `xml:"body"`
}

type outlineBody struct {
	Feeds []outlineFeed `xml:"outline"`
}

type outlineFeed struct {
	Type    string `xml:"type,attr"` // "rss" for every format
	Text    string `xml:"text,attr"`
	Title   string `xml:"title,attr"`
	URL     string `xml:"xmlUrl,attr"`
	Page    string `xml:"htmlUrl,attr,omitempty"`
	Version string `xml:"version,attr"`
}

// opml lists the configured feeds and the sections, in Atom, which carries the most. The
// last document is kept while it does not change.
func opml(o Options) http.HandlerFunc {
	caching := "public, max-age=" + strconv.Itoa(int(o.MaxAge.Seconds())) + ", must-revalidate"
	var last atomic.Pointer[Document]
	return func(w http.ResponseWriter, r *http.Request) {
		list := outline{Version: "2.0", Title: gallery.Text(o.Title)}
		for _, feed := range o.Editions.Listings() {
			title := gallery.Line(feed.Title)
			list.Body.Feeds = append(list.Body.Feeds, outlineFeed{Type: "rss", Text: title, Title: title, URL: feed.Atom, Page: feed.Page, Version: "ATOM"})
		}
		var b bytes.Buffer
		b.WriteString(xml.Header)
		if err := xml.NewEncoder(&b).Encode(list); err != nil {
			plain(w, http.StatusInternalServerError, "the list cannot be written")
			return
		}
		d := last.Load()
		if d == nil || !bytes.Equal(d.body, b.Bytes()) {
			d = NewDocument("text/x-opml; charset=utf-8", b.Bytes()).Compress()
			last.Store(d)
		}
		allowOrigins(w)
		d.Serve(w, r, caching)
	}
}
