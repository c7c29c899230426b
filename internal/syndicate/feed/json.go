package feed

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gorilla/feeds"
)

// jsonItem is an item with what gorilla/feeds lacks: its language, the banner
// and the attachments as JSON Feed 1.1 names them, and the gallery as data.
type jsonItem struct {
	*feeds.JSONItem
	Banner      string       `json:"banner_image,omitempty"`
	Language    string       `json:"language,omitempty"`
	Attachments []attachment `json:"attachments,omitempty"`
	Gallery     *galleryData `json:"_gallerywire"`
}

type attachment struct {
	URL   string `json:"url"`
	Type  string `json:"mime_type"`
	Title string `json:"title,omitempty"`
	Bytes int64  `json:"size_in_bytes,omitempty"`
}

func (s *story) json() ([]byte, error) {
	item := jsonItem{
		JSONItem: &feeds.JSONItem{
			Id:            s.id,
			Url:           s.link,
			Title:         s.title,
			ContentHTML:   s.content,
			Summary:       s.summary,
			PublishedDate: &s.published,
			ModifiedDate:  &s.updated,
			Tags:          s.terms,
		},
		Language:    s.language,
		Attachments: s.attachments(),
		Gallery:     s.data(),
	}
	if s.content == "" {
		item.ContentText = s.description()
	}
	if cover := s.cover(); cover != nil {
		item.Image = cover.url
	}
	if banner := s.banner(); banner != nil {
		item.Banner = banner.url
	}
	for _, a := range s.authors {
		item.Authors = append(item.Authors, a.json())
	}
	return marshalJSON(item)
}

func (s *story) attachments() []attachment {
	out := make([]attachment, 0, len(s.pictures))
	for _, p := range s.pictures {
		if p.url != "" {
			out = append(out, attachment{URL: p.url, Type: p.pictureType(), Title: p.title, Bytes: p.bytes})
		}
	}
	return out
}

func (p person) json() *feeds.JSONAuthor { return &feeds.JSONAuthor{Name: p.name, Url: p.url} }

// jsonFeed is the head of a feed; gorilla/feeds leaves out an empty list of
// items, which is how the items get their own place.
type jsonFeed struct {
	*feeds.JSONFeed
	Data feedData `json:"_gallerywire"`
}

// feedData is what the feed says of itself: the address where "_gallerywire" is
// explained, and what was withdrawn lately, as deleted entries do in Atom.
type feedData struct {
	About   string        `json:"about"`
	Deleted []deletedItem `json:"deleted,omitempty"`
}

type deletedItem struct {
	ID     string    `json:"id"` // of the item that is gone
	When   time.Time `json:"when"`
	Reason string    `json:"reason,omitempty"`
}

func (ch *Channel) json() (frame, error) {
	f := jsonFeed{Data: feedData{About: extensionAbout}, JSONFeed: &feeds.JSONFeed{
		Version:     "https://jsonfeed.org/version/1.1",
		Title:       gallery.Line(ch.Title),
		Language:    gallery.CanonicalLanguage(ch.Language),
		HomePageUrl: ch.Home,
		FeedUrl:     ch.Self[JSON],
		NextUrl:     ch.PrevArchive[JSON],
		Icon:        gallery.WebAddress(ch.Image.URL, nil),
		Favicon:     gallery.WebAddress(ch.Icon, nil),
		Description: gallery.Line(ch.Description),
	}}
	if author := newPerson(ch.Author, nil); author.name != "" {
		f.Authors = []*feeds.JSONAuthor{author.json()}
	}
	for _, t := range ch.Tombstones {
		f.Data.Deleted = append(f.Data.Deleted, deletedItem{t.ID, second(t.When), gallery.Line(t.Reason)})
	}
	for _, hub := range ch.Hubs {
		f.Hubs = append(f.Hubs, &feeds.JSONHub{Type: "WebSub", Url: hub})
	}
	head, err := marshalJSON(f)
	if err != nil {
		return frame{}, err
	}
	head = append(bytes.TrimSuffix(head, []byte("}")), ",\"items\":[\n"...)
	return frame{head: head, tail: []byte("\n]}\n"), separator: []byte(",\n")}, nil
}

// marshalJSON marshals v without escaping HTML, which would more than double
// it.
func marshalJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
