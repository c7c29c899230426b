package page_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// BenchmarkFront asks for the front page of a site with few galleries and of one
// with many, each with a tag of its own.
func BenchmarkFront(b *testing.B) {
	for _, galleries := range []int{100, 10_000} {
		b.Run(fmt.Sprint(galleries, "-galleries"), func(b *testing.B) {
			n := startNode(b)
			for i := range galleries {
				n.put(photo(fmt.Sprint("g", i), func(g *gallery.Gallery) {
					g.Published = noon.Add(-time.Duration(galleries-i) * time.Minute)
					g.Section, g.Tags = fmt.Sprint("Section ", i%50), []string{"all", fmt.Sprint("tag ", i)}
				}))
			}
			n.settle()
			bytes := len(body(b, n.get("/")))
			for b.Loop() {
				if res := n.get("/"); res.StatusCode != http.StatusOK {
					b.Fatal(res.Status)
				}
			}
			b.ReportMetric(float64(bytes), "page-bytes")
		})
	}
}

// BenchmarkFeedOfAGallery asks for the page of the feed of a gallery with few slides
// and of one with many.
func BenchmarkFeedOfAGallery(b *testing.B) {
	for _, slides := range []int{20, 1000} {
		b.Run(fmt.Sprint(slides, "-slides"), func(b *testing.B) {
			n := startNode(b)
			path := n.long(slides)
			for b.Loop() {
				if res := n.get(path); res.StatusCode != http.StatusOK {
					b.Fatal(res.Status)
				}
			}
		})
	}
}
