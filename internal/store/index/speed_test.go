package index

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/gallery"
)

// typical is a gallery with a section, a language, four tags and an author.
func typical(i int) Revision {
	g := &gallery.Gallery{
		ID: fmt.Sprintf("gallery-about-something-%06d", i), Published: dawn.Add(time.Duration(i-200_000) * time.Minute),
		Section: fmt.Sprint("Section ", i%12), Language: "en",
		Tags:    []string{fmt.Sprint("tag ", i%5000), "night", fmt.Sprint("place ", i%300), fmt.Sprint("theme ", i%40)},
		Authors: []gallery.Author{{Name: fmt.Sprint("Writer ", i%200)}},
	}
	return Revision{ID: g.ID, Gallery: g, Rank: gallery.Rank{Updated: g.Published, Hash: gallery.HashOf([]byte(g.ID))}}
}

// crowd is an index of n galleries.
func crowd(t testing.TB, n int) *world {
	w := newWorld(t, 100)
	w.opts.Changed = func(Change) {}
	entries := make(map[string]*Entry, n)
	for i := range n {
		e := w.next(typical(i))
		entries[e.ID] = e
	}
	w.Fill(entries, dawn, w.sequence, w.now)
	return w
}

// BenchmarkChange applies corrections, arrivals and take-downs among few
// galleries and among many. The ratio is the time among many over the time among few.
func BenchmarkChange(b *testing.B) {
	few, many := changer(crowd(b, 100)), changer(crowd(b, 100_000))
	compareTimes(b, few, many)
}

// publicFeeds are configured feeds, archives and a thousand feeds on demand.
func (w *world) publicFeeds() {
	w.Select(Match{}, ByPublished)
	w.Select(Match{}, ByUpdated)
	for i := range 12 {
		w.Select(Match{Sections: []string{fmt.Sprint("Section ", i)}}, ByPublished)
	}
	for i := range 1000 {
		w.Select(Match{Tags: []string{fmt.Sprint("tag ", i)}}, ByPublished)
	}
}

// changer returns a function that changes one gallery.
func changer(w *world) func(int) {
	w.publicFeeds()
	n := len(w.entries)
	return func(i int) {
		r := typical(n - 1 - i%20)
		if i%4 == 0 { // an arrival, and then its take-down
			r = typical(n + i/8%20)
		}
		if i%8 == 4 {
			r.Gallery, r.Rank.TakeDown = nil, true
		}
		r.Rank.Updated = dawn.Add(time.Duration(i) * time.Microsecond)
		e := w.next(r)
		w.Apply(gallery.Key(e.ID), e, w.now)
	}
}

// BenchmarkArchivePage reads the page next to the newest and the deepest one of
// 100,000 galleries, both of about the same size. The ratio is the time of the
// deep one over that of the other, for each gallery on it.
func BenchmarkArchivePage(b *testing.B) {
	w := crowd(b, 100_000)
	s := w.Select(Match{}, ByPublished)
	page := func(name string) (func(int), int) {
		p, _ := s.Page(name, w.now)
		return func(int) {
			if _, ok := s.Page(name, w.now); !ok {
				b.Fatal("no page " + name)
			}
		}, len(p.Entries)
	}
	var shallow, deep string
	for name, i := newestPage(s, w.now), 0; name != ""; i++ {
		p, _ := s.Page(name, w.now)
		switch full := len(p.Entries) > 80 && len(p.Entries) < 120; {
		case full && shallow == "":
			shallow = name
		case full:
			deep = name
		}
		name = p.Older
	}
	near, nearSize := page(shallow)
	far, farSize := page(deep)
	b.ReportMetric(float64(nearSize), "near-galleries")
	b.ReportMetric(float64(farSize), "far-galleries")
	compareTimes(b, near, far)
}

// BenchmarkSelect makes and releases a selection of 20 galleries among few and
// among many.
func BenchmarkSelect(b *testing.B) {
	selecting := func(w *world) func(int) {
		for i := range 20 {
			w.publish(fmt.Sprint("rare-", i), tagged("rare"))
		}
		return func(int) { w.Select(Match{Tags: []string{"rare"}}, ByPublished).Release() }
	}
	compareTimes(b, selecting(crowd(b, 100)), selecting(crowd(b, 100_000)))
}

// compareTimes measures both by turns, in rounds, so that whatever else the
// machine does meets both.
func compareTimes(b *testing.B, floor, ours func(int)) {
	const round = 64
	var bare, whole time.Duration
	rounds := 0
	for i := 0; b.Loop(); i += round {
		bare += timed(floor, i, round)
		whole += timed(ours, i, round)
		rounds++
	}
	b.ReportMetric(float64(bare.Nanoseconds())/float64(rounds*round), "few-ns")
	b.ReportMetric(float64(whole.Nanoseconds())/float64(rounds*round), "many-ns")
	b.ReportMetric(float64(whole)/float64(bare), "ratio")
	b.ReportMetric(0, "ns/op") // of both together: says nothing
}

func timed(f func(int), from, n int) time.Duration {
	began := time.Now()
	for i := range n {
		f(from + i)
	}
	return time.Since(began)
}

// inUse is what the heap holds.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
