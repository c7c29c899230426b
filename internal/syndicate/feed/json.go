package feed

import (
	"bytes"
	"cmp"
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

func (v *itemView) json() ([]byte, error) {
	item := jsonItem{
		JSONItem: &feeds.JSONItem{
			Id:            v.id,
			Url:           v.link,
			Title:         v.Title,
			ContentHTML:   v.content,
			Summary:       v.Summary,
			PublishedDate: &v.Published,
			ModifiedDate:  &v.Updated,
			Tags:          v.categories,
		},
		Language:    v.Language,
		Attachments: make([]attachment, 0, len(v.pictures)),
		Gallery:     v.data(),
	}
	if v.content == "" {
		item.ContentText = v.description()
	}
	if cover := v.cover(false); cover != nil {
		item.Image = cover.Image.URL
	}
	if cover := v.cover(true); cover != nil {
		item.Banner = cover.Image.URL
	}
	for _, a := range v.Authors {
		item.Authors = append(item.Authors, &feeds.JSONAuthor{Name: a.Name, Url: a.URL})
	}
	for i := range v.pictures {
		if p := &v.pictures[i]; p.Image.URL != "" {
			item.Attachments = append(item.Attachments, attachment{URL: p.Image.URL, Type: cmp.Or(p.Image.Type, "image/jpeg"), Title: p.Title, Bytes: p.Image.Bytes})
		}
	}
	return marshalJSON(item)
}

// jsonFeed is the head of a feed; gorilla/feeds leaves out an empty list of
// items, which is how the items get their own place.
type jsonFeed struct {
	*feeds.JSONFeed
	Data feedData `json:"_gallerywire"`
}

// feedData is the extension of the feed itself: the address where "_gallerywire" is
// explained, and what was withdrawn lately, like the deleted entries of Atom.
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
	if a := named(ch.Author.Clean(nil)); a.Name != "" {
		f.Authors = []*feeds.JSONAuthor{{Name: a.Name, Url: a.URL}}
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
