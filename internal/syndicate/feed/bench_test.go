package feed

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gorilla/feeds"
)

const (
	benchGalleries = 50
	benchSlides    = 30
)

// benchGallery is a gallery as newspapers publish them: a lead of two
// paragraphs and captions of two sentences.
func benchGallery(n int) *gallery.Gallery {
	g := &gallery.Gallery{
		ID:        fmt.Sprintf("gallery-%d", n),
		URL:       fmt.Sprintf("https://news.example.com/galleries/gallery-%d", n),
		Title:     fmt.Sprintf("Harbour lights, part %d", n),
		Summary:   "Thirty pictures of a harbour between dusk and dawn, and of those who keep its lights burning.",
		Body:      "<p>Boats come <em>home</em> at dusk, one after the other.</p><p>By dawn the quay is <a href=\"/quay\">empty</a> again.</p>",
		Language:  "en",
		Section:   "Travel",
		Tags:      []string{"harbours", "night"},
		Authors:   []gallery.Author{{Name: "A. Writer", Email: "a@example.com"}},
		Published: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC).Add(time.Duration(-n) * time.Hour),
		Sources:   []string{"Agency One", "Agency Two"},
		Copyright: "© Example News",
	}
	g.Updated = g.Published
	for i := range benchSlides {
		g.Slides = append(g.Slides, gallery.Slide{
			Title:   fmt.Sprintf("Light %d", i+1),
			Caption: fmt.Sprintf("The lamp on pier %d was lit at 18:40 & burnt until dawn. Its keeper, the third of his family, has never missed a night.", i+1),
			Credit:  "Agency One",
			Image: gallery.Image{
				URL: fmt.Sprintf("https://img.example.com/%d/%d.jpg", n, i+1), Width: 1600, Height: 900, Bytes: 245113 + int64(i),
				Alt: "A lamp over dark water", Thumbnail: fmt.Sprintf("https://img.example.com/%d/%d-s.jpg", n, i+1),
			},
		})
	}
	return g
}

// benchItems renders the galleries of the feed that the benchmarks build.
func benchItems(b *testing.B, r *Renderer) ([]*gallery.Gallery, []*Item) {
	b.Helper()
	galleries := make([]*gallery.Gallery, benchGalleries)
	items := make([]*Item, benchGalleries)
	for i := range galleries {
		galleries[i] = benchGallery(i)
		items[i] = must(r.Item(galleries[i], testNow, Full))(b)
	}
	return galleries, items
}

// BenchmarkOneChange is what a change costs: one gallery of the feed rendered
// anew, what cannot be in one document looked for, the three documents put together. Its floor is
// BenchmarkGorillaWhole.
func BenchmarkOneChange(b *testing.B) {
	r := testRenderer()
	galleries, items := benchItems(b, r)
	b.ReportAllocs()
	for b.Loop() {
		items[benchGalleries/2] = must(r.Item(galleries[benchGalleries/2], testNow, Full))(b)
		for _, f := range Formats() {
			doc := must(Assemble(f, testChannel(), items))(b)
			must(doc.WriteTo(io.Discard))(b)
		}
		if problems := Check(items, 0); problems != nil {
			b.Fatal(problems)
		}
	}
}

// BenchmarkOneChangeGzip is BenchmarkOneChange with the compressed forms.
func BenchmarkOneChangeGzip(b *testing.B) {
	r := testRenderer()
	galleries, items := benchItems(b, r)
	b.ReportAllocs()
	for b.Loop() {
		items[benchGalleries/2] = must(r.Item(galleries[benchGalleries/2], testNow, Full))(b)
		for _, f := range Formats() {
			must(Assemble(f, testChannel(), items))(b).Gzip()
		}
	}
}

// BenchmarkGorillaWhole builds the three documents whole with gorilla/feeds
// alone, the HTML of the galleries made beforehand.
func BenchmarkGorillaWhole(b *testing.B) {
	r := testRenderer()
	galleries, _ := benchItems(b, r)
	contents := make([]string, len(galleries))
	for i, g := range galleries {
		contents[i] = r.view(g, testNow).html()
	}
	b.ReportAllocs()
	for b.Loop() {
		f := gorillaFeed(r, galleries, contents)
		must(f.ToRss())(b)
		must(f.ToAtom())(b)
		must(f.ToJSON())(b)
	}
}

func gorillaFeed(r *Renderer, galleries []*gallery.Gallery, contents []string) *feeds.Feed {
	f := &feeds.Feed{
		Title: "All galleries", Link: &feeds.Link{Href: "https://news.example.com/"}, Description: "Every gallery",
		Author: &feeds.Author{Name: "Example News"}, Updated: galleries[0].Updated,
	}
	for i, g := range galleries {
		f.Add(&feeds.Item{
			Id: r.ID(g), Title: g.Title, Link: &feeds.Link{Href: g.URL}, Description: g.Summary, Content: contents[i],
			Author: &feeds.Author{Name: g.Authors[0].Name}, Created: g.Published, Updated: g.Updated,
			Enclosure: &feeds.Enclosure{Url: g.Slides[0].Image.URL, Length: "245113", Type: "image/jpeg"},
		})
	}
	return f
}

// BenchmarkSanitise is what the captions of one gallery cost.
func BenchmarkSanitise(b *testing.B) {
	g := benchGallery(0)
	b.ReportAllocs()
	for b.Loop() {
		for _, s := range g.Slides {
			gallery.HTML(s.Caption, nil)
		}
	}
}
