package page_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
)

// data returns what a page says for programs.
func (d dom) data(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(d.one(t, "script", "type=application/ld+json").FirstChild.Data), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGalleryAsData(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("harbour", func(g *gallery.Gallery) {
		g.Title, g.Summary = "Harbour & <lights>", "Boats come home"
		g.Section, g.Tags = "Travel", []string{"harbours", "night"}
		g.Authors = []gallery.Author{{Name: "A. Writer", URL: "https://paper.example.com/a"}}
		g.Updated = noon.Add(-30 * time.Minute)
		g.Copyright, g.License = "© Example News", "https://paper.example.com/licence"
		g.Slides[0].Image.Thumbnail = "https://img.example.com/1-s.jpg"
		g.Slides[1].Image.Width, g.Slides[1].Title, g.Slides[1].Credit = 0, "", ""
		g.Slides = append(g.Slides, picture(3))
		g.Slides[2].Image.URL = "javascript:alert(1)"
	}))
	pixels := func(n int) map[string]any {
		return map[string]any{"@type": "QuantitativeValue", "value": float64(n), "unitCode": "E37"}
	}
	want := map[string]any{
		"@context": "https://schema.org", "@type": "ImageGallery",
		"url": baseURL + "/galleries/harbour", "sameAs": "https://paper.example.com/g/harbour",
		"name": "Harbour & <lights>", "description": "Boats come home", "inLanguage": "en",
		"datePublished": "2026-11-23T11:00:00Z", "dateModified": "2026-11-23T11:30:00Z",
		"genre": "Travel", "keywords": []any{"harbours", "night"},
		"author":          []any{map[string]any{"@type": "Person", "name": "A. Writer", "url": "https://paper.example.com/a"}},
		"publisher":       map[string]any{"@type": "Organization", "name": "Gallery & Wire"},
		"copyrightNotice": "© Example News", "license": "https://paper.example.com/licence",
		"image": []any{
			map[string]any{
				"@type": "ImageObject", "contentUrl": "https://img.example.com/1.jpg", "thumbnailUrl": "https://img.example.com/1-s.jpg",
				"name": "Slide 1", "caption": "Caption 1", "creditText": "Agency 1", "width": pixels(1600), "height": pixels(900),
			},
			map[string]any{"@type": "ImageObject", "contentUrl": "https://img.example.com/2.jpg", "caption": "Caption 2"},
		},
	}
	if diff := cmp.Diff(want, n.open("/galleries/harbour").data(t)); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

func TestWithoutAPictureItIsAnArticle(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	for name, slides := range map[string][]gallery.Slide{
		"none": nil, "unusable": {{Image: gallery.Image{URL: "javascript:alert(1)"}}}, "ended": {{Image: picture(1).Image, Rights: gallery.Rights{Until: noon.Add(-time.Hour)}}},
	} {
		n.Publish(photo(name, func(g *gallery.Gallery) { g.Slides = slides }))
		data := n.open("/galleries/" + name).data(t)
		if data["@type"] != "Article" || data["headline"] != data["name"] || data["image"] != nil {
			t.Errorf("%s: %v", name, data)
		}
	}
}

func TestHostileGalleryAsData(t *testing.T) {
	t.Parallel()
	const evil = "</script><script>alert(1)</script><!-- <script> ]]> \u2028 \" \\ {{.}}"
	n := startNode(t)
	n.Publish(photo("hostile", func(g *gallery.Gallery) {
		g.Title, g.Section, g.Tags = evil, evil, []string{evil}
		g.Slides[0].Title, g.Slides[0].Credit, g.Slides[0].Caption = evil, evil, "a &lt;/script&gt; b"
	}))
	text := body(t, n.get("/galleries/hostile"))
	if got := strings.Count(text, "</script>"); got != 2 {
		t.Errorf("%d scripts end, want our own and the data", got)
	}
	v := parse(t, text).data(t)
	if got := v["name"]; got != strings.Join(strings.Fields(evil), " ") {
		t.Errorf("the name is %q", got)
	}
	if got := v["image"].([]any)[0].(map[string]any)["caption"]; got != "a </script> b" {
		t.Errorf("the caption is %q", got)
	}
}

// A picture that may not be shown any more is a change of the gallery.
func TestDateOfAGalleryThatLostASlide(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("harbour", func(g *gallery.Gallery) {
		g.Updated, g.Slides[1].Rights.Until = noon.Add(-30*time.Minute), noon.Add(-10*time.Minute)
	}))
	if got := n.open("/galleries/harbour").data(t)["dateModified"]; got != "2026-11-23T11:50:00Z" {
		t.Errorf("modified %v", got)
	}
}

func TestCard(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	n.Publish(photo("harbour", func(g *gallery.Gallery) {
		g.Title, g.Summary, g.Section, g.Tags = "Harbour \u202Elights", strings.Repeat("long ", 1000), "Travel", []string{"a", "b"}
		g.Updated = noon.Add(-30 * time.Minute)
	}))
	n.Publish(photo("bare", func(g *gallery.Gallery) { g.URL, g.Slides = "", nil }))
	meta := func(path string) map[string][]string {
		all := map[string][]string{}
		for _, m := range n.open(path).one(t, "head").all("meta") {
			if name := m.attr("property"); name != "" {
				all[name] = append(all[name], m.attr("content"))
			}
		}
		return all
	}
	got := meta("/galleries/harbour")
	if d := got["og:description"][0]; len(d) > 310 || !strings.HasSuffix(d, "…") {
		t.Errorf("description of %d bytes", len(d))
	}
	delete(got, "og:description")
	want := map[string][]string{
		"og:type": {"article"}, "og:site_name": {"Gallery & Wire"}, "og:title": {"Harbour lights"}, "og:url": {"https://paper.example.com/g/harbour"},
		"og:image": {"https://img.example.com/1.jpg"}, "og:image:alt": {"Picture 1"}, "og:image:width": {"1600"}, "og:image:height": {"900"},
		"article:published_time": {"2026-11-23T11:00:00Z"}, "article:modified_time": {"2026-11-23T11:30:00Z"},
		"article:section": {"Travel"}, "article:tag": {"a", "b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("card of a gallery (-want +got):\n%s", diff)
	}
	if got := meta("/galleries/bare"); got["og:image"] != nil || got["og:url"][0] != baseURL+"/galleries/bare" {
		t.Errorf("card of a gallery without pictures: %v", got)
	}
	want = map[string][]string{
		"og:type": {"website"}, "og:site_name": {"Gallery & Wire"}, "og:title": {"Gallery & Wire"},
		"og:description": {"Pictures of the day"}, "og:url": {baseURL + "/"},
	}
	if diff := cmp.Diff(want, meta("/")); diff != "" {
		t.Errorf("card of the front page (-want +got):\n%s", diff)
	}
	if got := meta("/feeds/all.rss"); len(got) != 0 {
		t.Errorf("a page that nobody else reads has a card: %v", got)
	}
}
