package edition_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// BenchmarkPartnerAfterAChange gets a partner's feed of 50 galleries after one of them
// changed, and, as the floor, builds the whole feed of a set that has nothing yet. The ratio
// is the time of the first over that of the second. Both wait for NATS to read what they need.
func BenchmarkPartnerAfterAChange(b *testing.B) {
	n := startNode(b, func(o *options) { o.others = []*gallery.Audience{{Name: "msn"}} })
	for i := range 60 {
		n.Publish(thirtySlides(fmt.Sprint("g", i), 1))
	}
	kept := n.editions.For(msnFeed(&gallery.Audience{Name: "msn"}, ""))
	n.of(kept, msnRef)
	var whole, after time.Duration
	for i := range b.N {
		n.Clock.Advance(time.Second)
		n.Publish(thirtySlides(fmt.Sprint("g", i%60), int64(i+2)))
		began := time.Now()
		n.of(kept, msnRef)
		after += time.Since(began)
		fresh := n.editions.For(msnFeed(&gallery.Audience{Name: "msn"}, fmt.Sprint("key", i)))
		began = time.Now()
		n.of(fresh, msnRef)
		whole += time.Since(began)
		fresh.Release()
	}
	b.ReportMetric(float64(whole.Microseconds())/float64(b.N), "whole-µs")
	b.ReportMetric(float64(after.Microseconds())/float64(b.N), "after-µs")
	b.ReportMetric(float64(after)/float64(whole), "ratio")
	b.ReportMetric(0, "ns/op") // of both together: says nothing
}

func thirtySlides(id string, version int64) *gallery.Gallery {
	return photo(id, func(g *gallery.Gallery) {
		g.Version = version
		for i := range 28 {
			s := g.Slides[0]
			s.ID, s.Caption = fmt.Sprint(i), "<p>Boats at <b>dusk</b>, seen from the quay.</p>"
			s.Image.URL = fmt.Sprintf("https://img.example.com/%s/%d.jpg", id, i)
			g.Slides = append(g.Slides, s)
		}
	})
}
