package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
)

func TestAnEventWhoseIDIsNotOfItsPublisherIsRefused(t *testing.T) {
	const published = `, "title": "A", "published": "2026-11-20T09:00:00Z"`
	item := func(id string) string {
		return `{` + id + `, "type": "text", "versioncreated": "2026-11-20T09:00:00+0000", "pubstatus": "usable", "headline": "A", "firstpublished": "2026-11-20T09:00:00+0000"}`
	}
	for _, c := range []struct{ subject, data, place string }{
		{"article.published", `{"id": "blog-1"` + published + `}`, ""},
		{"article.published", `{"id": "wire-1"` + published + `}`, "/id"},
		{"article.published", `{"id": "Blog-1"` + published + `}`, "/id"},
		{"article.published", `{"id": "wire-1", "guid": "blog-1"` + published + `}`, "/id"},
		{"article.published", `{"id": "blog-1", "guid": "tag:news.example.com,2026:wire-1"` + published + `}`, "/guid"},
		{"article.published", `{"id": "blog-1", "guid": "tag:news.example.com,2026:blog-0"` + published + `}`, ""},
		{"article.published", `{"id": "blog-1", "guid": "https://old.example.com/?p=17"` + published + `}`, ""},
		{"article.published", `{"id": "blog-1", "guid": " "` + published + `}`, ""},
		{"article.unpublished", `{"id": "blog-1"}`, ""},
		{"article.unpublished", `{"id": "wire-1"}`, "/id"},
		{"article.published", `{"specversion": "1.0", "id": "blog-1", "source": "blog-", "type": "article.unpublished", "data": {"id": "wire-1"}}`, "/data/id"},
		{"article.published", item(`"guid": "blog-1"`), ""},
		{"article.published", item(`"guid": "wire-1", "uri": "blog-1"`), "/guid"},
		{"article.published", item(`"uri": "wire-1"`), "/uri"},
	} {
		reader := event.Reader{IDPrefix: "blog-", GUIDPrefixes: []string{"https://old.example.com/"}, SiteID: "news.example.com", URLTemplate: "https://news.example.com/{id}"}
		m := event.Message{Subject: c.subject, Data: []byte(c.data), Stored: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
		_, err := reader.Decode(m)
		var problems gallery.Problems
		switch {
		case c.place == "" && err != nil:
			t.Errorf("%s: %v", c.data, err)
		case c.place != "" && (!errors.As(err, &problems) || problems[0].Place != c.place || !strings.Contains(problems[0].Reason, `does not begin with "blog-"`) && !strings.Contains(problems[0].Reason, "of another publisher")):
			t.Errorf("%s: %v, want a problem at %s", c.data, err, c.place)
		}
	}
}

// Whoever has the guid of a gallery takes its place in feeds.
func TestAGUIDThatIsNotOfItsPublisherIsRefused(t *testing.T) {
	const foreign, unshown = "of another publisher", "feeds cannot show"
	for _, c := range []struct{ prefix, guid, reason string }{
		{"b-", "https://b.example.com/?p=20", ""},
		{"b-", "urn:b:20", ""},
		{"b-", "tag:news.example.com,2026:b-20", ""},
		{"b-", "https://a.example.com/?p=20", "guid_prefixes"},
		{"b-", "https://b.example.com", "guid_prefixes"},
		{"b-", "HTTPS://b.example.com/?p=20", "guid_prefixes"},
		{"b-", " https://b.example.com/?p=20", "guid_prefixes"},
		{"b-", "\u00A0https://b.example.com/?p=20", "guid_prefixes"},
		{"b-", "https:\uFDD0//a.example.com/?p=20", unshown},
		{"b-", "https://b.example.com/\uFDD0", unshown},
		{"b-", "tag:news.example.com,2026\uFDD0:a-1", unshown},
		{"b-", "tag:news.example.com,2026\U0001FFFE:a-1", unshown},
		{"b-", "tag:news.example.com,2026:a-1", foreign},
		{"b-", "tag:news.example.com,2026:%62-1", foreign},
		{"b-", "tag:news.example.com,2026:/guid/a-1", foreign},
		{"b-", "Tag:news.example.com,2026:a-1", foreign},
		{"b-", "tag:NEWS.example.com,2026:b-1", foreign},
		{"b-", " tag:news.example.com,2026:b-1", foreign},
		{"b-", "\u00A0tag:news.example.com,2026:a-1", foreign},
		{"b-", "tag%3Anews.example.com,2026:a-1", "guid_prefixes"},
		{"b/ ", "tag:news.example.com,2026:b/%201", ""},
		{"b%2", "tag:news.example.com,2026:b%201", foreign},
		{"/", "tag:news.example.com,2026:/guid/a-1", foreign},
		{"", "https://a.example.com/?p=20", ""},
		{"", "tag:news.example.com,2026:a-1", ""},
		{"", "tag:news.example.com,2026\uFDD0:a-1", unshown},
	} {
		reader := event.Reader{IDPrefix: c.prefix, GUIDPrefixes: []string{"https://b.example.com/", "urn:b:"}, SiteID: "news.example.com"}
		data, err := json.Marshal(map[string]string{"id": c.prefix + "20", "guid": c.guid, "title": "B", "published": "2026-11-20T09:00:00Z"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = reader.Decode(event.Message{Subject: "article.published", Data: data, Stored: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)})
		if text := fmt.Sprint(err); (err != nil) != (c.reason != "") || !strings.Contains(text, c.reason) || err != nil && !strings.Contains(text, "/guid") {
			t.Errorf("%q of %q: %v, want %q", c.guid, c.prefix, err, c.reason)
		}
		if g, err := reader.Gallery(data); err != nil || g.GUID != c.guid {
			t.Errorf("%q is stored, and cannot be read: %v", c.guid, err)
		}
	}
}
