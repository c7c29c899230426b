package page_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
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
				n.Publish(photo(fmt.Sprint("g", i), func(g *gallery.Gallery) {
					g.Published = noon.Add(-time.Duration(galleries-i) * time.Minute)
					g.Section, g.Tags = fmt.Sprint("Section ", i%50), []string{"all", fmt.Sprint("tag ", i)}
				}))
			}
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

// BenchmarkList asks for parts of the list of 100,000 galleries: for one again and
// again, and each time for another, which has to be read and rendered. It reports how
// many times as long, in the median, one in the middle and one at the end take as one
// at the top.
func BenchmarkList(b *testing.B) {
	const archive = 100_000
	n := startNode(b)
	n.putAtOnce(archive)
	ask := func(deep int) time.Duration {
		published := noon.Add(-time.Duration(deep) * time.Minute)
		path := fmt.Sprint("/galleries?before=", strconv.FormatInt(published.UnixNano(), 36), "~g", archive-deep)
		began := time.Now()
		if res := n.get(path); res.StatusCode != http.StatusOK {
			b.Fatal(res.Status)
		}
		return time.Since(began)
	}
	for name, each := range map[string]int{"kept": 0, "rendered": 20} {
		b.Run(name, func(b *testing.B) {
			n.mount(n.Clock.Now)
			for _, deep := range []int{1, archive / 2, archive - 100} {
				ask(deep)
			}
			var took [3][]time.Duration
			turn := 0
			for b.Loop() {
				at := turn % 1000 * each
				for i, deep := range []int{1 + at, archive/2 + at, archive - 100 - at} {
					took[i] = append(took[i], ask(deep))
				}
				turn++
			}
			top, middle, end := median(took[0]), median(took[1]), median(took[2])
			b.ReportMetric(top*1e6, "top-µs")
			b.ReportMetric(middle/top, "middle/top")
			b.ReportMetric(end/top, "end/top")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// median returns the middle one, in seconds.
func median(list []time.Duration) float64 {
	slices.Sort(list)
	return list[len(list)/2].Seconds()
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
