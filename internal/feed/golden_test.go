package feed

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"
	ext "github.com/mmcdole/gofeed/extensions"
)

var update = flag.Bool("update", false, "write the golden documents anew")

func day(d, hour int) time.Time { return time.Date(2026, 11, d, hour, 0, 0, 0, time.UTC) }

func harbour() *gallery.Gallery {
	return &gallery.Gallery{
		ID: "harbour-lights", URL: "https://news.example.com/galleries/harbour-lights", Title: "Harbour lights",
		Summary: "Lamps & boats, from dusk to dawn", Body: `<p>Boats come <em>home</em>. <a href="/quay">More</a></p><script>alert(1)</script>`,
		Language: "en", Section: "Travel", Tags: []string{"harbours", "night"},
		Authors:   []gallery.Author{{Name: "A. Writer", Email: "a@example.com", URL: "/a"}, {Name: "B. Painter"}},
		Published: day(20, 9), Updated: day(20, 10), Sources: []string{"Agency One", "Agency Two"},
		Copyright: "© Example News", License: "https://example.com/licence",
		Slides: []gallery.Slide{
			{ID: "1", Title: "Dusk", Caption: "<p>The <b>first lamp</b></p>", Credit: "Agency One", Image: gallery.Image{
				URL: "https://img.example.com/1.jpg", Width: 1600, Height: 900, Bytes: 245113, Alt: "Boats at dusk",
				Thumbnail: "https://img.example.com/1-s.jpg"}},
			{ID: "2", Caption: "A line\nand another", Credit: "Agency Two", Image: gallery.Image{URL: "img/zwei größer.png?q=ä", Bytes: 7}},
			{ID: "3", Title: "Dawn", Image: gallery.Image{URL: "https://bücher.example/3", Type: "image/webp"}},
		},
	}
}

func rightToLeftGallery() *gallery.Gallery {
	return &gallery.Gallery{
		ID: "أضواء", GUID: "12345", Title: "أضواء الميناء", Body: "<p>مساء في الميناء</p>", Language: "ar",
		Published: day(19, 8), Updated: day(19, 8),
		Slides: []gallery.Slide{{Caption: "المصباح الأول", Credit: "وكالة", Image: gallery.Image{URL: "https://img.example.com/a.gif"}}},
	}
}

func awkward() *gallery.Gallery {
	return &gallery.Gallery{
		ID: "/odd id?#%", Title: "a <b> & \"c\" ]]> \u000b\ufffe\xed\xa0\x80 😀", Summary: "1 < 2 ]]> <script>alert(1)</script>",
		Body: "x ]]> y \u000b\ufffe\xff <b>open", Language: "en_GB", Tags: []string{"R&D", "", "R&D"},
		Authors: []gallery.Author{{Name: "O'Neill \"Jo\" <jo>"}, {Email: "no name"}}, Published: day(18, 7),
		Slides: []gallery.Slide{{
			Title: "</figure>", Caption: "]]></figcaption></div><b>bold \u2028 <img src=x onerror=alert(1)>", Credit: "<i>me</i>",
			Image: gallery.Image{URL: "https://img.example.com/a b\"<>.jpg?x=1&y=2", Alt: "\"quoted\" & <odd>"},
		}},
	}
}

func article() *gallery.Gallery {
	return &gallery.Gallery{
		ID: "no-pictures", URL: "https://news.example.com/no-pictures", GUID: "https://news.example.com/no-pictures",
		Title: "Without pictures", Body: "<p>" + strings.Repeat("Only words. ", 40) + "</p>", Published: day(17, 6), Updated: day(17, 6),
	}
}

func withheld() *gallery.Gallery {
	g, no := harbour(), false
	g.ID, g.Title = "withheld", "One withheld, one ended"
	g.Slides[0].Rights.Syndicate = &no
	g.Slides[1].Rights.Until = day(30, 0)
	return g
}

// golden is what a golden document is rendered from.
type golden struct {
	content   Content
	galleries []*gallery.Gallery
}

func goldenFeeds() map[string]golden {
	return map[string]golden{
		"galleries": {Full, []*gallery.Gallery{harbour(), rightToLeftGallery(), article()}},
		"awkward":   {Full, []*gallery.Gallery{awkward()}},
		"withheld":  {Full, []*gallery.Gallery{withheld()}},
		"summary":   {Summary, []*gallery.Gallery{harbour(), article()}},
		"empty":     {Full, nil},
	}
}

