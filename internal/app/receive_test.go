package app

import (
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
)

func TestEventsArePublishedOnTheConfiguredSubjects(t *testing.T) {
	for _, tt := range []struct{ subjects, published, unpublished string }{
		{"article.published article.unpublished", "article.published", "article.unpublished"},
		{"cms.unpublished cms.published", "cms.published", "cms.unpublished"},
		{"unpublished published", "published", "unpublished"},
		{"cms.*.unpublished cms.*.published", "cms.gallerywire.published", "cms.gallerywire.unpublished"},
		{"cms.out", "cms.out", "cms.out"},
		{"cms.out cms.unpublished", "cms.out", "cms.unpublished"},
		{"*.cms.>", "gallerywire.cms.published", "gallerywire.cms.unpublished"},
	} {
		subjects := strings.Fields(tt.subjects)
		if got := subjectOf(subjects, event.Published); got != tt.published {
			t.Errorf("%s: publications go to %s, want %s", tt.subjects, got, tt.published)
		}
		if got := subjectOf(subjects, event.Unpublished); got != tt.unpublished {
			t.Errorf("%s: take-downs go to %s, want %s", tt.subjects, got, tt.unpublished)
		}
	}
}
