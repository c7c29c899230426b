package feed

import (
	"encoding/json"
	"testing"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"
)

// jsonItemOf returns the only item of a JSON Feed of g.
func jsonItemOf(t *testing.T, g *gallery.Gallery, c Content) map[string]any {
	t.Helper()
	var feed struct{ Items []map[string]any }
	must(0, json.Unmarshal(render(t, JSON, c, g).Bytes(), &feed))(t)
	return only(t, feed.Items)
}

func TestJSONItemHoldsTheGalleryAsData(t *testing.T) {
	g := harbour()
	g.Slides = append(g.Slides[:1], gallery.Slide{ID: "lost", Caption: "without a picture", Image: gallery.Image{URL: "javascript:x"}})
	want := map[string]any{
		"gallery": "harbour-lights", "self": "https://feeds.example.com/galleries/harbour-lights.json",
		"page": "https://feeds.example.com/galleries/harbour-lights", "section": "Travel", "direction": "ltr", "sources": []any{"Agency One", "Agency Two"},
		"copyright": "© Example News", "license": "https://example.com/licence",
		"slides": []any{
			map[string]any{
				"id": "1", "title": "Dusk", "caption_html": "<p>The <b>first lamp</b></p>", "credit": "Agency One",
				"image": map[string]any{
					"url": "https://img.example.com/1.jpg", "type": "image/jpeg", "width": 1600.0, "height": 900.0, "bytes": 245113.0,
					"alt": "Boats at dusk", "thumbnail": "https://img.example.com/1-s.jpg",
				},
			},
			map[string]any{"id": "lost", "caption_html": "without a picture"},
		},
	}
	if diff := cmp.Diff(want, jsonItemOf(t, g, Full)["_gallerywire"]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// An item leads to the gallery's page and feed here, wherever its own address is. What
// is withdrawn has neither.
func TestAnItemLeadsToItsOwnFeedAndPage(t *testing.T) {
	const here, there = "https://feeds.example.com/galleries/harbour-lights", "https://news.example.com/harbour"
	related := func(page string) []string { return []string{page + " text/html", here + ".atom application/atom+xml"} }
	of := func(address string) *gallery.Gallery {
		g := harbour()
		g.URL, g.Slides = address, g.Slides[:1]
		return g
	}
	stub := func(g *gallery.Gallery) *Item { return must(testRenderer().Stub(g, day(21, 9)))(t) }
	whole := func(g *gallery.Gallery) *Item { return must(testRenderer().Item(g, testNow, Summary))(t) }
	slide := func(g *gallery.Gallery) *Item { return only(t, must(testRenderer().Slides(g, testNow, 0))(t)) }
	for name, tt := range map[string]struct {
		item       *Item
		related    []string
		self, page string
	}{
		"elsewhere":          {whole(of(there)), related(here), here + ".json", here},
		"here":               {whole(of("")), related(here)[1:], here + ".json", here},
		"a slide, elsewhere": {slide(of(there)), related(here + "#slide-1"), here + ".json", here + "#slide-1"},
		"a slide, here":      {slide(of("")), related("")[1:], here + ".json", here + "#slide-1"},
		"withdrawn":          {stub(of(there)), nil, "", ""},
	} {
		var links []string
		for _, l := range parseXML(t, must(Assemble(Atom, testChannel(), []*Item{tt.item}))(t).Bytes()).all("atom:entry")[0].all("atom:link") {
			if l.attrs["rel"] == "related" {
				links = append(links, l.attrs["href"]+" "+l.attrs["type"])
			}
		}
		if diff := cmp.Diff(tt.related, links); diff != "" {
			t.Errorf("%s: related (-want +got)\n%s", name, diff)
		}
		var item struct {
			Data struct{ Self, Page string } `json:"_gallerywire"`
		}
		must(0, json.Unmarshal(tt.item.pieces[JSON].body, &item))(t)
		if item.Data.Self != tt.self || item.Data.Page != tt.page {
			t.Errorf("%s: itself at %q, its page at %q", name, item.Data.Self, item.Data.Page)
		}
	}
}

func TestIDOfASlideInTheGallerysOwnFeedEndsInTheOneInItsData(t *testing.T) {
	g := benchGallery(0)
	g.Slides[0].ID = "a/b"
	data := jsonItemOf(t, g, Full)["_gallerywire"].(map[string]any)
	for i, item := range must(testRenderer().Slides(g, testNow, 0))(t) {
		id := data["slides"].([]any)[i].(map[string]any)["id"].(string)
		if want := testRenderer().GalleryFeedID(g) + "/slides/" + id; item.ID() != want {
			t.Errorf("slide %d is %s, want %s", i, item.ID(), want)
		}
	}
}

func TestBannerIsNoUprightPicture(t *testing.T) {
	portrait, wide := gallery.Image{URL: "https://example.com/1.jpg", Width: 600, Height: 900}, gallery.Image{URL: "https://example.com/2.jpg", Width: 900, Height: 600}
	unknown := gallery.Image{URL: "https://example.com/3.jpg"}
	tests := []struct {
		name   string
		images []gallery.Image
		want   any
	}{
		{"the first wide one", []gallery.Image{portrait, wide, unknown}, wide.URL},
		{"the cover of unknown size", []gallery.Image{unknown, wide}, unknown.URL},
		{"none", []gallery.Image{portrait}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := article()
			for _, img := range tt.images {
				g.Slides = append(g.Slides, gallery.Slide{Image: img})
			}
			item := jsonItemOf(t, g, Full)
			if item["banner_image"] != tt.want || item["image"] != tt.images[0].URL {
				t.Errorf("banner %v, image %v", item["banner_image"], item["image"])
			}
		})
	}
}

func TestSummaryKeepsTheCoverAndNoOtherPicture(t *testing.T) {
	g := harbour()
	const cover = "https://news.example.com/galleries/img/zwei%20gr%C3%B6%C3%9Fer.png?q=%C3%A4"
	g.Slides[0].Image.URL = "ftp://img.example.com/1.jpg"
	for _, f := range Formats() {
		doc := render(t, f, Summary, g)
		checkValid(t, doc)
		item := only(t, must(gofeed.NewParser().ParseString(string(doc.Bytes())))(t).Items)
		if got := only(t, attachedPictures(f, item)); got != cover {
			t.Errorf("%s: picture %q, want %q", f, got, cover)
		}
	}
	item := jsonItemOf(t, g, Summary)
	slides := item["_gallerywire"].(map[string]any)["slides"].([]any)
	if item["image"] != cover || len(slides) != 1 || item["content_html"] != nil {
		t.Errorf("image %v, %d slides, content %v", item["image"], len(slides), item["content_html"])
	}
}