func render(t testing.TB, f Format, c Content, galleries ...*gallery.Gallery) *Document {
	t.Helper()
	items := make([]*Item, len(galleries))
	for i, g := range galleries {
		items[i] = must(testRenderer().Item(g, testNow, c))(t)
	}
	return must(Assemble(f, testChannel(), items))(t)
}

func TestGoldenDocuments(t *testing.T) {
	for name, want := range goldenFeeds() {
		for _, f := range Formats() {
			t.Run(name+"."+f.String(), func(t *testing.T) {
				doc := render(t, f, want.content, want.galleries...)
				path := filepath.Join("testdata", name+"."+f.String())
				if *update {
					must(0, os.WriteFile(path, doc.Body, 0o644))(t)
				}
				if diff := cmp.Diff(string(must(os.ReadFile(path))(t)), string(doc.Body)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				checkWellFormed(t, doc)
				checkReadBack(t, doc, want.content, want.galleries)
			})
		}
	}
}

// checkReadBack reads doc with a parser that nobody here wrote.
func checkReadBack(t *testing.T, doc *Document, c Content, galleries []*gallery.Gallery) {
	t.Helper()
	got := must(gofeed.NewParser().ParseString(string(doc.Body)))(t)
	if got.Title != testChannel().Title || got.FeedLink != testChannel().Self[doc.Format] || len(got.Items) != len(galleries) {
		t.Fatalf("title %q, self %q, %d items", got.Title, got.FeedLink, len(got.Items))
	}
	r := testRenderer()
	for i, g := range galleries {
		item := got.Items[i]
		id := r.ID(g)
		if doc.Format == Atom {
			id = r.atomID(g)
		}
		if item.GUID != id || item.Link != r.link(g) {
			t.Errorf("id %q, link %q; want %q, %q", item.GUID, item.Link, id, r.link(g))
		}
		if item.PublishedParsed == nil || !item.PublishedParsed.Equal(g.Published) {
			t.Errorf("published %v, want %v", item.PublishedParsed, g.Published)
		}
		checkPictures(t, doc.Format, item, must(r.story(g, testNow, c))(t), c)
	}
}

// checkPictures looks for every picture, caption and credit in what readers
// show, and in the attachments.
func checkPictures(t *testing.T, f Format, item *gofeed.Item, s *story, c Content) {
	t.Helper()
	attached := attachedPictures(f, item)
	content := gallery.PlainText(item.Content)
	for i, p := range s.pictures {
		if i >= len(attached) || attached[i] != p.url {
			t.Errorf("picture %d: attached are %q, want %q", i, attached, p.url)
		}
		if c == Summary {
			continue
		}
		if !strings.Contains(item.Content, `<img src="`+strings.ReplaceAll(p.url, "&", "&amp;")+`"`) {
			t.Errorf("picture %q is not in the content", p.url)
		}
		for _, text := range []string{p.title, p.caption, p.credit} {
			if !strings.Contains(content, text) {
				t.Errorf("%q is not in the content %q", text, content)
			}
		}
	}
	if len(attached) != len(s.pictures) {
		t.Errorf("%d pictures attached, want %d", len(attached), len(s.pictures))
	}
}

func attachedPictures(f Format, item *gofeed.Item) []string {
	var urls []string
	if f == RSS {
		for _, m := range item.Extensions["media"]["content"] {
			urls = append(urls, m.Attrs["url"])
		}
		return urls
	}
	for _, e := range item.Enclosures {
		urls = append(urls, e.URL)
	}
	return urls
}

func TestRSSSlideCarriesItsTexts(t *testing.T) {
	doc := render(t, RSS, Full, harbour())
	feed := must(gofeed.NewParser().ParseString(string(doc.Body)))(t)
	slide := feed.Items[0].Extensions["media"]["content"][0]
	text := func(name string) string { return only(t, slide.Children[name]).Value }
	got := map[string]string{
		"title": text("title"), "description": text("description"), "credit": text("credit"), "text": text("text"),
		"thumbnail": only(t, slide.Children["thumbnail"]).Attrs["url"], "fileSize": slide.Attrs["fileSize"], "type": slide.Attrs["type"],
	}
	want := map[string]string{
		"title": "Dusk", "description": "The first lamp", "credit": "Agency One", "text": "Boats at dusk",
		"thumbnail": "https://img.example.com/1-s.jpg", "fileSize": "245113", "type": "image/jpeg",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if e := feed.Items[0].Enclosures; len(e) != 1 || e[0].Length != "245113" {
		t.Errorf("enclosures %+v, want the cover", e)
	}
}

func only(t *testing.T, list []ext.Extension) ext.Extension {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("%d elements, want one", len(list))
	}
	return list[0]
}
