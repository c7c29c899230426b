package feed

import (
	"strconv"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

func TestItemOverTheLimitIsRefused(t *testing.T) {
	r := NewRenderer(Options{SiteID: "news.example.com", BaseURL: "https://feeds.example.com", MaxItem: 1000})
	if _, err := r.Item(harbour(), testNow, Full); err == nil || !strings.Contains(err.Error(), `gallery "harbour-lights"`) || !strings.Contains(err.Error(), "at most 1000 are allowed") {
		t.Errorf("got %v", err)
	}
}

func TestCheckNamesItemsThatCannotBeInOneDocument(t *testing.T) {
	r := testRenderer()
	one, two, three := harbour(), article(), rightToLeftGallery()
	two.GUID = r.ID(one)
	four := &gallery.Gallery{ID: "4", GUID: "tag:news.example.com,2026:/guid/12345", Title: "x", Published: day(1, 0)} // Atom's identifier of the third
	var items []*Item
	largest := 0
	for _, g := range []*gallery.Gallery{one, two, three, four} {
		items = append(items, must(r.Item(g, testNow, Full))(t))
	}
	for _, p := range items[0].pieces {
		largest = max(largest, len(p.body))
	}
	for name, c := range map[string]struct {
		items []*Item
		limit int
		want  []Problem
	}{
		"nothing wrong":            {[]*Item{items[0], items[2]}, 0, nil},
		"no items":                 {nil, 0, nil},
		"identifiers twice":        {items, 0, []Problem{{1, `its id tag:news.example.com,2026:harbour-lights is also that of gallery "harbour-lights"`}, {3, `its id tag:news.example.com,2026:/guid/12345 is also that of gallery "أضواء"`}}},
		"as long as allowed":       {items[:1], largest, nil},
		"too long with the second": {[]*Item{items[0], items[2]}, largest, []Problem{{1, "with it the document would be longer than " + strconv.Itoa(largest) + " bytes"}}},
		"each too long":            {[]*Item{items[0], items[2]}, 10, []Problem{{0, "with it the document would be longer than 10 bytes"}, {1, "with it the document would be longer than 10 bytes"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Check(c.items, c.limit)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
