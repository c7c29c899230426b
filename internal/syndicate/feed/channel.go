package feed

import (
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// generator names the program in documents, without its version: a new release
// must not change every document.
const generator = "gallerywire"

// Channel is the metadata of a feed. Its addresses are absolute and ASCII; arrays are
// indexed by [Format]. What is empty is left out.
type Channel struct {
	ID          string // an IRI that never changes, as [Renderer.FeedID] makes it
	Title       string
	Description string
	Language    string
	Copyright   string
	Author      gallery.Author
	Site        string          // the site's title: Atom's author where Author has no name
	Home        string          // the page that the feed belongs to
	Icon        string          // a small square picture of the site
	Image       gallery.Image   // the feed's picture: address, thumbnail and, where they are known, width and height
	Self        [formats]string // the feed's own address
	Hubs        []string        // where to subscribe to changes (WebSub); none is empty
	Updated     time.Time       // of the newest item; zero: 1970-01-01T00:00:00Z

	// The feed's history in documents that follow one another (RFC 5005 §4).
	Current     [formats]string // where the newest items are, in a document of older ones
	PrevArchive [formats]string // the next older document; JSON Feed calls it next_url
	NextArchive [formats]string // the next newer archive document
	Archive     bool            // this is an archive document

	Tombstones []Tombstone // galleries taken down, shown by Atom and JSON Feed
}

// Tombstone is the deleted entry of an item (RFC 6721).
type Tombstone struct {
	ID, AtomID string // as [Renderer.ID] and [Renderer.AtomID] give them
	When       time.Time
	Reason     string // plain text for people; may be empty
}

func (ch *Channel) updated() time.Time {
	if ch.Updated.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return second(ch.Updated)
}

// channelLink is a link from a feed to a document.
type channelLink struct{ rel, mediaType, href string }

// links returns the links of the feed in that format, in the order of the documents.
func (ch *Channel) links(f Format) []channelLink {
	all := []channelLink{{"self", f.MediaType(), ch.Self[f]}}
	for _, hub := range ch.Hubs {
		all = append(all, channelLink{"hub", "", hub})
	}
	all = append(all,
		channelLink{"current", f.MediaType(), ch.Current[f]},
		channelLink{"prev-archive", f.MediaType(), ch.PrevArchive[f]},
		channelLink{"next-archive", f.MediaType(), ch.NextArchive[f]},
	)
	links := all[:0]
	for _, l := range all {
		if l.href != "" {
			links = append(links, l)
		}
	}
	return links
}

// presence is an element without content.
type presence struct{}

const historyNamespace = "http://purl.org/syndication/history/1.0"

// history returns the element that marks an archive document and its namespace, and
// neither for other documents.
func (ch *Channel) history() (namespace string, mark *presence) {
	if !ch.Archive {
		return "", nil
	}
	return historyNamespace, new(presence)
}
