package event_test

import (
	"errors"
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
		{"article.unpublished", `{"id": "blog-1"}`, ""},
		{"article.unpublished", `{"id": "wire-1"}`, "/id"},
		{"article.published", `{"specversion": "1.0", "id": "blog-1", "source": "blog-", "type": "article.unpublished", "data": {"id": "wire-1"}}`, "/data/id"},
		{"article.published", item(`"guid": "blog-1"`), ""},
		{"article.published", item(`"guid": "wire-1", "uri": "blog-1"`), "/guid"},
		{"article.published", item(`"uri": "wire-1"`), "/uri"},
	} {
		reader := event.Reader{IDPrefix: "blog-", SiteID: "news.example.com", URLTemplate: "https://news.example.com/{id}"}
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
