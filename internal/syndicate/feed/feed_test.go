package feed

import (
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// testNow lies after every gallery of the tests.
var testNow = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

func testRenderer() *Renderer {
	return NewRenderer(Options{SiteID: "news.example.com", BaseURL: "https://feeds.example.com"})
}

func testChannel() Channel {
	return Channel{
		ID:          "tag:news.example.com,2026:/feeds/all",
		Title:       "All galleries",
		Description: "Every gallery of Example News & friends",
		Language:    "en",
		Copyright:   "© Example News",
		Author:      gallery.Author{Name: "Example News", Email: "desk@example.com"},
		Home:        "https://feeds.example.com/",
		Icon:        "https://feeds.example.com/icon.png",
		Image:       gallery.Image{URL: "https://feeds.example.com/größe.png", Width: 144, Height: 72},
		Self: [3]string{
			RSS:  "https://feeds.example.com/feeds/all.rss",
			Atom: "https://feeds.example.com/feeds/all.atom",
			JSON: "https://feeds.example.com/feeds/all.json",
		},
		Hubs:    []string{"https://feeds.example.com/hub", "https://hub.example.org/?for=us&more=1"},
		Updated: time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC),
	}
}

// must returns a function that returns v, or stops the test when err is set.
func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range Formats() {
		if got := must(ParseFormat(f.String()))(t); got != f {
			t.Errorf("ParseFormat(%q) = %v", f, got)
		}
	}
	if _, err := ParseFormat("xml"); err == nil {
		t.Error("ParseFormat of an unknown format gives no error")
	}
}
